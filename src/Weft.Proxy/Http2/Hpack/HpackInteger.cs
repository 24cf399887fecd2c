namespace Weft.Proxy.Http2.Hpack;

/// <summary>Integers with an N-bit prefix (RFC 7541 section 5.1), 0 to 2^31 - 1.</summary>
internal static class HpackInteger
{
    /// <summary>Most bytes that <see cref="Write"/> writes.</summary>
    public const int MaxBytes = 6;

    /// <summary>Reads the integer whose prefix is the low bits of <c>source[position]</c> and moves <paramref name="position"/> behind it.
    /// False when it is cut off, needs more than five further bytes, or passes 2^31 - 1.</summary>
    /// <param name="source">The block.</param>
    /// <param name="position">Where the integer begins; within <paramref name="source"/>.</param>
    /// <param name="prefixMask">The prefix: 2^N - 1.</param>
    /// <param name="value">0 or more.</param>
    public static bool TryRead(ReadOnlySpan<byte> source, ref int position, int prefixMask, out int value)
    {
        value = source[position++] & prefixMask;
        return value < prefixMask || TryReadRest(source, ref position, ref value);
    }

    private static bool TryReadRest(ReadOnlySpan<byte> source, ref int position, ref int value)
    {
        var sum = (long)value;
        // Five bytes hold 35 bits. Without this bound 0x80 bytes, which add nothing, would go on for ever.
        for (var shift = 0; shift <= 28; shift += 7)
        {
            if (position == source.Length) return false;
            var octet = source[position++];
            sum += (long)(octet & 0x7f) << shift;
            if (octet >= 0x80) continue;
            value = (int)sum;
            return sum <= int.MaxValue;
        }
        return false;
    }

    /// <summary>Writes <paramref name="value"/> behind the bits of <paramref name="pattern"/>; the bytes written.</summary>
    public static int Write(int value, int prefixMask, int pattern, Span<byte> destination)
    {
        if (value < prefixMask)
        {
            destination[0] = (byte)(pattern | value);
            return 1;
        }
        destination[0] = (byte)(pattern | prefixMask);
        var rest = (uint)(value - prefixMask);
        var written = 1;
        while (rest >= 0x80)
        {
            destination[written++] = (byte)(rest | 0x80);
            rest >>= 7;
        }
        destination[written++] = (byte)rest;
        return written;
    }
}
