using System.Buffers.Text;
using System.Runtime.CompilerServices;
using System.Text;

namespace Weft.Telemetry.Tracing;

/// <summary>
/// The value of <c>x-request-id</c>, kept inside the record that holds it: a new one is a version 4 UUID (RFC 9562 section 5.4),
/// a caller's is kept as it came.
/// </summary>
public struct RequestIdText
{
    /// <summary>Longest id of a caller that is kept, in bytes; a longer one is replaced.</summary>
    public const int MaxLength = 64;

    /// <summary>Length of a new id in bytes.</summary>
    public const int NewLength = 36;

    private Bytes _bytes;
    private byte _length;

    public readonly int Length => _length;

    /// <summary>The text as it stands in the header; a view of this variable, valid as long as it is.</summary>
    [System.Diagnostics.CodeAnalysis.UnscopedRef]
    public readonly ReadOnlySpan<byte> Span => ((ReadOnlySpan<byte>)_bytes)[.._length];

    /// <summary>A new id out of 122 of the 128 random bits given.</summary>
    public static RequestIdText Create(ulong random1, ulong random2)
    {
        const ulong versionMask = 0xF000, version4 = 0x4000;
        const ulong variantMask = 0xC000_0000_0000_0000, variant = 0x8000_0000_0000_0000;
        var high = (random1 & ~versionMask) | version4;
        var low = (random2 & ~variantMask) | variant;
        var uuid = new Guid((int)(high >> 32), (short)(high >> 16), (short)high, (byte)(low >> 56), (byte)(low >> 48),
            (byte)(low >> 40), (byte)(low >> 32), (byte)(low >> 24), (byte)(low >> 16), (byte)(low >> 8), (byte)low);
        var text = default(RequestIdText);
        Utf8Formatter.TryFormat(uuid, text._bytes, out var written, 'D');
        text._length = (byte)written;
        return text;
    }

    /// <summary>Takes over a caller's id: 1 to <see cref="MaxLength"/> visible ASCII characters. False when it must be replaced, because
    /// it would break a log line or is too long to keep.</summary>
    public static bool TryAccept(ReadOnlySpan<byte> value, out RequestIdText text)
    {
        text = default;
        if (value.Length is 0 or > MaxLength || value.ContainsAnyExceptInRange((byte)0x21, (byte)0x7E)) return false;
        value.CopyTo(text._bytes);
        text._length = (byte)value.Length;
        return true;
    }

    public override readonly string ToString() => Encoding.ASCII.GetString(Span);

    [InlineArray(MaxLength)]
    private struct Bytes
    {
        private byte _first;
    }
}
