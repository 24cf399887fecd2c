using System.IO.Compression;
using System.Text.Json;
using Shouldly;
using Weft.Proxy.Http2.Hpack;
using Weft.TestSupport;
using Xunit;

namespace Weft.Proxy.Tests.Http2.Hpack;

/// <summary>What other encoders wrote, one decoder per story; and what ours makes of the same fields.</summary>
public sealed class StoriesTests(ITestOutputHelper output)
{
    private sealed record Case(byte[] Wire, int? TableBytes, List<(string Name, string Value)> Fields);

    [Fact]
    public void Every_story_decodes_to_its_fields()
    {
        var cases = 0;
        foreach (var (path, story) in Stories())
        {
            var decoder = new HpackDecoder(HpackLimits.Default);
            foreach (var one in story)
            {
                if (one.TableBytes is { } bytes) decoder.SetMaxTableBytes(bytes);
                decoder.Read(one.Wire).ShouldBe(one.Fields.Select(field => $"{field.Name}: {field.Value}"), path);
                cases++;
            }
        }
        output.WriteLine($"{Stories().Count} stories; score: {cases} of {cases}"); // it has thrown otherwise
    }

    [Fact]
    public void Every_story_that_we_encode_decodes_to_its_fields_and_is_no_longer_than_literals()
    {
        long ours = 0, literal = 0;
        foreach (var (path, story) in Stories())
        {
            var encoder = new HpackEncoder();
            var decoder = new HpackDecoder(HpackLimits.Default);
            foreach (var one in story)
            {
                var block = encoder.Write([.. one.Fields]);
                decoder.Read(block).ShouldBe(one.Fields.Select(field => $"{field.Name}: {field.Value}"), path);
                ours += block.Length;
                literal += one.Fields.Sum(field => field.Name.Length + field.Value.Length + 3);
            }
        }
        output.WriteLine($"{ours} bytes of {literal}; score: {Stories().Sum(s => s.Cases.Count)} of {Stories().Sum(s => s.Cases.Count)}");
        ours.ShouldBeLessThan(literal);
    }

    private static List<(string Path, List<Case> Cases)> Stories()
    {
        using var packed = new GZipStream(File.OpenRead(Tool.RequireCase("hpack-stories.json.gz")), CompressionMode.Decompress);
        using var document = JsonDocument.Parse(packed);
        return [.. document.RootElement.GetProperty("stories").EnumerateArray().Select(story =>
            (story.GetProperty("path").GetString()!, story.GetProperty("cases").EnumerateArray().Select(Read).ToList()))];
    }

    private static Case Read(JsonElement one) => new(
        Convert.FromHexString(one.GetProperty("wire").GetString()!),
        one.TryGetProperty("header_table_size", out var bytes) && bytes.ValueKind == JsonValueKind.Number ? bytes.GetInt32() : null,
        [.. one.GetProperty("headers").EnumerateArray().SelectMany(field => field.EnumerateObject()).Select(field => (field.Name, field.Value.GetString()!))]);
}
