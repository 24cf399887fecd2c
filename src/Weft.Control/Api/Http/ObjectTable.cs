using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Weft.Resources;

namespace Weft.Control.Api;

/// <summary>Objects as a <c>meta.k8s.io Table</c>: what <c>kubectl get</c> asks for, so that it prints the columns that the kind declares.</summary>
internal static class ObjectTable
{
    /// <summary>The Table version that the client accepts before plain objects; null when it wants objects.</summary>
    public static string? Wanted(HttpRequest request)
    {
        foreach (var accepted in request.Headers.Accept.ToString().Split(',', StringSplitOptions.TrimEntries))
        {
            var parameters = accepted.Split(';', StringSplitOptions.TrimEntries);
            if (parameters[0] is not ("application/json" or "*/*")) continue;
            if (!parameters.Contains("as=Table", StringComparer.Ordinal)) return null;
            if (parameters.FirstOrDefault(p => p is "v=v1" or "v=v1beta1") is { } version) return version[2..];
        }
        return null;
    }

    public static void Write(Utf8JsonWriter writer, string version, ResourceKind kind, ListPage page, DateTimeOffset now)
    {
        writer.WriteStartObject();
        writer.WriteString("kind", "Table");
        writer.WriteString("apiVersion", $"meta.k8s.io/{version}");
        Reply.WriteListMetadata(writer, page);
        writer.WriteStartArray("columnDefinitions");
        WriteColumn(writer, "Name", "string", "name", "Name of the object");
        foreach (var column in kind.Columns) WriteColumn(writer, column.Name, column.Type, "", column.Doc);
        WriteColumn(writer, "Age", "string", "", "Time since the object was created");
        writer.WriteEndArray();
        writer.WriteStartArray("rows");
        foreach (var item in page.Items) WriteRow(writer, version, kind, item, now);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteColumn(Utf8JsonWriter writer, string name, string type, string format, string description)
    {
        writer.WriteStartObject();
        writer.WriteString("name", name);
        writer.WriteString("type", type);
        writer.WriteString("format", format);
        writer.WriteString("description", description);
        writer.WriteNumber("priority", 0);
        writer.WriteEndObject();
    }

    private static void WriteRow(Utf8JsonWriter writer, string version, ResourceKind kind, ResourceObject item, DateTimeOffset now)
    {
        writer.WriteStartObject();
        writer.WriteStartArray("cells");
        writer.WriteStringValue(item.Metadata.Name);
        foreach (var column in kind.Columns) writer.WriteStringValue(column.Value(item));
        writer.WriteStringValue(item.Metadata.CreationTimestamp is { } created ? Age(now - created) : "<unknown>");
        writer.WriteEndArray();
        writer.WriteStartObject("object");
        writer.WriteString("kind", "PartialObjectMetadata");
        writer.WriteString("apiVersion", $"meta.k8s.io/{version}");
        writer.WritePropertyName("metadata");
        item.Json["metadata"]!.WriteTo(writer);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    /// <summary>Two figures at most, as kubectl writes ages: 45s, 12m, 3h, 5d.</summary>
    internal static string Age(TimeSpan age)
    {
        if (age < TimeSpan.Zero) age = TimeSpan.Zero;
        var (value, unit) = age switch
        {
            { TotalMinutes: < 2 } => (age.TotalSeconds, "s"),
            { TotalHours: < 3 } => (age.TotalMinutes, "m"),
            { TotalDays: < 2 } => (age.TotalHours, "h"),
            _ => (age.TotalDays, "d"),
        };
        return ((long)value).ToString(CultureInfo.InvariantCulture) + unit;
    }
}
