using System.Globalization;
using System.Text.RegularExpressions;

namespace Weft.Fuzz.Targets;

/// <summary>
/// A second reading of RFC 9112 that shares nothing with the codec: regular expressions over whole strings, slow and obvious. It knows no limits.
/// </summary>
internal static partial class NaiveHttp1
{
    private const string Token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";

    /// <summary>How a valid request is framed: "none", "length N" or "chunked"; null when it is not valid. <paramref name="text"/> is a head with its blank line.</summary>
    public static string? Framing(string text)
    {
        if (text.StartsWith("\r\n", StringComparison.Ordinal)) text = text[2..];
        var lines = text[..^4].Split("\r\n");
        if (lines.Any(line => ControlPattern().IsMatch(line))) return null;
        var start = RequestLinePattern().Match(lines[0]);
        if (!start.Success || !IsTarget(start.Groups[1].Value, start.Groups[2].Value)) return null;
        var fields = lines.Skip(1).Select(line => FieldPattern().Match(line)).ToList();
        if (fields.Exists(field => !field.Success)) return null;
        List<string> Values(string name) =>
            [.. fields.Where(field => field.Groups[1].Value.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(field => field.Groups[2].Value.Trim(' ', '\t'))];
        var old = start.Groups[3].Value == "0";
        var hosts = Values("host");
        if (hosts.Count > 1 || (hosts.Count == 0 && !old) || hosts.Exists(host => !IsAuthority(host))) return null;
        var lengths = Values("content-length");
        var codings = Values("transfer-encoding");
        if (lengths.Count + codings.Count > 1) return null;
        var connect = start.Groups[1].Value == "CONNECT";
        if (codings.Count == 1) return !old && !connect && codings[0].Equals("chunked", StringComparison.OrdinalIgnoreCase) ? "chunked" : null;
        if (lengths.Count == 0) return "none";
        if (!DigitsPattern().IsMatch(lengths[0]) || !long.TryParse(lengths[0], NumberStyles.None, null, out var length)) return null;
        return length == 0 ? "none" : connect ? null : $"length {length}";
    }

    /// <summary>Payload of a chunked body and how long the body is; null when it is incomplete or broken before its end.</summary>
    public static (string Data, int Length)? Dechunk(string text)
    {
        var data = "";
        var at = 0;
        while (true)
        {
            var line = ChunkPattern().Match(text, at);
            if (!line.Success || line.Index != at) return null;
            if (line.Groups[1].Value.TrimStart('0').Length > 7) return null;
            var size = int.Parse("0" + line.Groups[1].Value.TrimStart('0'), NumberStyles.HexNumber);
            at += line.Length;
            if (size == 0) break;
            if (at + size + 2 > text.Length || text.Substring(at + size, 2) != "\r\n") return null;
            data += text.Substring(at, size);
            at += size + 2;
        }
        var trailers = TrailerPattern().Match(text, at);
        return trailers.Success && trailers.Index == at ? (data, at + trailers.Length) : null;
    }

    private static bool IsTarget(string method, string target)
    {
        if (method == "CONNECT") return IsAuthority(target) && char.IsAsciiDigit(target[^1]) && !target.EndsWith(']') && target.LastIndexOf(':') > target.LastIndexOf(']');
        if (target == "*") return method == "OPTIONS";
        if (target[0] == '/') return true;
        var absolute = AbsolutePattern().Match(target);
        return absolute.Success && IsAuthority(absolute.Groups[1].Value);
    }

    private static bool IsAuthority(string text)
    {
        var match = AuthorityPattern().Match(text);
        if (!match.Success) return false;
        if (match.Groups[1].Value.StartsWith('[') && Uri.CheckHostName(match.Groups[1].Value[1..^1]) != UriHostNameType.IPv6) return false;
        return match.Groups[2].Value.Length == 0 || int.Parse(match.Groups[2].Value) <= 65535;
    }

    [GeneratedRegex("[\\x00-\\x08\\x0a-\\x1f\\x7f]")]
    private static partial Regex ControlPattern();

    [GeneratedRegex($"\\A({Token}) ([!-\"$-~]+) HTTP/1\\.([0-9])\\z")]
    private static partial Regex RequestLinePattern();

    [GeneratedRegex($"\\A({Token}):(.*)\\z", RegexOptions.Singleline)]
    private static partial Regex FieldPattern();

    [GeneratedRegex("\\A[0-9]+\\z")]
    private static partial Regex DigitsPattern();

    [GeneratedRegex("\\Ahttps?://([^/?]*)([/?].*)?\\z", RegexOptions.IgnoreCase)]
    private static partial Regex AbsolutePattern();

    [GeneratedRegex("\\A([A-Za-z0-9._~-]+|\\[[0-9A-Fa-f:.]+\\])(?::([0-9]{0,5}))?\\z")]
    private static partial Regex AuthorityPattern();

    [GeneratedRegex($"([0-9A-Fa-f]+)(?:[ \\t]*;[ \\t]*{Token}(?:[ \\t]*=[ \\t]*(?:{Token}|\"(?:[\\t !#-\\[\\]-~\\x80-\\xff]|\\\\[\\t -~\\x80-\\xff])*\"))?)*\\r\\n")]
    private static partial Regex ChunkPattern();

    [GeneratedRegex($"(?:{Token}:[\\t -~\\x80-\\xff]*\\r\\n)*\\r\\n")]
    private static partial Regex TrailerPattern();
}
