using System.Text;

namespace Weft.Proxy.Http1;

/// <summary>Splits a request target into its form, authority and path (RFC 9112 section 3.2).</summary>
internal static class RequestTarget
{
    public static bool TryParse(ReadOnlySpan<byte> buffer, Http1Head head, out Http1Error error)
    {
        error = default;
        var target = head.Target(buffer);
        if (target.Length == 0) return Fail("the request target is empty", out error);
        if (target.ContainsAnyExcept(Octets.Target))
            return Fail("the request target contains a space, a control character, a fragment or an octet above 127", out error);
        if (head.RequestKind == RequestKind.Connect) return TryAuthority(target, head, out error);
        if (target[0] == '/')
        {
            head.TargetForm = TargetForm.Origin;
            head.PathStart = head.TargetStart;
            head.PathLength = head.TargetLength;
            return true;
        }
        if (target.Length == 1 && target[0] == '*')
        {
            if (!head.Method(buffer).SequenceEqual("OPTIONS"u8)) return Fail("the target * is for OPTIONS only", out error);
            head.TargetForm = TargetForm.Asterisk;
            head.PathStart = head.TargetStart;
            head.PathLength = 1;
            return true;
        }
        return TryAbsolute(target, head, out error);
    }

    /// <summary>CONNECT names host and port, nothing else; a default port would be a guess.</summary>
    private static bool TryAuthority(ReadOnlySpan<byte> target, Http1Head head, out Http1Error error)
    {
        error = default;
        if (!Authority.TryParse(target, out var parts) || parts.Port < 0)
            return Fail("the target of CONNECT is not host:port", out error);
        head.TargetForm = TargetForm.Authority;
        head.AuthorityParts = parts;
        head.AuthorityStart = head.TargetStart;
        head.AuthorityLength = head.TargetLength;
        return true;
    }

    private static bool TryAbsolute(ReadOnlySpan<byte> target, Http1Head head, out Http1Error error)
    {
        error = default;
        var https = StartsWith(target, "https://"u8);
        if (!https && !StartsWith(target, "http://"u8))
            return Fail("the request target is neither a path, an http or https URI, nor *", out error);
        var authorityStart = https ? 8 : 7;
        var rest = target[authorityStart..];
        var authorityLength = rest.IndexOfAny((byte)'/', (byte)'?');
        if (authorityLength < 0) authorityLength = rest.Length;
        var authority = rest[..authorityLength];
        if (authority.Contains((byte)'@')) return Fail("the request target contains user information", out error);
        if (!Authority.TryParse(authority, out var parts)) return Fail("the request target has an empty or invalid host or port", out error);
        head.TargetForm = TargetForm.Absolute;
        head.TargetIsHttps = https;
        head.AuthorityParts = parts;
        head.AuthorityStart = head.TargetStart + authorityStart;
        head.AuthorityLength = authorityLength;
        head.PathStart = head.AuthorityStart + authorityLength;
        head.PathLength = rest.Length - authorityLength;
        return true;
    }

    private static bool StartsWith(ReadOnlySpan<byte> target, ReadOnlySpan<byte> scheme) =>
        target.Length >= scheme.Length && Ascii.EqualsIgnoreCase(target[..scheme.Length], scheme);

    private static bool Fail(string rule, out Http1Error error)
    {
        error = Http1Error.Bad(rule);
        return false;
    }
}
