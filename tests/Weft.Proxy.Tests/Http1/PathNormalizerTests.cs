using System.Text.Json;
using Shouldly;
using Weft.Fuzz;
using Weft.Proxy.Http1;
using Weft.TestSupport;
using Xunit;

namespace Weft.Proxy.Tests.Http1;

/// <summary>RFC 3986 section 6.2.2, and the modes that other meshes know.</summary>
public sealed class PathNormalizerTests
{
    private static readonly PathPolicy _merge = new(MergeSlashes: true);
    private static readonly PathPolicy _decodeAndMerge = new(MergeSlashes: true, EscapedSlash.Decode);

    [Theory]
    [InlineData("/", "/")]
    [InlineData("/a/b/c", "/a/b/c")]
    [InlineData("/a/./b/../c", "/a/c")]
    [InlineData("/a/b/..", "/a/")]
    [InlineData("/a/b/.", "/a/b/")]
    [InlineData("/..", "/")]
    [InlineData("/../../a", "/a")]
    [InlineData("/.a/..b/...", "/.a/..b/...")]
    [InlineData("/a//b", "/a//b")]
    [InlineData("/a//../b", "/a/b")]
    [InlineData("/%7Ea/%2e%2E/b", "/b")]
    [InlineData("/a%2Fb%5c", "/a%2Fb%5c")]
    [InlineData("/a\\..\\b", "/b")]
    [InlineData("/a%00", "400")]
    [InlineData("/a%", "400")]
    [InlineData("/a%4", "400")]
    [InlineData("/a%zz", "400")]
    [InlineData("/%%32e/x", "400")]
    [InlineData("/%252e", "/%252e")]
    [InlineData("/a/../b?x=/../%2e\\", "/b?x=/../%2e\\")]
    [InlineData("/a?%zz", "/a?%zz")]
    [InlineData("", "/")]
    [InlineData("?a", "/?a")]
    [InlineData("a/b", "400")]
    public void Default_policy_gives_one_form(string path, string expected) => Normalize(path, PathPolicy.Base).ShouldBe(expected);

    [Fact]
    public void Escaped_slashes_follow_the_policy()
    {
        Normalize("/a%2f..%5Cb", _decodeAndMerge).ShouldBe("/b");
        Normalize("/a%2fb", new PathPolicy(EscapedSlash: EscapedSlash.Reject)).ShouldBe("400");
        Normalize("/a%5cb", new PathPolicy(EscapedSlash: EscapedSlash.Reject)).ShouldBe("400");
        Normalize("/a?%2f", new PathPolicy(EscapedSlash: EscapedSlash.Reject)).ShouldBe("/a?%2f");
        Normalize("//a///b", _merge).ShouldBe("/a/b");
    }

    [Fact]
    public void Unchanged_paths_are_not_written_and_small_destinations_are_reported()
    {
        PathNormalizer.Normalize("/a%2fb"u8, new byte[7], PathPolicy.Base, out var written, out _).ShouldBe(PathStatus.Unchanged);
        written.ShouldBe(0);
        PathNormalizer.Normalize("/a/b"u8, default, PathPolicy.Base, out _, out _).ShouldBe(PathStatus.Unchanged);
        PathNormalizer.Normalize("/a/../b"u8, new byte[7], PathPolicy.Base, out _, out _).ShouldBe(PathStatus.DestinationTooSmall);
    }

    [Fact]
    public void Published_normalisation_cases_all_hold()
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Tool.RequireCase("routing-authz-cases.json")));
        var checkedCases = 0;
        foreach (var group in document.RootElement.GetProperty("path_normalization").GetProperty("groups").EnumerateArray())
        {
            var policy = group.GetProperty("mode").GetString() switch
            {
                "BASE" => PathPolicy.Base,
                "MERGE_SLASHES" => _merge,
                "DECODE_AND_MERGE_SLASHES" => _decodeAndMerge,
                _ => null, // NONE: the normaliser is not called
            };
            if (policy is null) continue;
            foreach (var one in group.GetProperty("cases").EnumerateArray())
            {
                Normalize(one.GetProperty("in").GetString()!, policy).ShouldBe(one.GetProperty("out").GetString(), one.ToString());
                checkedCases++;
            }
        }
        checkedCases.ShouldBeGreaterThan(100);
        TestContext.Current.TestOutputHelper?.WriteLine($"score: {checkedCases} of {checkedCases}"); // it has thrown otherwise
    }

    [Fact]
    public void Normal_form_is_stable_and_has_no_dot_segments()
    {
        var random = new Random(7);
        string[] parts = ["/", "/", ".", "..", "%2e", "%2F", "%5c", "\\", "a", "%41", "%25", "%", "?", "b%zz", "~", "//"];
        var rewritten = 0;
        for (var round = 0; round < 50_000; round++)
        {
            var path = "/" + string.Concat(Enumerable.Range(0, random.Next(10)).Select(_ => parts[random.Next(parts.Length)]));
            foreach (var policy in new[] { PathPolicy.Base, _merge, _decodeAndMerge })
            {
                var once = Normalize(path, policy);
                if (once == "400") continue;
                if (once != path) rewritten++;
                Normalize(once, policy).ShouldBe(once, path);
                var segments = once.Split('?')[0].Split('/');
                segments.ShouldNotContain(".", path);
                segments.ShouldNotContain("..", path);
                once.ShouldStartWith("/", Case.Sensitive, path);
                once.Split('?')[0].ShouldNotContain("\\", Case.Sensitive, path);
            }
        }
        rewritten.ShouldBeGreaterThan(10_000);
    }

    private static string Normalize(string path, PathPolicy policy)
    {
        var bytes = MessageStream.Bytes(path);
        var destination = new byte[bytes.Length + 1];
        var status = PathNormalizer.Normalize(bytes, destination, policy, out var written, out var error);
        return status switch
        {
            PathStatus.Unchanged => path,
            PathStatus.Rewritten => MessageStream.Latin(destination.AsSpan(0, written)),
            PathStatus.Rejected when error.Kind == Http1ErrorKind.BadRequest => "400",
            _ => $"{status}",
        };
    }
}
