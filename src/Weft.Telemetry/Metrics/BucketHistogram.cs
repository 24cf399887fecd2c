namespace Weft.Telemetry.Metrics;

/// <summary>A distribution of times over a few fixed buckets, without labels, that any thread may add to. Requests have <see cref="LatencyHistogram"/>, which one thread writes and which is finer.</summary>
public sealed class BucketHistogram
{
    private readonly long[] _counts; // one more than bounds: the last has no bound
    private long _sumMicros;

    internal BucketHistogram(string name, string help, IReadOnlyList<int> boundsMs)
    {
        (Name, Help, BoundsMs) = (name, help, boundsMs);
        _counts = new long[boundsMs.Count + 1];
    }

    /// <summary>Prometheus name, ending in <c>_seconds</c>.</summary>
    public string Name { get; }

    /// <summary>One sentence.</summary>
    public string Help { get; }

    /// <summary>Inclusive upper bounds in milliseconds, ascending.</summary>
    public IReadOnlyList<int> BoundsMs { get; }

    public long SumMicros => Interlocked.Read(ref _sumMicros);

    public void Record(long micros)
    {
        var bucket = 0;
        while (bucket < BoundsMs.Count && micros > BoundsMs[bucket] * 1000L) bucket++;
        Interlocked.Increment(ref _counts[bucket]);
        Interlocked.Add(ref _sumMicros, micros);
    }

    /// <summary>How many fell into each bucket, the one without a bound last.</summary>
    public long[] Counts()
    {
        var counts = new long[_counts.Length];
        for (var i = 0; i < counts.Length; i++) counts[i] = Interlocked.Read(ref _counts[i]);
        return counts;
    }
}
