using System.Globalization;

namespace Weft.Resources;

/// <summary>
/// A Go-style duration as Gateway API restricts it (GEP-2257): one to four parts of one to five digits with the units h, m, s, ms,
/// largest meaning not enforced, for example <c>1h30m</c>, <c>500ms</c>, <c>0s</c>. Never negative, no fractions.
/// </summary>
public readonly record struct GatewayDuration(TimeSpan Value) : IComparable<GatewayDuration>
{
    public static GatewayDuration Parse(string text) =>
        TryParse(text, out var duration) ? duration : throw new FormatException($"\"{text}\" is not a duration: write 1h30m, 10s or 500ms");

    public static bool TryParse(string text, out GatewayDuration duration)
    {
        duration = default;
        var total = TimeSpan.Zero;
        var parts = 0;
        for (var i = 0; i < text.Length; parts++)
        {
            var start = i;
            while (i < text.Length && char.IsAsciiDigit(text[i])) i++;
            if (i == start || i - start > 5) return false;
            var amount = int.Parse(text.AsSpan(start, i - start), NumberStyles.None, CultureInfo.InvariantCulture);
            if (!TryUnit(text, ref i, out var unit)) return false;
            total += amount * unit;
        }
        if (parts is < 1 or > 4) return false;
        duration = new GatewayDuration(total);
        return true;
    }

    public int CompareTo(GatewayDuration other) => Value.CompareTo(other.Value);

    /// <summary>The shortest form: <c>1h30m</c>, <c>0s</c>.</summary>
    public override string ToString()
    {
        if (Value == TimeSpan.Zero) return "0s";
        var text = "";
        if ((long)Value.TotalHours is > 0 and var hours) text += $"{hours}h";
        if (Value.Minutes > 0) text += $"{Value.Minutes}m";
        if (Value.Seconds > 0) text += $"{Value.Seconds}s";
        if (Value.Milliseconds > 0) text += $"{Value.Milliseconds}ms";
        return text;
    }

    private static bool TryUnit(string text, ref int at, out TimeSpan unit)
    {
        var rest = text.AsSpan(at);
        (var length, unit) = rest switch
        {
            ['m', 's', ..] => (2, TimeSpan.FromMilliseconds(1)),
            ['m', ..] => (1, TimeSpan.FromMinutes(1)),
            ['s', ..] => (1, TimeSpan.FromSeconds(1)),
            ['h', ..] => (1, TimeSpan.FromHours(1)),
            _ => (0, TimeSpan.Zero),
        };
        at += length;
        return length > 0;
    }
}
