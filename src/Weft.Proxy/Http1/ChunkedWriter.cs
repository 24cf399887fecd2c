using System.Buffers.Text;

namespace Weft.Proxy.Http1;

/// <summary>The chunked coding around payload that the caller writes itself: prefix, payload, <see cref="Suffix"/>, and at the end
/// <see cref="Last"/>, or <see cref="LastBeforeTrailers"/> followed by fields and a blank line from a <see cref="HeadWriter"/>.</summary>
public static class ChunkedWriter
{
    /// <summary>Room that <see cref="WritePrefix"/> needs at most: 8 digits and CRLF.</summary>
    public const int MaxPrefixLength = 10;

    /// <summary>Behind every chunk's payload.</summary>
    public static ReadOnlySpan<byte> Suffix => "\r\n"u8;

    /// <summary>The end of a body without trailers.</summary>
    public static ReadOnlySpan<byte> Last => "0\r\n\r\n"u8;

    /// <summary>The end of a body with trailers; they and a blank line follow.</summary>
    public static ReadOnlySpan<byte> LastBeforeTrailers => "0\r\n"u8;

    /// <summary>Writes the size line of a chunk and returns its length.</summary>
    /// <param name="destination">At least <see cref="MaxPrefixLength"/> bytes.</param>
    /// <param name="length">1 or more: a chunk of 0 bytes would end the body.</param>
    public static int WritePrefix(Span<byte> destination, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        Utf8Formatter.TryFormat(length, destination, out var digits, new System.Buffers.StandardFormat('x'));
        "\r\n"u8.CopyTo(destination[digits..]);
        return digits + 2;
    }
}
