using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Weft.Resources;

namespace Weft.Control.Api;

/// <summary>Reads bodies: bytes under a limit, objects through Weft.Resources, which validates everything and names every problem.</summary>
internal static class RequestBody
{
    /// <exception cref="ApiException">RequestEntityTooLarge.</exception>
    public static async Task<byte[]> BytesAsync(HttpContext context, ApiOptions options)
    {
        var reader = context.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(context.RequestAborted);
            if (read.Buffer.Length > options.MaxBodyBytes)
                throw new ApiException(new ApiStatus(413, "RequestEntityTooLarge", $"the body is over {options.MaxBodyBytes} bytes (MaxBodyBytes)"));
            if (read.IsCompleted)
            {
                var body = read.Buffer.ToArray();
                reader.AdvanceTo(read.Buffer.End); // not to is to leave a read open, and Kestrel then cuts the connection
                return body;
            }
            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    public static bool IsYaml(HttpContext context) => MediaType(context).Contains("yaml", StringComparison.OrdinalIgnoreCase);

    public static string MediaType(HttpContext context) => (context.Request.ContentType ?? "").Split(';')[0].Trim().ToLowerInvariant();

    /// <summary>Everything in the body: documents, lists, diagnostics.</summary>
    public static ReadResult Read(byte[] body, bool yaml, string fileName, string defaultNamespace, ApiOptions options)
    {
        var reading = new ReadOptions { DefaultNamespace = defaultNamespace, MaxTextLength = options.MaxBodyBytes };
        return yaml ? ResourceReader.ReadYaml(Encoding.UTF8.GetString(body), fileName, reading) : ResourceReader.ReadJson(body, fileName, reading);
    }

    /// <summary>The one object of the body, which must be what the path names.</summary>
    /// <exception cref="ApiException">Invalid with all diagnostics; BadRequest when body and path disagree.</exception>
    public static async Task<ResourceObject> ObjectAsync(HttpContext context, ApiPath path, ApiOptions options)
    {
        var body = await BytesAsync(context, options);
        if (MediaType(context).Contains("protobuf", StringComparison.Ordinal)) throw UnsupportedMediaType(context, "application/json or application/yaml");
        var read = Read(body, IsYaml(context), "body", path.Namespace ?? "default", options);
        return Single(context, path, read);
    }

    /// <summary>As <see cref="ObjectAsync"/> for a tree in memory: the result of a patch.</summary>
    public static ResourceObject Object(HttpContext context, ApiPath path, JsonNode json) =>
        Single(context, path, ResourceReader.ReadJson(json, "patched object", new ReadOptions { DefaultNamespace = path.Namespace ?? "default" }));

    /// <exception cref="ApiException">BadRequest that says where the JSON ends to make sense.</exception>
    public static JsonNode? Json(byte[] body)
    {
        try
        {
            return JsonNode.Parse(body);
        }
        catch (JsonException e)
        {
            throw new ApiException(ApiStatus.BadRequest($"the body is not JSON: {e.Message}"));
        }
    }

    public static ApiException UnsupportedMediaType(HttpContext context, string supported) =>
        new(new ApiStatus(415, "UnsupportedMediaType", $"content-type \"{MediaType(context)}\" is not taken here; send {supported}"));

    private static ResourceObject Single(HttpContext context, ApiPath path, ReadResult read)
    {
        if (read.HasErrors) throw new ApiException(ApiStatus.Invalid(path.Kind, path.Name ?? "", read.Diagnostics));
        if (read.Resources is not [var o]) throw new ApiException(ApiStatus.BadRequest($"the body holds {read.Resources.Length} objects; one was expected (POST /weft/v1/apply takes many)"));
        if (o.Kind != path.Kind) throw new ApiException(ApiStatus.BadRequest($"the body is a {o.Kind}, the path names {path.Kind}"));
        if (path.Namespace is not null && o.Metadata.Namespace != path.Namespace)
            throw new ApiException(ApiStatus.BadRequest($"the namespace of the object ({o.Metadata.Namespace}) does not match the namespace of the path ({path.Namespace})"));
        if (path.Name is not null && o.Metadata.Name != path.Name)
            throw new ApiException(ApiStatus.BadRequest($"the name of the object ({o.Metadata.Name}) does not match the name in the path ({path.Name})"));
        Reply.Warn(context, read.Diagnostics);
        return o;
    }
}
