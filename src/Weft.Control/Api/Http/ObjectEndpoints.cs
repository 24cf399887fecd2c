using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Weft.Resources;

namespace Weft.Control.Api;

/// <summary>The verbs on objects and collections, as Kubernetes maps them to HTTP methods.</summary>
internal sealed class ObjectEndpoints(ObjectService objects, PagedLists lists, WatchEndpoint watches, TokenEndpoint? tokens, TimeProvider time, ApiOptions options)
{
    private const string MergePatchType = "application/merge-patch+json";
    private const string ApplyPatchType = "application/apply-patch+yaml";

    public Task HandleAsync(HttpContext context, ApiPath path) => (context.Request.Method, path) switch
    {
        ("POST", { Subresource: "token" }) => tokens is null ? throw NotAllowed(context) : tokens.HandleAsync(context, path),
        (_, { Subresource: "token" }) => throw NotAllowed(context),
        ("GET", { Name: null }) when IsWatch(context) => watches.HandleAsync(context, path),
        ("GET", { Name: null }) => ListAsync(context, path),
        ("GET", _) => GetAsync(context, path),
        ("POST", { Name: null }) => CreateAsync(context, path),
        ("PUT", { Name: not null }) => ReplaceAsync(context, path),
        ("PATCH", { Name: not null }) => PatchAsync(context, path),
        ("DELETE", { Name: not null, Subresource: "" }) => DeleteAsync(context, path),
        _ => throw NotAllowed(context),
    };

    /// <summary><c>dryRun=All</c>: everything is decided, nothing is stored.</summary>
    internal static bool IsDryRun(HttpContext context) => context.Request.Query["dryRun"].ToString() switch
    {
        "" => false,
        "All" => true,
        var other => throw new ApiException(ApiStatus.BadRequest($"dryRun={other}: only All is known")),
    };

    private async Task ListAsync(HttpContext context, ApiPath path)
    {
        var query = context.Request.Query;
        _ = int.TryParse(query["limit"], NumberStyles.None, CultureInfo.InvariantCulture, out var limit);
        if (ObjectService.ParseRevision(query["resourceVersion"]) is { } asked && asked > objects.Store.Current.Revision)
            throw new ApiException(ApiStatus.Ahead(asked, objects.Store.Current.Revision));
        var page = lists.List(ObjectQuery.Parse(path, query["labelSelector"], query["fieldSelector"]), limit, query["continue"]);
        await (ObjectTable.Wanted(context.Request) is { } version
            ? Reply.WriteAsync(context, 200, (writer, _) => ObjectTable.Write(writer, version, path.Kind, page, time.GetUtcNow()))
            : Reply.ListAsync(context, path.Kind, page));
    }

    private async Task GetAsync(HttpContext context, ApiPath path)
    {
        var found = Find(path) ?? throw NotFound(path);
        var page = new ListPage(objects.Store.Current.Revision, [found], "", 0);
        await (ObjectTable.Wanted(context.Request) is { } version
            ? Reply.WriteAsync(context, 200, (writer, _) => ObjectTable.Write(writer, version, path.Kind, page, time.GetUtcNow()))
            : Reply.JsonAsync(context, 200, found.Json));
    }

    private async Task CreateAsync(HttpContext context, ApiPath path)
    {
        if (path.Kind.Namespaced && path.Namespace is null)
            throw new ApiException(ApiStatus.BadRequest($"{path.Kind.Plural} are created in a namespace: POST .../namespaces/NS/{path.Kind.Plural}"));
        var wanted = await RequestBody.ObjectAsync(context, path, options);
        await Reply.JsonAsync(context, 201, (await objects.CreateAsync(wanted, IsDryRun(context))).Json);
    }

    private async Task ReplaceAsync(HttpContext context, ApiPath path)
    {
        var wanted = await RequestBody.ObjectAsync(context, path, options);
        var expected = ObjectService.ParseRevision(wanted.Metadata.ResourceVersion);
        var (changed, _) = await objects.ChangeAsync(path.Kind, path.Namespace ?? "", path.Name!, expected, current => current switch
        {
            null => throw NotFound(path),
            _ when wanted.Metadata.Uid.Length > 0 && wanted.Metadata.Uid != current.Metadata.Uid =>
                throw new ApiException(ApiStatus.Conflict(path.Kind, path.Name!, $"the uid {wanted.Metadata.Uid} is that of an earlier object of this name")),
            _ when path.Subresource == "status" => ObjectRules.WithStatus(current, wanted.Status),
            _ => ObjectRules.Replaced(current, wanted),
        }, IsDryRun(context));
        await Reply.JsonAsync(context, 200, changed.Json);
    }

    private async Task PatchAsync(HttpContext context, ApiPath path)
    {
        var body = await RequestBody.BytesAsync(context, options);
        var (apply, patch) = RequestBody.MediaType(context) switch
        {
            MergePatchType => (false, RequestBody.Json(body)),
            ApplyPatchType => (true, YamlPatch(body, path)),
            _ => throw RequestBody.UnsupportedMediaType(context, $"{MergePatchType} (RFC 7386) or {ApplyPatchType} (kubectl apply --server-side)"),
        };
        var expected = ObjectService.ParseRevision(patch?["metadata"] is JsonObject m && m["resourceVersion"] is JsonValue v ? v.ToString() : null);
        var (changed, created) = await objects.ChangeAsync(path.Kind, path.Namespace ?? "", path.Name!, expected,
            current => Patched(context, path, current, patch, apply), IsDryRun(context));
        await Reply.JsonAsync(context, created ? 201 : 200, changed.Json);
    }

    private JsonObject Patched(HttpContext context, ApiPath path, ResourceObject? current, JsonNode? patch, bool apply)
    {
        if (current is null)
        {
            if (!apply || path.Subresource.Length > 0) throw NotFound(path);
            return ObjectRules.Created(RequestBody.Object(context, path, patch!), time.GetUtcNow(), Guid.NewGuid());
        }
        var wanted = RequestBody.Object(context, path, MergePatch.Apply(current.Json, patch) ?? new JsonObject());
        return path.Subresource == "status" ? ObjectRules.WithStatus(current, wanted.Status) : ObjectRules.Replaced(current, wanted);
    }

    /// <summary>Server-side apply without field ownership: the configuration is merged, and a field that an earlier one had and this one leaves
    /// out stays. <c>POST /weft/v1/apply</c> replaces instead.</summary>
    private JsonNode YamlPatch(byte[] body, ApiPath path)
    {
        var read = RequestBody.Read(body, yaml: true, "body", path.Namespace ?? "default", options);
        if (read.HasErrors) throw new ApiException(ApiStatus.Invalid(path.Kind, path.Name ?? "", read.Diagnostics));
        return read.Resources is [var o] ? o.Json.DeepClone() : throw new ApiException(ApiStatus.BadRequest("an applied configuration is one object"));
    }

    private async Task DeleteAsync(HttpContext context, ApiPath path)
    {
        var body = await RequestBody.BytesAsync(context, options);
        var wanted = body.Length == 0 ? null : RequestBody.Json(body)?["preconditions"];
        var preconditions = new DeletePreconditions((string?)wanted?["uid"], ObjectService.ParseRevision((string?)wanted?["resourceVersion"]));
        var (deleted, gone) = await objects.DeleteAsync(path.Kind, path.Namespace ?? "", path.Name!, preconditions, IsDryRun(context));
        if (!gone)
        {
            await Reply.JsonAsync(context, 202, deleted.Json);
            return;
        }
        await Reply.JsonAsync(context, 200, new JsonObject
        {
            ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Success",
            ["details"] = new JsonObject { ["name"] = path.Name, ["group"] = path.Kind.Group, ["kind"] = path.Kind.Plural, ["uid"] = deleted.Metadata.Uid },
        });
    }

    private ResourceObject? Find(ApiPath path) => objects.Store.Current.Find(path.Kind, path.Namespace ?? "", path.Name!);

    private static ApiException NotFound(ApiPath path) => new(ApiStatus.NotFound(path.Kind, path.Namespace ?? "", path.Name!));

    private static bool IsWatch(HttpContext context) => context.Request.Query["watch"].ToString() is "true" or "1";

    private static ApiException NotAllowed(HttpContext context) =>
        new(new ApiStatus(405, "MethodNotAllowed", $"{context.Request.Method} is not supported on {context.Request.Path}"));
}
