using System.Net;

namespace Weft.Proxy.Names.Dns;

/// <summary>Names that stand for addresses: <c>7.3.240.240.in-addr.arpa</c> (RFC 1035 section 3.5) and 32 nibbles under <c>ip6.arpa</c> (RFC 3596 section 2.5).</summary>
internal static class ReverseName
{
    /// <param name="lowerName">Wire form, lower case.</param>
    /// <returns>Null for what is no whole address.</returns>
    public static IPAddress? Parse(ReadOnlySpan<byte> lowerName)
    {
        if (lowerName.EndsWith("\u0007in-addr\u0004arpa\0"u8)) return ParseV4(lowerName[..^14]);
        return lowerName.EndsWith("\u0003ip6\u0004arpa\0"u8) ? ParseV6(lowerName[..^10]) : null;
    }

    private static IPAddress? ParseV4(ReadOnlySpan<byte> labels)
    {
        Span<byte> bytes = stackalloc byte[4];
        for (var i = 3; i >= 0; i--)
        {
            if (labels.IsEmpty || labels[0] is 0 or > 3) return null;
            var digits = labels.Slice(1, labels[0]);
            if (!byte.TryParse(digits, System.Globalization.NumberStyles.None, null, out bytes[i]) || (digits.Length > 1 && digits[0] == '0')) return null;
            labels = labels[(labels[0] + 1)..];
        }
        return labels.IsEmpty ? new IPAddress(bytes) : null;
    }

    private static IPAddress? ParseV6(ReadOnlySpan<byte> labels)
    {
        if (labels.Length != 64) return null;
        Span<byte> bytes = stackalloc byte[16];
        for (var i = 0; i < 32; i++)
        {
            var digit = labels[(i * 2) + 1];
            var value = digit is >= (byte)'0' and <= (byte)'9' ? digit - '0' : digit is >= (byte)'a' and <= (byte)'f' ? digit - 'a' + 10 : -1;
            if (labels[i * 2] != 1 || value < 0) return null;
            bytes[15 - (i / 2)] |= (byte)(i % 2 == 0 ? value : value << 4);
        }
        return new IPAddress(bytes);
    }
}
