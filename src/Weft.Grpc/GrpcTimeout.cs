using System.Buffers.Text;
using System.Text;

namespace Weft.Grpc;

/// <summary>The <c>grpc-timeout</c> field: at most eight digits and a unit, <c>H M S m u n</c> (PROTOCOL-HTTP2.md, Timeout).</summary>
public static class GrpcTimeout
{
    /// <summary>Most bytes of a value.</summary>
    public const int MaxBytes = 9;

    private const long MaxValue = 99_999_999;

    private static readonly (byte Unit, double Ticks)[] Units =
    [
        ((byte)'n', 0.01), ((byte)'u', TimeSpan.TicksPerMicrosecond), ((byte)'m', TimeSpan.TicksPerMillisecond),
        ((byte)'S', TimeSpan.TicksPerSecond), ((byte)'M', TimeSpan.TicksPerMinute), ((byte)'H', TimeSpan.TicksPerHour),
    ];

    /// <summary>Reads the field. Nanoseconds round up to the tick of 100 ns, so that a timeout that is not zero never becomes zero.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out TimeSpan timeout)
    {
        timeout = default;
        if (text.Length is < 2 or > MaxBytes || text[0] is (byte)'-' or (byte)'+') return false;
        if (!Utf8Parser.TryParse(text[..^1], out long value, out var read) || read != text.Length - 1) return false;
        foreach (var (unit, ticks) in Units)
        {
            if (unit != text[^1]) continue;
            timeout = TimeSpan.FromTicks((long)Math.Ceiling(value * ticks));
            return true;
        }
        return false;
    }

    /// <inheritdoc cref="TryParse(ReadOnlySpan{byte}, out TimeSpan)"/>
    public static bool TryParse(string text, out TimeSpan timeout)
    {
        timeout = default;
        if (text.Length > MaxBytes) return false;
        Span<byte> ascii = stackalloc byte[MaxBytes];
        return Encoding.ASCII.TryGetBytes(text, ascii, out var length) && TryParse(ascii[..length], out timeout);
    }

    /// <summary>Writes a timeout in the finest unit whose number has at most eight digits, rounding up: a deadline may be told later than it
    /// is, never earlier. What is not positive is written as <c>0n</c>.</summary>
    /// <param name="timeout">What is left.</param>
    /// <param name="destination">At least <see cref="MaxBytes"/> bytes.</param>
    /// <returns>The bytes written.</returns>
    public static int Format(TimeSpan timeout, Span<byte> destination)
    {
        if (timeout <= TimeSpan.Zero) return Write(0, (byte)'n', destination);
        foreach (var (unit, ticks) in Units)
        {
            var value = Math.Ceiling(timeout.Ticks / ticks);
            if (value <= MaxValue) return Write((long)value, unit, destination);
        }
        return Write(MaxValue, (byte)'H', destination);
    }

    /// <inheritdoc cref="Format(TimeSpan, Span{byte})"/>
    public static string Format(TimeSpan timeout)
    {
        Span<byte> text = stackalloc byte[MaxBytes];
        return Encoding.ASCII.GetString(text[..Format(timeout, text)]);
    }

    private static int Write(long value, byte unit, Span<byte> destination)
    {
        Utf8Formatter.TryFormat(value, destination, out var length);
        destination[length] = unit;
        return length + 1;
    }
}
