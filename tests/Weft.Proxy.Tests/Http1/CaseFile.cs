using System.IO.Compression;
using System.Text.Json;
using Weft.TestSupport;

namespace Weft.Proxy.Tests.Http1;

/// <summary>A message from the independent case files, with what it must lead to.</summary>
public sealed record MessageCase(string Id, string Category, string Title, byte[] Input, string Expect, string Strength, JsonElement Source)
{
    public bool Core => Source.TryGetProperty("core", out var core) && core.GetBoolean();

    public bool Timeout => Source.TryGetProperty("timeout", out var timeout) && timeout.GetBoolean();

    public int OkBefore => Source.TryGetProperty("ok_before", out var count) && count.ValueKind == JsonValueKind.Number ? count.GetInt32() : 0;

    public string? ForbiddenTarget => Text("forbid_upstream_target");

    public string? Text(string name) =>
        Source.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    public static List<MessageCase> Load(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Tool.RequireCase(file)));
        return [.. document.RootElement.GetProperty("cases").EnumerateArray().Select(Read)];
    }

    private static MessageCase Read(JsonElement element)
    {
        var source = element.Clone();
        string Get(string name) => source.TryGetProperty(name, out var value) ? value.GetString() ?? "" : "";
        return new MessageCase(Get("id"), Get("category"), Get("title"), Octets(source), Get("expect"), Get("strength"), source);
    }

    private static byte[] Octets(JsonElement source)
    {
        if (source.TryGetProperty("bytes", out var plain) && plain.ValueKind == JsonValueKind.String) return plain.GetBytesFromBase64();
        using var packed = new GZipStream(new MemoryStream(source.GetProperty("bytes_gz").GetBytesFromBase64()), CompressionMode.Decompress);
        using var result = new MemoryStream();
        packed.CopyTo(result);
        return result.ToArray();
    }
}
