using System.Buffers.Text;

namespace Weft.Proxy.Mesh;

/// <summary><c>x-weft-deadline</c>: the time that is left for a request, in whole milliseconds, as decimal digits. Time left and not a time of day: the
/// clocks of two machines need not agree.</summary>
internal static class MeshDeadline
{
    /// <summary>No deadline.</summary>
    public const long None = long.MaxValue;

    /// <summary>More than this is not worth saying: 24 days, the longest that a route's timeout can be.</summary>
    public const long MaxMs = int.MaxValue;

    /// <summary>How much longer the called side waits than it was told: of two proxies that watch one deadline the caller's is to speak, which can still
    /// answer when the network between them is what is slow.</summary>
    public const long PatienceMs = 10;

    /// <summary>Longest value, in bytes.</summary>
    public const int MaxLength = 10;

    /// <returns>False for anything but 1 to 10 digits of at most <see cref="MaxMs"/>: then nothing is known.</returns>
    public static bool TryParse(ReadOnlySpan<byte> value, out long leftMs) =>
        // Digits alone: the parser would also take a sign.
        Utf8Parser.TryParse(value, out leftMs, out var consumed) && consumed == value.Length && value.Length <= MaxLength && value[0] is >= (byte)'0' and <= (byte)'9'
        && leftMs <= MaxMs;

    /// <param name="leftMs">What is over <see cref="MaxMs"/> is written as that; what has passed as 0.</param>
    /// <param name="destination">At least <see cref="MaxLength"/> bytes.</param>
    /// <returns>Bytes written.</returns>
    public static int Format(long leftMs, Span<byte> destination)
    {
        Utf8Formatter.TryFormat(Math.Clamp(leftMs, 0, MaxMs), destination, out var written);
        return written;
    }
}
