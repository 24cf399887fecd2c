using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Weft.Resources;

namespace Weft.Control.Api;

/// <summary>Writes JSON answers.</summary>
public static class Reply
{
    public const string Json = "application/json";

    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Task StatusAsync(HttpContext context, ApiStatus status) => JsonAsync(context, status.Code, status.ToJson());

    public static Task JsonAsync(HttpContext context, int code, JsonNode json) => WriteAsync(context, code, json.WriteTo);

    /// <summary>One JSON value, written straight into the response.</summary>
    public static async Task WriteAsync(HttpContext context, int code, Action<Utf8JsonWriter, JsonSerializerOptions?> write)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = Json;
        await using (var writer = new Utf8JsonWriter(context.Response.BodyWriter, s_options)) write(writer, null);
        context.Response.BodyWriter.Write("\n"u8);
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
    }

    /// <summary>A page as <c>KINDList</c>.</summary>
    public static Task ListAsync(HttpContext context, ResourceKind kind, ListPage page) => WriteAsync(context, 200, (writer, _) =>
    {
        writer.WriteStartObject();
        writer.WriteString("kind", kind.Kind + "List");
        writer.WriteString("apiVersion", kind.ApiVersion);
        WriteListMetadata(writer, page);
        writer.WriteStartArray("items");
        foreach (var item in page.Items) item.Json.WriteTo(writer);
        writer.WriteEndArray();
        writer.WriteEndObject();
    });

    public static void WriteListMetadata(Utf8JsonWriter writer, ListPage page)
    {
        writer.WriteStartObject("metadata");
        writer.WriteString("resourceVersion", page.Revision.ToString(CultureInfo.InvariantCulture));
        if (page.Continue.Length > 0)
        {
            writer.WriteString("continue", page.Continue);
            writer.WriteNumber("remainingItemCount", page.Remaining);
        }
        writer.WriteEndObject();
    }

    /// <summary>What validation noticed and let pass, in the header that kubectl shows (RFC 7234 5.5, code 299).</summary>
    public static void Warn(HttpContext context, IEnumerable<Diagnostic> diagnostics)
    {
        foreach (var d in diagnostics.Where(d => d.Severity == Severity.Warning))
            context.Response.Headers.Append("Warning", $"299 - \"{HeaderSafe(d.Message)}\"");
    }

    private static string HeaderSafe(string text) =>
        string.Concat(text.Select(c => c is >= ' ' and <= '~' ? c : '?')).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
}
