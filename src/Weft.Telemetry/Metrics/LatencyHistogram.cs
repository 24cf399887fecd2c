namespace Weft.Telemetry.Metrics;

/// <summary>
/// Durations in microseconds, counted in the fixed buckets of a <see cref="HistogramScale"/>. One thread records, without allocation
/// or lock; any thread may read meanwhile and sees each counter whole, though not all of them at one instant. The count is the sum of
/// the buckets, so that what a reader reports is consistent in itself.
/// </summary>
/// <param name="scale">0 to 8. The default, 4, has 512 buckets (4 KB) and puts an interpolated percentile within 4.5 % of the exact one.</param>
public sealed class LatencyHistogram(int scale = LatencyHistogram.DefaultScale)
{
    /// <summary>Scale of every histogram that leaves a proxy: each bucket is 4.4 % wide.</summary>
    public const int DefaultScale = 4;

    private readonly long[] _buckets = new long[HistogramScale.Of(scale).BucketCount];
    private long _sum;
    private long _max;

    public HistogramScale Scale { get; } = HistogramScale.Of(scale);

    /// <summary>Sum of everything recorded, in microseconds.</summary>
    public long SumMicros => Volatile.Read(ref _sum);

    /// <summary>The largest value recorded, exactly, in microseconds; 0 when there is none.</summary>
    public long MaxMicros => Volatile.Read(ref _max);

    /// <summary>Number of values recorded.</summary>
    public long Count
    {
        get
        {
            var count = 0L;
            for (var i = 0; i < _buckets.Length; i++) count += Volatile.Read(ref _buckets[i]);
            return count;
        }
    }

    /// <summary>Count of one bucket by array index (<see cref="HistogramScale.IndexOf"/>).</summary>
    public long this[int bucket] => Volatile.Read(ref _buckets[bucket]);

    /// <summary>Counts one duration; a negative one (a clock that stepped) counts as 0.</summary>
    public void Record(long micros)
    {
        if (micros < 0) micros = 0;
        _buckets[Scale.IndexOf(micros)]++;
        _sum += micros;
        if (micros > _max) _max = micros;
    }

    /// <summary>Adds what <paramref name="other"/> holds. Both must have the same scale.</summary>
    /// <exception cref="ArgumentException">The scales differ.</exception>
    public void Merge(LatencyHistogram other)
    {
        if (other.Scale != Scale) throw new ArgumentException($"a histogram of scale {other.Scale.Scale} does not merge into one of scale {Scale.Scale}", nameof(other));
        for (var i = 0; i < _buckets.Length; i++) _buckets[i] += other[i];
        _sum += other.SumMicros;
        _max = Math.Max(_max, other.MaxMicros);
    }

    /// <summary>Adds counts that were taken from another histogram of the default scale. They do not hold its maximum: here that becomes
    /// the upper bound of the highest bucket.</summary>
    /// <exception cref="ArgumentException">This histogram's scale is not the default one.</exception>
    public void Add(HistogramCounts counts)
    {
        if (Scale.Scale != DefaultScale) throw new ArgumentException($"counts of scale {DefaultScale} do not add to a histogram of scale {Scale.Scale}", nameof(counts));
        for (var i = 0; i < counts.Counts.Length; i++)
        {
            if (counts.Counts[i] == 0) continue;
            _buckets[counts.First + i] += counts.Counts[i];
            _max = Math.Max(_max, (long)Scale.UpperBound(counts.First + i));
        }
        _sum += counts.SumMicros;
    }

    public void Clear()
    {
        Array.Clear(_buckets);
        _sum = 0;
        _max = 0;
    }

    /// <summary>
    /// The value below or at which <paramref name="percent"/> percent of the recorded values lie (nearest rank), interpolated in a straight
    /// line inside its bucket, in microseconds; never above the largest value recorded; 0 when nothing was.
    /// </summary>
    /// <param name="percent">0 to 100.</param>
    public double Percentile(double percent)
    {
        var count = Count;
        if (count == 0) return 0;
        var rank = Math.Clamp(Math.Ceiling(percent / 100 * count), 1, count);
        var before = 0L;
        for (var i = 0; i < _buckets.Length; i++)
        {
            var here = Volatile.Read(ref _buckets[i]);
            if (here > 0 && before + here >= rank)
            {
                var lower = Scale.LowerBound(i);
                var within = (rank - before) / here;
                return Math.Min(lower + within * (Scale.UpperBound(i) - lower), MaxMicros);
            }
            before += here;
        }
        return MaxMicros; // the writer moved on between the two walks
    }
}
