using System.Globalization;

namespace Weft.Telemetry.Tracing;

/// <summary>
/// W3C trace context, <c>traceparent: 00-&lt;32 hex trace id&gt;-&lt;16 hex parent id&gt;-&lt;2 hex flags&gt;</c>
/// (https://www.w3.org/TR/trace-context/ section 3.2). A value that exists is valid: neither id is zero.
/// Randomness is handed in by the caller, so that a worker uses its own generator and a test a known one.
/// </summary>
public readonly record struct TraceContext
{
    /// <summary>Length of a version 00 <c>traceparent</c> in bytes.</summary>
    public const int Length = 55;

    private const byte SampledFlag = 1;

    private TraceContext(ulong traceIdHigh, ulong traceIdLow, ulong spanId, byte flags)
    {
        TraceIdHigh = traceIdHigh;
        TraceIdLow = traceIdLow;
        SpanId = spanId;
        Flags = flags;
    }

    public ulong TraceIdHigh { get; }

    public ulong TraceIdLow { get; }

    /// <summary>The span that the receiver's work is a child of.</summary>
    public ulong SpanId { get; }

    public byte Flags { get; }

    /// <summary>True when the caller may have recorded its span.</summary>
    public bool Sampled => (Flags & SampledFlag) != 0;

    /// <summary>A new trace.</summary>
    public static TraceContext Create(ulong random1, ulong random2, ulong random3, bool sampled) =>
        new(random1, random2 | (random1 == 0 && random2 == 0 ? 1UL : 0), NonZero(random3), sampled ? SampledFlag : (byte)0);

    /// <summary>The same trace with a new span id. Of the flags only those that version 00 defines travel on.</summary>
    public TraceContext Child(ulong random) => new(TraceIdHigh, TraceIdLow, NonZero(random), (byte)(Flags & SampledFlag));

    /// <summary>
    /// Reads a field value. False for what must be ignored, and replaced by a new trace: wrong length, upper-case or other non-hex
    /// characters, version ff, an id of zeros. A version above 00 is read by its first 55 bytes if they are well formed and
    /// end the value or are followed by a hyphen.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> value, out TraceContext context)
    {
        context = default;
        if (value.Length < Length || value[2] != '-' || value[35] != '-' || value[52] != '-') return false;
        if (!TryHex(value[..2], out var version) || version == 0xFF) return false;
        if (version == 0 ? value.Length != Length : value.Length > Length && value[Length] != '-') return false;
        if (!TryHex(value.Slice(3, 16), out var high) || !TryHex(value.Slice(19, 16), out var low)) return false;
        if (!TryHex(value.Slice(36, 16), out var span) || !TryHex(value.Slice(53, 2), out var flags)) return false;
        if ((high | low) == 0 || span == 0) return false;
        context = new TraceContext(high, low, span, (byte)flags);
        return true;
    }

    /// <summary>Writes the 55 bytes of a version 00 field value.</summary>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is shorter than <see cref="Length"/>.</exception>
    public void Write(Span<byte> destination)
    {
        if (destination.Length < Length) throw new ArgumentException($"a traceparent takes {Length} bytes", nameof(destination));
        "00-"u8.CopyTo(destination);
        WriteHex(destination.Slice(3, 16), TraceIdHigh);
        WriteHex(destination.Slice(19, 16), TraceIdLow);
        destination[35] = (byte)'-';
        WriteHex(destination.Slice(36, 16), SpanId);
        destination[52] = (byte)'-';
        WriteHex(destination.Slice(53, 2), Flags);
    }

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"00-{TraceIdHigh:x16}{TraceIdLow:x16}-{SpanId:x16}-{Flags:x2}");

    private static ulong NonZero(ulong random) => random == 0 ? 1 : random;

    private static bool TryHex(ReadOnlySpan<byte> digits, out ulong value)
    {
        value = 0;
        foreach (var digit in digits)
        {
            // Lower case only (section 3.2.2): a parser that is kinder lets one trace have two names.
            int nibble = digit switch
            {
                >= (byte)'0' and <= (byte)'9' => digit - '0',
                >= (byte)'a' and <= (byte)'f' => digit - 'a' + 10,
                _ => -1,
            };
            if (nibble < 0) return false;
            value = (value << 4) | (uint)nibble;
        }
        return true;
    }

    private static void WriteHex(Span<byte> destination, ulong value)
    {
        for (var i = destination.Length - 1; i >= 0; i--)
        {
            destination[i] = "0123456789abcdef"u8[(int)(value & 15)];
            value >>= 4;
        }
    }
}
