using System.Buffers.Binary;

namespace Weft.Proxy.Http2.Hpack;

/// <summary>Huffman-codes strings (RFC 7541 section 5.2).</summary>
internal static class HuffmanEncoder
{
    private static readonly uint[] _codes = HuffmanCode.MakeCodes();

    /// <summary>Bytes that <see cref="Encode"/> will write.</summary>
    public static int EncodedLength(ReadOnlySpan<byte> text)
    {
        var lengths = HuffmanCode.Lengths;
        var bits = 0L;
        foreach (var octet in text) bits += lengths[octet];
        return (int)((bits + 7) / 8);
    }

    /// <summary>Writes the code of <paramref name="text"/>, padded with the first bits of the end-of-string code; the bytes written.</summary>
    public static int Encode(ReadOnlySpan<byte> text, Span<byte> destination)
    {
        var lengths = HuffmanCode.Lengths;
        var codes = _codes;
        var pending = 0UL;
        var bits = 0;
        var written = 0;
        foreach (var octet in text)
        {
            var length = lengths[octet];
            pending = (pending << length) | codes[octet];
            bits += length;
            if (bits < 32) continue;
            bits -= 32;
            BinaryPrimitives.WriteUInt32BigEndian(destination[written..], (uint)(pending >> bits));
            written += 4;
        }
        while (bits >= 8)
        {
            bits -= 8;
            destination[written++] = (byte)(pending >> bits);
        }
        if (bits > 0) destination[written++] = (byte)((pending << (8 - bits)) | (0xffu >> bits));
        return written;
    }
}
