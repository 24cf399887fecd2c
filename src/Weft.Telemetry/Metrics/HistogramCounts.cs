namespace Weft.Telemetry.Metrics;

/// <summary>
/// What a <see cref="LatencyHistogram"/> of the default scale held at one moment: immutable and trimmed to the buckets in use, so that a
/// control plane can keep many. A service's latencies rarely span more than fifty of the 512 buckets.
/// </summary>
/// <param name="first">Array index of the first bucket in <paramref name="counts"/>.</param>
/// <param name="counts">Counts of consecutive buckets, none negative; taken over, not copied.</param>
/// <param name="sumMicros">Sum of the values in microseconds.</param>
public sealed class HistogramCounts(int first, long[] counts, long sumMicros)
{
    public int First { get; } = first;

    public ReadOnlySpan<long> Counts => counts;

    public long SumMicros { get; } = sumMicros;

    public long Count { get; } = counts.Sum();

    /// <summary>Count of one bucket by array index; 0 outside the range held.</summary>
    public long this[int bucket] => (uint)(bucket - First) < (uint)counts.Length ? counts[bucket - First] : 0;

    public static HistogramCounts Of(LatencyHistogram histogram)
    {
        var first = 0;
        var end = histogram.Scale.BucketCount;
        while (first < end && histogram[first] == 0) first++;
        while (end > first && histogram[end - 1] == 0) end--;
        var counts = new long[end - first];
        for (var i = first; i < end; i++) counts[i - first] = histogram[i];
        return new HistogramCounts(first, counts, histogram.SumMicros);
    }

    /// <summary>What was counted since <paramref name="then"/>; null when a bucket went down, which only a restart does.</summary>
    public HistogramCounts? Since(HistogramCounts then)
    {
        for (var i = 0; i < then.Counts.Length; i++)
            if (then.Counts[i] > this[then.First + i]) return null;
        var difference = new long[counts.Length];
        for (var i = 0; i < difference.Length; i++) difference[i] = counts[i] - then[First + i];
        return new HistogramCounts(First, difference, Math.Max(SumMicros - then.SumMicros, 0));
    }
}
