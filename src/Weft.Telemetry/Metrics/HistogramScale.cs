using System.Numerics;

namespace Weft.Telemetry.Metrics;

/// <summary>
/// The bucket layout of an OTLP exponential histogram of one fixed scale, over whole microseconds from 1 to 2^32 less one bucket (over an hour at scale 3 and finer).
/// Array index <c>i</c> is OTLP bucket <c>i - 1</c>: it holds values in <c>(base^(i-1), base^i]</c> where <c>base = 2^(2^-scale)</c>,
/// so a power of two is the last value of its bucket, and index 0 holds 1 us and less. Values beyond the range count in the last bucket.
/// </summary>
/// <remarks>
/// Finding a bucket costs one count of leading zeros, one table read and one comparison: the binary exponent gives the octave, and the
/// bits behind the leading one select a slot so narrow that at most one boundary lies inside it (the closest two boundaries of an
/// octave are ln 2 / 2^scale apart, a slot is 0.5 / 2^scale wide).
/// Source: opentelemetry-proto metrics.proto, ExponentialHistogramDataPoint.
/// </remarks>
public sealed class HistogramScale
{
    private const int Octaves = 32;
    private const ulong One = 1UL << 63; // a value shifted until its highest bit stands here is a mantissa in [1, 2)

    private static readonly HistogramScale?[] Scales = new HistogramScale?[MaxScale + 1];

    private readonly ulong[] _boundary; // per slot: the boundary inside it, or the largest number when there is none
    private readonly ushort[] _before;  // per slot: how many boundaries of the octave lie before it
    private readonly int _slotShift;

    private HistogramScale(int scale)
    {
        Scale = scale;
        BucketCount = Octaves << scale;
        _slotShift = 63 - (scale + 1);
        var slots = 2 << scale;
        _boundary = new ulong[slots];
        _before = new ushort[slots];
        Array.Fill(_boundary, ulong.MaxValue);
        for (var k = 1; k < 1 << scale; k++)
        {
            // A double is precise enough: the values compared with it are whole numbers below 2^32.
            var boundary = (ulong)(Math.Pow(2, (double)k / (1 << scale)) * One);
            var slot = SlotOf(boundary);
            _boundary[slot] = boundary;
            for (var later = slot + 1; later < slots; later++) _before[later]++;
        }
    }

    /// <summary>Largest supported scale; at 8 a bucket is 0.27 % wide.</summary>
    public const int MaxScale = 8;

    public int Scale { get; }

    /// <summary>32 octaves of 2^scale buckets.</summary>
    public int BucketCount { get; }

    /// <summary>The layout of <paramref name="scale"/>, 0 to <see cref="MaxScale"/>; one shared instance each.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The scale is outside 0 to 8.</exception>
    public static HistogramScale Of(int scale)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(scale);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(scale, MaxScale);
        // One instance each, whoever comes first: histograms tell by it whether they may be merged.
        return Volatile.Read(ref Scales[scale]) ?? Interlocked.CompareExchange(ref Scales[scale], new HistogramScale(scale), null) ?? Scales[scale]!;
    }

    /// <summary>Array index of the bucket that holds <paramref name="micros"/>; 0 to <see cref="BucketCount"/> - 1.</summary>
    public int IndexOf(long micros)
    {
        if (micros <= 1) return 0;
        var zeros = BitOperations.LeadingZeroCount((ulong)micros);
        var mantissa = (ulong)micros << zeros;
        if (mantissa == One) return Math.Min((63 - zeros) << Scale, BucketCount - 1);
        var slot = SlotOf(mantissa);
        var within = _before[slot] + (mantissa > _boundary[slot] ? 1 : 0);
        return Math.Min(((63 - zeros) << Scale) + within + 1, BucketCount - 1);
    }

    /// <summary>Largest value of the bucket, in microseconds.</summary>
    public double UpperBound(int index) => Math.Pow(2, (double)index / (1 << Scale));

    /// <summary>The bucket holds values above this, in microseconds; 0 for the first.</summary>
    public double LowerBound(int index) => index == 0 ? 0 : UpperBound(index - 1);

    private int SlotOf(ulong mantissa) => (int)((mantissa & ~One) >> _slotShift);
}
