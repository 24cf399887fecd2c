using System.Text;

namespace Weft.Grpc;

/// <summary>The percent-encoding of <c>grpc-message</c> (PROTOCOL-HTTP2.md, Responses): UTF-8 bytes, of which 0x20 to 0x7E except <c>%</c>
/// stand for themselves. It is not URI encoding: a space stays a space.</summary>
public static class PercentEncoding
{
    private const string Hex = "0123456789ABCDEF";

    public static string Encode(string text)
    {
        if (!NeedsEncoding(text)) return text;
        var encoded = new StringBuilder(text.Length + 16);
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            if (b is >= 0x20 and <= 0x7E and not (byte)'%') encoded.Append((char)b);
            else encoded.Append('%').Append(Hex[b >> 4]).Append(Hex[b & 15]);
        }
        return encoded.ToString();
    }

    /// <summary>The same from UTF-8 to bytes, cut before the escape that no longer fits; the bytes written.</summary>
    public static int Encode(ReadOnlySpan<byte> utf8, Span<byte> destination)
    {
        var written = 0;
        foreach (var b in utf8)
        {
            if (b is >= 0x20 and <= 0x7E and not (byte)'%')
            {
                if (written == destination.Length) break;
                destination[written++] = b;
                continue;
            }
            if (destination.Length - written < 3) break;
            destination[written++] = (byte)'%';
            destination[written++] = (byte)Hex[b >> 4];
            destination[written++] = (byte)Hex[b & 15];
        }
        return written;
    }

    /// <summary>Never fails: the specification forbids an error here, because a peer's broken message must not hide its status. What is not a
    /// valid escape is kept as it came, and bytes that are not UTF-8 become U+FFFD.</summary>
    public static string Decode(string encoded)
    {
        if (!encoded.Contains('%')) return encoded;
        var bytes = new List<byte>(encoded.Length);
        for (var i = 0; i < encoded.Length; i++)
        {
            if (encoded[i] == '%' && i + 2 < encoded.Length && char.IsAsciiHexDigit(encoded[i + 1]) && char.IsAsciiHexDigit(encoded[i + 2]))
            {
                bytes.Add(Convert.ToByte(encoded.Substring(i + 1, 2), 16));
                i += 2;
            }
            else
            {
                bytes.AddRange(Encoding.UTF8.GetBytes(encoded[i].ToString()));
            }
        }
        return Encoding.UTF8.GetString([.. bytes]);
    }

    private static bool NeedsEncoding(string text)
    {
        foreach (var c in text)
            if (c is < ' ' or > '~' or '%') return true;
        return false;
    }
}
