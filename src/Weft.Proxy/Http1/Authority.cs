using System.Net;
using System.Text;

namespace Weft.Proxy.Http1;

public enum HostKind : byte
{
    Name,
    Ipv4,

    /// <summary>In brackets.</summary>
    Ipv6,
}

/// <summary>The parts of <c>host [":" port]</c> (RFC 3986 section 3.2 without userinfo), as lengths over the text they were read from.</summary>
/// <param name="Kind">What the host is.</param>
/// <param name="HostLength">Length of the host from the start of the text, brackets included.</param>
/// <param name="Port">0 to 65535, or -1 when there is none or an empty one.</param>
public readonly record struct Authority(HostKind Kind, int HostLength, int Port)
{
    /// <summary>The host within <paramref name="text"/>, with brackets when it is an IPv6 address.</summary>
    public ReadOnlySpan<byte> Host(ReadOnlySpan<byte> text) => text[..HostLength];

    /// <summary>
    /// Reads Host, <c>:authority</c> or the authority of a target. Refuses an empty host, userinfo, brackets around anything but an IPv6
    /// address, zone identifiers, percent-encoding, and ports that are no number up to 65535.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out Authority authority)
    {
        authority = default;
        if (text.Length == 0) return false;
        int hostLength;
        HostKind kind;
        if (text[0] == '[')
        {
            var close = text.IndexOf((byte)']');
            if (close < 0 || !IsIpv6(text[1..close])) return false;
            hostLength = close + 1;
            kind = HostKind.Ipv6;
        }
        else
        {
            hostLength = text.IndexOfAnyExcept(Octets.Name);
            if (hostLength < 0) hostLength = text.Length;
            if (hostLength == 0) return false;
            kind = IsIpv4(text[..hostLength]) ? HostKind.Ipv4 : HostKind.Name;
        }
        if (!TryPort(text[hostLength..], out var port)) return false;
        authority = new Authority(kind, hostLength, port);
        return true;
    }

    /// <summary>Copies <paramref name="host"/> in lower case; true when <paramref name="destination"/> had the room.</summary>
    public static bool TryToLower(ReadOnlySpan<byte> host, Span<byte> destination) =>
        Ascii.ToLower(host, destination, out _) == System.Buffers.OperationStatus.Done;

    private static bool TryPort(ReadOnlySpan<byte> rest, out int port)
    {
        port = -1;
        if (rest.Length == 0) return true;
        if (rest[0] != ':' || rest.Length > 6) return false;
        if (rest.Length == 1) return true;
        var value = 0;
        foreach (var digit in rest[1..])
        {
            if (digit is < (byte)'0' or > (byte)'9') return false;
            value = (value * 10) + (digit - '0');
        }
        port = value;
        return value <= ushort.MaxValue;
    }

    private static bool IsIpv6(ReadOnlySpan<byte> text) =>
        text.Contains((byte)':') && !text.ContainsAnyExcept(Octets.Ipv6) && IPAddress.IsValidUtf8(text);

    /// <summary>Four decimal parts. The shorter, octal and hexadecimal forms that inet_aton knows stay names: they are a way around rules
    /// on addresses.</summary>
    private static bool IsIpv4(ReadOnlySpan<byte> text)
    {
        var parts = 0;
        while (true)
        {
            var dot = text.IndexOf((byte)'.');
            var part = dot < 0 ? text : text[..dot];
            if (part.Length is 0 or > 3 || part.ContainsAnyExcept(Octets.Digits) || (part.Length > 1 && part[0] == '0')) return false;
            if (part.Length == 3 && part.SequenceCompareTo("255"u8) > 0) return false;
            parts++;
            if (dot < 0) return parts == 4;
            text = text[(dot + 1)..];
        }
    }
}
