using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Weft.Proxy.Tests.Cases;

/// <summary>
/// A reader of HTTP/1.1 messages with nothing in common with the proxy's: slow, plain, and without mercy. One framing field, CRLF only, tokens where tokens
/// belong, no CR, LF or NUL in values, no folding. What it cannot read whole and unambiguously is no message.
/// </summary>
/// <param name="Start">Request or status line.</param>
/// <param name="Body">Without its framing.</param>
/// <param name="Framing"><c>none</c>, <c>content-length</c>, <c>chunked</c> or <c>close</c>.</param>
internal sealed partial record StrictMessage(string Start, IReadOnlyList<(string Name, string Value)> Fields, string Body, string Framing)
{
    public string Method => Start.Split(' ')[0];

    public string Target => Start.Split(' ')[1];

    public int Status => int.Parse(Start.AsSpan(9, 3), CultureInfo.InvariantCulture);

    public string? this[string name] => Fields.Where(f => f.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(f => f.Value).FirstOrDefault();

    /// <summary>All requests in a stream, and what is left: empty, the beginning of one, or an error.</summary>
    public static (List<StrictMessage> Messages, string Left, string? Error) Requests(string stream) => All(stream, text => Read(text, RequestLine(), _ => false, isRequest: true, ended: false));

    /// <summary>All final responses in a stream; interim ones are read and dropped.</summary>
    /// <param name="ended">The peer has ended it in order.</param>
    /// <param name="head">Whether the n-th answers a HEAD.</param>
    public static (List<StrictMessage> Messages, string Left, string? Error) Responses(string stream, bool ended, Func<int, bool> head)
    {
        var count = 0;
        var all = All(stream, text =>
        {
            var read = Read(text, StatusLine(), status => status is < 200 or 204 or 304 || head(count), isRequest: false, ended);
            if (read.Message is { Status: >= 200 }) count++;
            return read;
        });
        all.Messages.RemoveAll(m => m.Status < 200);
        return all;
    }

    private static (List<StrictMessage> Messages, string Left, string? Error) All(string stream, Func<string, (StrictMessage? Message, int Length, string? Error)> read)
    {
        var messages = new List<StrictMessage>();
        while (stream.Length > 0)
        {
            var (message, length, error) = read(stream);
            if (error is not null) return (messages, stream, error);
            if (message is null) return (messages, stream, null);
            messages.Add(message);
            stream = stream[length..];
        }
        return (messages, "", null);
    }

    /// <returns>No message and no error: more is to come.</returns>
    private static (StrictMessage? Message, int Length, string? Error) Read(string text, Regex start, Func<int, bool> isBodyless, bool isRequest, bool ended)
    {
        var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        if (end < 0) return Array.Exists(text.Replace("\r\n", "", StringComparison.Ordinal).ToCharArray(), c => c is '\r' or '\n' or '\0') && text[^1] != '\r' ? (null, 0, "bare CR, LF or NUL in a head") : default;
        var lines = text[..end].Split("\r\n");
        if (!start.IsMatch(lines[0])) return (null, 0, $"start line: {lines[0]}");
        var fields = new List<(string Name, string Value)>();
        foreach (var line in lines.Skip(1))
        {
            if (Field().Match(line) is not { Success: true } field) return (null, 0, $"field line: {line}");
            fields.Add((field.Groups[1].Value, field.Groups[2].Value));
        }
        var lengths = fields.Where(f => f.Name.Equals("content-length", StringComparison.OrdinalIgnoreCase)).ToList();
        var encodings = fields.Where(f => f.Name.Equals("transfer-encoding", StringComparison.OrdinalIgnoreCase)).ToList();
        if (isRequest && fields.Count(f => f.Name.Equals("host", StringComparison.OrdinalIgnoreCase)) != 1) return (null, 0, "not exactly one Host");
        if (lengths.Count + encodings.Count > 1) return (null, 0, "more than one framing field");
        var body = end + 4;
        StrictMessage Of(string content, string framing) => new(lines[0], fields, content, framing);
        if (!isRequest && isBodyless(int.Parse(lines[0].AsSpan(9, 3), CultureInfo.InvariantCulture))) return (Of("", "none"), body, null);
        if (encodings.Count == 1)
        {
            if (encodings[0].Value != "chunked") return (null, 0, $"transfer-encoding: {encodings[0].Value}");
            var (content, length, error) = Chunks(text, body);
            return content is null ? (null, 0, error) : (Of(content, "chunked"), length, null);
        }
        if (lengths.Count == 1)
        {
            if (!Digits().IsMatch(lengths[0].Value) || !int.TryParse(lengths[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var length))
                return (null, 0, $"content-length: {lengths[0].Value}");
            return text.Length - body < length ? default : (Of(text.Substring(body, length), "content-length"), body + length, null);
        }
        if (isRequest) return (Of("", "none"), body, null);
        return ended ? (Of(text[body..], "close"), text.Length, null) : default;
    }

    private static (string? Content, int Length, string? Error) Chunks(string text, int at)
    {
        var content = new StringBuilder();
        while (true)
        {
            var end = text.IndexOf("\r\n", at, StringComparison.Ordinal);
            if (end < 0) return default;
            var size = text[at..end];
            if (!Hex().IsMatch(size)) return (null, 0, $"chunk size: {size}");
            var length = int.Parse(size, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            at = end + 2;
            if (length == 0) break;
            if (text.Length - at < length + 2) return default;
            if (text.Substring(at + length, 2) != "\r\n") return (null, 0, "no CRLF behind a chunk");
            content.Append(text, at, length);
            at += length + 2;
        }
        while (true)
        {
            var end = text.IndexOf("\r\n", at, StringComparison.Ordinal);
            if (end < 0) return default;
            if (end == at) return (content.ToString(), end + 2, null);
            if (!Field().IsMatch(text[at..end])) return (null, 0, $"trailer: {text[at..end]}");
            at = end + 2;
        }
    }

    [GeneratedRegex(@"\A[!#$%&'*+.^_`|~0-9A-Za-z-]+ [\x21-\x7e]+ HTTP/1\.1\z")]
    private static partial Regex RequestLine();

    [GeneratedRegex(@"\AHTTP/1\.[01] [1-9][0-9]{2} [\t\x20-\x7e\x80-\xff]*\z")]
    private static partial Regex StatusLine();

    [GeneratedRegex(@"\A([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?|)[ \t]*\z")]
    private static partial Regex Field();

    [GeneratedRegex(@"\A[0-9]{1,9}\z")]
    private static partial Regex Digits();

    [GeneratedRegex(@"\A[0-9A-Fa-f]{1,7}\z")]
    private static partial Regex Hex();
}
