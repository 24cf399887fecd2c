using Weft.Routing.Requests;

namespace Weft.Proxy.Mesh;

/// <summary>The two ways in which nearly every HTTP/1 program writes its field names: <c>content-type</c> and <c>Content-Type</c>.</summary>
internal static class NameCase
{
    public static bool IsLower(ReadOnlySpan<byte> name) => !name.ContainsAnyInRange((byte)'A', (byte)'Z');

    /// <summary>Each letter that begins the name or follows a hyphen is upper case, and no other: <c>Content-Md5</c>, not <c>Content-MD5</c>.</summary>
    public static bool IsTitle(ReadOnlySpan<byte> name)
    {
        var begins = true;
        foreach (var octet in name)
        {
            if (begins ? octet is >= (byte)'a' and <= (byte)'z' : octet is >= (byte)'A' and <= (byte)'Z') return false;
            begins = octet == '-';
        }
        return true;
    }

    /// <summary>Changes a name in lower case to what <see cref="IsTitle"/> asks for.</summary>
    public static void ToTitle(Span<byte> name)
    {
        var begins = true;
        foreach (ref var octet in name)
        {
            if (begins && octet is >= (byte)'a' and <= (byte)'z') octet ^= 0x20;
            begins = octet == '-';
        }
    }

    /// <summary>Fields that proxies write, in lower case; an application rarely does, so a name of these in lower case is nothing to remark on.</summary>
    public static bool IsUsuallyLower(KnownHeader known) => known is KnownHeader.XRequestId or KnownHeader.Traceparent or KnownHeader.Tracestate
        or KnownHeader.XForwardedFor or KnownHeader.XForwardedProto or KnownHeader.XForwardedHost or KnownHeader.XForwardedClientCert
        or KnownHeader.XEnvoyExternalAddress or KnownHeader.XWeft;
}
