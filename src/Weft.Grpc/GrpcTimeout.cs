using System.Globalization;

namespace Weft.Grpc;

/// <summary>The <c>grpc-timeout</c> field: at most eight digits and a unit, <c>H M S m u n</c> (PROTOCOL-HTTP2.md, Timeout).</summary>
public static class GrpcTimeout
{
    private const long MaxValue = 99_999_999;

    private static readonly (char Unit, double Ticks)[] Units =
    [
        ('n', 0.01), ('u', TimeSpan.TicksPerMicrosecond), ('m', TimeSpan.TicksPerMillisecond),
        ('S', TimeSpan.TicksPerSecond), ('M', TimeSpan.TicksPerMinute), ('H', TimeSpan.TicksPerHour),
    ];

    /// <summary>Reads the field. Nanoseconds round up to the tick of 100 ns, so that a timeout that is not zero never becomes zero.</summary>
    public static bool TryParse(string text, out TimeSpan timeout)
    {
        timeout = default;
        if (text.Length is < 2 or > 9) return false;
        if (!long.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var value)) return false;
        foreach (var (unit, ticks) in Units)
        {
            if (unit != text[^1]) continue;
            timeout = TimeSpan.FromTicks((long)Math.Ceiling(value * ticks));
            return true;
        }
        return false;
    }

    /// <summary>Writes a timeout in the finest unit whose number has at most eight digits, rounding up: a deadline may be told later than it
    /// is, never earlier. What is not positive is written as <c>0n</c>.</summary>
    public static string Format(TimeSpan timeout)
    {
        if (timeout <= TimeSpan.Zero) return "0n";
        foreach (var (unit, ticks) in Units)
        {
            var value = Math.Ceiling(timeout.Ticks / ticks);
            if (value <= MaxValue) return ((long)value).ToString(CultureInfo.InvariantCulture) + unit;
        }
        return MaxValue.ToString(CultureInfo.InvariantCulture) + "H";
    }
}
