namespace Weft.Fuzz.Http2;

/// <summary>The Huffman code of RFC 7541 appendix B. It is canonical, so the lengths say it all: within a length, codes ascend with the symbols.</summary>
public static class RawHuffman
{
    /// <summary>Code lengths in bits of the octets 0 to 255, and of EOS.</summary>
    private static readonly byte[] _lengths =
    [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ];

    private const int Eos = 256;

    private static readonly uint[] _codes = Assign();

    private static readonly Dictionary<(int Length, uint Code), int> _symbols =
        Enumerable.Range(0, _lengths.Length).ToDictionary(s => ((int)_lengths[s], _codes[s]));

    public static byte[] Encode(ReadOnlySpan<byte> octets)
    {
        var bits = new Bits();
        foreach (var octet in octets) bits.Add(_codes[octet], _lengths[octet]);
        return bits.Padded();
    }

    /// <summary>The octets of <paramref name="text"/>, then EOS, then what <see cref="Encode"/> would pad: never valid.</summary>
    public static byte[] EncodeWithEos(ReadOnlySpan<byte> octets)
    {
        var bits = new Bits();
        foreach (var octet in octets) bits.Add(_codes[octet], _lengths[octet]);
        bits.Add(_codes[Eos], _lengths[Eos]);
        return bits.Padded();
    }

    /// <exception cref="FormatException">EOS inside, or padding that is not fewer than 8 ones (section 5.2).</exception>
    public static byte[] Decode(ReadOnlySpan<byte> coded)
    {
        var result = new List<byte>();
        var (code, length) = (0u, 0);
        foreach (var octet in coded)
        {
            for (var bit = 7; bit >= 0; bit--)
            {
                code = code << 1 | (uint)(octet >> bit & 1);
                length++;
                if (!_symbols.TryGetValue((length, code), out var symbol)) continue;
                if (symbol == Eos) throw new FormatException("EOS in a string");
                result.Add((byte)symbol);
                (code, length) = (0, 0);
            }
        }
        if (length > 7 || code != (1u << length) - 1) throw new FormatException("wrong padding");
        return [.. result];
    }

    private static uint[] Assign()
    {
        var codes = new uint[_lengths.Length];
        var (next, last) = (0u, 0);
        foreach (var symbol in Enumerable.Range(0, _lengths.Length).OrderBy(s => _lengths[s]).ThenBy(s => s))
        {
            if (last > 0) next = next + 1 << _lengths[symbol] - last;
            codes[symbol] = next;
            last = _lengths[symbol];
        }
        return codes;
    }

    private sealed class Bits
    {
        private readonly List<bool> _bits = [];

        public void Add(uint code, int length)
        {
            for (var bit = length - 1; bit >= 0; bit--) _bits.Add((code >> bit & 1) == 1);
        }

        public byte[] Padded()
        {
            while (_bits.Count % 8 != 0) _bits.Add(true);
            return [.. _bits.Chunk(8).Select(b => (byte)b.Aggregate(0, (sum, bit) => sum << 1 | (bit ? 1 : 0)))];
        }
    }
}
