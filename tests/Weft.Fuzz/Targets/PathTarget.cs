using System.Text;
using System.Text.RegularExpressions;
using Weft.Proxy.Http1;

namespace Weft.Fuzz.Targets;

/// <summary>Path normalisation: as an independent implementation over strings does it, and stable when done twice.</summary>
public sealed partial class PathTarget : IFuzzTarget
{
    public string Name => "path";

    public IReadOnlyList<byte[]> Seeds { get; } = RequestTarget.Words("/", "/a/./b/../c?d=/../e", "/a//b\\c/%2e%2E/%2f%5C%41%7e", "/%%32e/..", "?x", "/a/%c0%ae/..;/b");

    public IReadOnlyList<byte[]> Dictionary { get; } = RequestTarget.Words(
        "/", "//", ".", "..", "/./", "/../", "\\", "%2e", "%2E", "%2f", "%5c", "%00", "%25", "%", "%4", "?", "%41", "%c0%ae", ";");

    public string Check(byte[] input, Random random)
    {
        var policy = new PathPolicy(random.Next(2) == 0, (EscapedSlash)random.Next(3));
        var once = Normalize(input, policy);
        var naive = Naive(MessageStream.Latin(input), policy);
        if (once != naive) throw new FuzzException($"{policy}: the codec gives {once ?? "refused"}, the naive reading {naive ?? "refused"}");
        if (once is null) return "refused";
        var twice = Normalize(MessageStream.Bytes(once), policy);
        if (twice != once) throw new FuzzException($"{policy}: once {once}, twice {twice ?? "refused"}");
        return once == MessageStream.Latin(input) ? "unchanged" : "rewritten";
    }

    private static string? Normalize(byte[] path, PathPolicy policy)
    {
        var destination = new byte[path.Length + 1];
        return PathNormalizer.Normalize(path, destination, policy, out var written, out _) switch
        {
            PathStatus.Unchanged => MessageStream.Latin(path),
            PathStatus.Rewritten => MessageStream.Latin(destination.AsSpan(0, written)),
            PathStatus.Rejected => null,
            _ => throw new FuzzException("one byte more than the path is not enough room"),
        };
    }

    private static string? Naive(string text, PathPolicy policy)
    {
        var question = text.IndexOf('?', StringComparison.Ordinal);
        var query = question < 0 ? "" : text[question..];
        var path = (question < 0 ? text : text[..question]).Replace('\\', '/');
        if (path.Length == 0) path = "/";
        if (path[0] != '/' || BrokenPattern().IsMatch(path) || path.Contains("%00", StringComparison.Ordinal)) return null;
        if (policy.EscapedSlash == EscapedSlash.Reject && SlashPattern().IsMatch(path)) return null;
        path = EscapePattern().Replace(path, match =>
        {
            var letter = (char)Convert.ToInt32(match.Value[1..], 16);
            if (letter is '/' or '\\') return policy.EscapedSlash == EscapedSlash.Decode ? "/" : match.Value;
            return char.IsAsciiLetterOrDigit(letter) || letter is '-' or '.' or '_' or '~' ? $"{letter}" : match.Value;
        });
        var kept = new List<string>();
        var segments = path[1..].Split('/');
        for (var i = 0; i < segments.Length; i++)
        {
            if (segments[i] == ".." && kept.Count > 0) kept.RemoveAt(kept.Count - 1);
            if (segments[i] is not ("." or "..")) kept.Add(segments[i]);
            else if (i == segments.Length - 1) kept.Add("");
        }
        var result = new StringBuilder("/").AppendJoin('/', kept).ToString();
        return (policy.MergeSlashes ? SlashesPattern().Replace(result, "/") : result) + query;
    }

    [GeneratedRegex("%(?![0-9A-Fa-f]{2})")]
    private static partial Regex BrokenPattern();

    [GeneratedRegex("%(2f|5c)", RegexOptions.IgnoreCase)]
    private static partial Regex SlashPattern();

    [GeneratedRegex("%[0-9A-Fa-f]{2}")]
    private static partial Regex EscapePattern();

    [GeneratedRegex("/+")]
    private static partial Regex SlashesPattern();
}
