namespace Weft.Proxy.Http2.Hpack;

/// <summary>
/// The code of RFC 7541 appendix B. It is canonical: codes of one length are consecutive numbers in the order of their symbols, and each
/// length begins where the shorter one before ended. So the lengths say everything.
/// </summary>
internal static class HuffmanCode
{
    /// <summary>Symbol of the end of a string. It never stands in one.</summary>
    public const int EndOfString = 256;

    public const int MinBits = 5;

    public const int MaxBits = 30;

    /// <summary>Bits of each symbol's code, by octet; <see cref="EndOfString"/> last.</summary>
    public static ReadOnlySpan<byte> Lengths =>
    [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
        28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
        5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
        7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
        6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
        24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
        21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
        19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
        26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ];

    /// <summary>The code of each symbol, right-aligned.</summary>
    public static uint[] MakeCodes()
    {
        var codes = new uint[Lengths.Length];
        var next = 0u;
        for (var bits = MinBits; bits <= MaxBits; bits++)
        {
            next <<= 1;
            for (var symbol = 0; symbol < codes.Length; symbol++)
            {
                if (Lengths[symbol] == bits) codes[symbol] = next++;
            }
        }
        return codes;
    }
}
