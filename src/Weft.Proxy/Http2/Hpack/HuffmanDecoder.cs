using System.Buffers.Binary;

namespace Weft.Proxy.Http2.Hpack;

/// <summary>
/// Decodes Huffman-coded strings (RFC 7541 section 5.2). The next eight bits name the symbol of every code that is at most so long, which
/// are those of ordinary text; a longer code is found by its place among the codes of its length.
/// </summary>
internal static class HuffmanDecoder
{
    private const int TableBits = 8;

    /// <summary>By the next eight bits: the symbol, and in the high byte the length of its code; 0 when the code is longer.</summary>
    private static readonly ushort[] _short = MakeShort();

    /// <summary>Symbols with codes longer than eight bits, in the order of their codes.</summary>
    private static readonly short[] _longSymbols = [.. Symbols().Where(symbol => HuffmanCode.Lengths[symbol] > TableBits).Select(symbol => (short)symbol)];

    /// <summary>By length: one past the last code, aligned to the left of 32 bits; 2^32 behind the longest.</summary>
    private static readonly ulong[] _limits = MakeLimits();

    /// <summary>By length: what to add to a right-aligned code for its place in <see cref="_longSymbols"/>.</summary>
    private static readonly int[] _places = MakePlaces();

    /// <summary>Most bytes that a string of this coded length can decode to: no code is shorter than five bits.</summary>
    public static int MaxDecodedLength(int codedLength) => (int)(codedLength * 8L / HuffmanCode.MinBits);

    /// <summary>Decodes into <paramref name="destination"/>, which needs <see cref="MaxDecodedLength"/> bytes; the bytes written, or -1 when
    /// the string has the end-of-string code, padding of eight bits or more, or padding that is not all ones.</summary>
    public static int Decode(ReadOnlySpan<byte> coded, Span<byte> destination)
    {
        var table = _short;
        var window = 0UL; // The next bits, aligned to the left.
        var bits = 0;
        var read = 0;
        var written = 0;
        while (true)
        {
            if (bits < 32)
            {
                if (coded.Length - read >= 4)
                {
                    window |= (ulong)BinaryPrimitives.ReadUInt32BigEndian(coded[read..]) << (32 - bits);
                    bits += 32;
                    read += 4;
                }
                else
                {
                    while (read < coded.Length)
                    {
                        window |= (ulong)coded[read++] << (56 - bits);
                        bits += 8;
                    }
                    // Ones behind the end: what they begin is either padding or a code that is cut off, and never a code that fits.
                    window |= bits == 0 ? ulong.MaxValue : ulong.MaxValue >> bits;
                }
            }
            int symbol, length;
            var entry = table[window >> 56];
            if (entry != 0)
            {
                symbol = (byte)entry;
                length = entry >> 8;
            }
            else
            {
                symbol = Long((uint)(window >> 32), out length);
            }
            if (length > bits) break;
            if (symbol == HuffmanCode.EndOfString) return -1;
            destination[written++] = (byte)symbol;
            window <<= length;
            bits -= length;
        }
        return bits < 8 && window == ulong.MaxValue ? written : -1;
    }

    private static int Long(uint window, out int length)
    {
        length = TableBits + 1;
        while (window >= _limits[length]) length++;
        return _longSymbols[(int)(window >> (32 - length)) + _places[length]];
    }

    /// <summary>All symbols in the order of their codes.</summary>
    private static IEnumerable<int> Symbols() =>
        Enumerable.Range(0, HuffmanCode.Lengths.Length).OrderBy(symbol => HuffmanCode.Lengths[symbol]).ThenBy(symbol => symbol);

    private static ushort[] MakeShort()
    {
        var table = new ushort[1 << TableBits];
        var codes = HuffmanCode.MakeCodes();
        for (var symbol = 0; symbol < codes.Length; symbol++)
        {
            var length = HuffmanCode.Lengths[symbol];
            if (length > TableBits) continue;
            var first = (int)codes[symbol] << (TableBits - length);
            table.AsSpan(first, 1 << (TableBits - length)).Fill((ushort)((length << 8) | symbol));
        }
        return table;
    }

    private static ulong[] MakeLimits()
    {
        var codes = HuffmanCode.MakeCodes();
        var limits = new ulong[HuffmanCode.MaxBits + 1];
        foreach (var symbol in Symbols())
        {
            var length = HuffmanCode.Lengths[symbol];
            limits[length] = (codes[symbol] + 1UL) << (32 - length);
        }
        return limits;
    }

    private static int[] MakePlaces()
    {
        var codes = HuffmanCode.MakeCodes();
        var places = new int[HuffmanCode.MaxBits + 1];
        for (var place = _longSymbols.Length - 1; place >= 0; place--)
        {
            var symbol = _longSymbols[place];
            places[HuffmanCode.Lengths[symbol]] = place - (int)codes[symbol];
        }
        return places;
    }
}
