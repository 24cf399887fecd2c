using System.Text;

namespace Weft.Fuzz.Http2;

/// <summary>HPACK representations one by one (RFC 7541 section 6), valid or not: the caller composes blocks. Strings are Latin-1, one char per octet.</summary>
public static class RawHpack
{
    /// <summary>Section 6.1.</summary>
    public static byte[] Indexed(int index) => Integer(index, 7, 0x80);

    /// <summary>Section 6.2.2 with a literal name: never changes the peer's table.</summary>
    public static byte[] Literal(string name, string value) => [0x00, .. Text(name), .. Text(value)];

    public static byte[] Literal(int name, string value) => [.. Integer(name, 4, 0x00), .. Text(value)];

    /// <summary>Section 6.2.1: enters the dynamic table.</summary>
    public static byte[] Incremental(string name, string value) => [0x40, .. Text(name), .. Text(value)];

    public static byte[] Incremental(int name, string value) => [.. Integer(name, 6, 0x40), .. Text(value)];

    /// <summary>Section 6.2.3.</summary>
    public static byte[] NeverIndexed(string name, string value) => [0x10, .. Text(name), .. Text(value)];

    /// <summary>Section 6.3.</summary>
    public static byte[] TableSize(int size) => Integer(size, 5, 0x20);

    /// <summary>A block of literals that leaves the tables alone.</summary>
    public static byte[] Block(params IEnumerable<(string Name, string Value)> fields) => [.. fields.SelectMany(f => Literal(f.Name, f.Value))];

    /// <summary>Section 5.1, with the bits in front of the prefix.</summary>
    public static byte[] Integer(long value, int prefix, byte pattern)
    {
        var most = (1 << prefix) - 1;
        if (value < most) return [(byte)(pattern | value)];
        var bytes = new List<byte> { (byte)(pattern | most) };
        for (value -= most; value >= 128; value >>= 7) bytes.Add((byte)(value & 127 | 128));
        bytes.Add((byte)value);
        return [.. bytes];
    }

    /// <summary>Section 5.2 without Huffman.</summary>
    public static byte[] Text(string text) => [.. Integer(text.Length, 7, 0x00), .. Encoding.Latin1.GetBytes(text)];

    /// <summary>Section 5.2 with Huffman, padded with the beginning of EOS.</summary>
    public static byte[] Huffman(string text)
    {
        var octets = RawHuffman.Encode(Encoding.Latin1.GetBytes(text));
        return [.. Integer(octets.Length, 7, 0x80), .. octets];
    }

    /// <summary>A string literal of octets that are said to be Huffman coded.</summary>
    public static byte[] HuffmanOctets(params byte[] octets) => [.. Integer(octets.Length, 7, 0x80), .. octets];
}
