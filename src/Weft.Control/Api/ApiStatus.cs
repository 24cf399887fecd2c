using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Control.Api;

/// <summary>A refusal in the words of Kubernetes: a <c>metav1.Status</c> with the reason that clients switch over.</summary>
/// <param name="Code">HTTP status.</param>
/// <param name="Reason">Kubernetes' reason: <c>NotFound</c>, <c>Conflict</c>, ...</param>
/// <param name="Message">What is wrong and what to do about it.</param>
public sealed record ApiStatus(int Code, string Reason, string Message)
{
    /// <summary>The object spoken of, where there is one.</summary>
    public ResourceKind? Kind { get; init; }

    public string Name { get; init; } = "";

    /// <summary>What validation found; each becomes a cause, and stands whole under <c>details.diagnostics</c>.</summary>
    public IReadOnlyList<Diagnostic> Diagnostics { get; init; } = [];

    public static ApiStatus BadRequest(string message) => new(400, "BadRequest", message);

    public static ApiStatus Forbidden(string message) => new(403, "Forbidden", message);

    public static ApiStatus NoSuchPath(string path) =>
        new(404, "NotFound", $"the server could not find the requested resource: {path}; GET /apis and /api/v1 list what is served");

    public static ApiStatus NotFound(ResourceKind kind, string ns, string name) =>
        new(404, "NotFound", $"{Qualified(kind)} \"{name}\" not found{(ns.Length == 0 ? "" : $" in namespace {ns}")}") { Kind = kind, Name = name };

    public static ApiStatus NoNamespace(string ns) =>
        new(404, "NotFound", $"namespace \"{ns}\" does not exist: create it first, with apiVersion: v1, kind: Namespace, metadata: {{name: {ns}}}")
        {
            Kind = ResourceKinds.Namespace,
            Name = ns,
        };

    public static ApiStatus AlreadyExists(ResourceKind kind, string name) =>
        new(409, "AlreadyExists", $"{Qualified(kind)} \"{name}\" already exists") { Kind = kind, Name = name };

    public static ApiStatus Conflict(ResourceKind kind, string name, string why) =>
        new(409, "Conflict", $"Operation cannot be fulfilled on {Qualified(kind)} \"{name}\": {why}") { Kind = kind, Name = name };

    public static ApiStatus Invalid(ResourceKind? kind, string name, IReadOnlyList<Diagnostic> diagnostics)
    {
        var errors = diagnostics.Where(d => d.Severity == Severity.Error).ToList();
        var subject = kind is null ? "the request" : $"{kind.Kind} \"{name}\"";
        return new(422, "Invalid", $"{subject} is invalid: {string.Join("; ", errors.Select(d => $"{(d.Path.Length == 0 ? "" : d.Path + ": ")}{d.Message}"))}")
        {
            Kind = kind,
            Name = name,
            Diagnostics = diagnostics,
        };
    }

    public static ApiStatus Expired(string message) => new(410, "Expired", message);

    /// <summary>A revision that this store has not reached: the client's knowledge is of another store.</summary>
    public static ApiStatus Ahead(long asked, long current) =>
        Expired($"resourceVersion {asked} is ahead of this store ({current}): it comes from another data folder; list again");

    public static ApiStatus TooMany(string message) => new(429, "TooManyRequests", message);

    public static ApiStatus InsufficientStorage(string message) => new(507, "InsufficientStorage", message);

    public static ApiStatus Unavailable(string message) => new(503, "ServiceUnavailable", message);

    public JsonObject ToJson()
    {
        var json = new JsonObject
        {
            ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Failure",
            ["message"] = Message, ["reason"] = Reason, ["code"] = Code,
        };
        var details = new JsonObject();
        if (Name.Length > 0) details["name"] = Name;
        if (Kind is { Group.Length: > 0 }) details["group"] = Kind.Group;
        if (Kind is not null) details["kind"] = Kind.Plural;
        if (Diagnostics.Count > 0)
        {
            details["causes"] = new JsonArray([.. Diagnostics.Select(d => new JsonObject { ["reason"] = d.Code, ["message"] = Sentence(d), ["field"] = d.Path })]);
            details["diagnostics"] = DiagnosticJson.Of(Diagnostics);
        }
        if (details.Count > 0) json["details"] = details;
        return json;
    }

    private static string Sentence(Diagnostic d) =>
        (d.Line > 0 ? $"{d.File}:{d.Line}:{d.Column}: " : "") + d.Message + (d.Fix.Length == 0 ? "" : $". {d.Fix}");

    private static string Qualified(ResourceKind kind) => kind.Group.Length == 0 ? kind.Plural : $"{kind.Plural}.{kind.Group}";
}

/// <summary>Ends a request with a status. Thrown by the operations, caught in one place.</summary>
public sealed class ApiException(ApiStatus status) : Exception(status.Message)
{
    public ApiStatus Status { get; } = status;
}
