namespace Weft.Proxy.Http1;

/// <summary><c>method SP request-target SP HTTP-version</c> (RFC 9112 section 3), with single spaces only.</summary>
internal static class RequestLine
{
    public static bool TryParse(ReadOnlySpan<byte> buffer, int start, int end, Http1Head head, out Http1Error error)
    {
        var line = buffer[start..end];
        var methodLength = line.IndexOfAnyExcept(Octets.Token);
        if (methodLength <= 0 || line[methodLength] != ' ') return Fail("the method is not a token followed by one space", out error);
        var lastSpace = line.LastIndexOf((byte)' ');
        if (lastSpace == methodLength) return Fail("the request line has no HTTP version", out error);
        if (!VersionText.TryParse(line[(lastSpace + 1)..], out var minor, out error)) return false;

        head.MinorVersion = minor;
        head.MethodStart = start;
        head.MethodLength = methodLength;
        head.TargetStart = start + methodLength + 1;
        head.TargetLength = lastSpace - methodLength - 1;
        var method = line[..methodLength];
        head.RequestKind = method.SequenceEqual("HEAD"u8) ? RequestKind.Head
            : method.SequenceEqual("CONNECT"u8) ? RequestKind.Connect
            : RequestKind.Other;
        return RequestTarget.TryParse(buffer, head, out error);
    }

    private static bool Fail(string rule, out Http1Error error)
    {
        error = Http1Error.Bad(rule);
        return false;
    }
}

/// <summary><c>HTTP-version SP status-code SP [ reason-phrase ]</c> (RFC 9112 section 4).</summary>
internal static class StatusLine
{
    public static bool TryParse(ReadOnlySpan<byte> buffer, int start, int end, Http1Head head, out Http1Error error)
    {
        var line = buffer[start..end];
        var space = line.IndexOf((byte)' ');
        if (!VersionText.TryParse(space < 0 ? line : line[..space], out var minor, out error)) return false;
        if (space < 0 || !TryStatus(line[(space + 1)..], out var status))
        {
            error = Http1Error.Bad("the status is not three digits from 100 to 999 followed by a space");
            return false;
        }
        head.MinorVersion = minor;
        head.Status = status;
        head.ReasonStart = Math.Min(start + space + 5, end);
        head.ReasonLength = end - head.ReasonStart;
        return true;
    }

    /// <summary>The space behind the digits may be missing with the reason phrase: common, and it can be read in one way only.</summary>
    private static bool TryStatus(ReadOnlySpan<byte> rest, out int status)
    {
        status = 0;
        if (rest.Length < 3 || (rest.Length > 3 && rest[3] != ' ')) return false;
        foreach (var digit in rest[..3])
        {
            if (digit is < (byte)'0' or > (byte)'9') return false;
            status = (status * 10) + (digit - '0');
        }
        return status >= 100;
    }
}

/// <summary><c>HTTP/1.x</c>, case-sensitive, one digit each (RFC 9112 section 2.3).</summary>
internal static class VersionText
{
    public static bool TryParse(ReadOnlySpan<byte> text, out int minor, out Http1Error error)
    {
        minor = 0;
        error = default;
        if (text.SequenceEqual("HTTP/1.1"u8))
        {
            minor = 1;
            return true;
        }
        if (text.Length != 8 || !text.StartsWith("HTTP/"u8) || text[6] != '.' || !IsDigit(text[5]) || !IsDigit(text[7]))
        {
            error = Http1Error.Bad("the HTTP version is malformed");
            return false;
        }
        if (text[5] != '1')
        {
            error = new Http1Error(Http1ErrorKind.VersionNotSupported, "the HTTP version is not 1.0 or 1.1");
            return false;
        }
        minor = text[7] == '0' ? 0 : 1;
        return true;
    }

    private static bool IsDigit(byte octet) => octet is >= (byte)'0' and <= (byte)'9';
}
