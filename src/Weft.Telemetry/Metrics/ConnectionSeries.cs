using Weft.Telemetry.Outcomes;

namespace Weft.Telemetry.Metrics;

/// <summary>
/// What one worker counts of the byte connections of one edge. A connection keeps it from its beginning to its end, so that bytes are counted when they move and
/// not when, days later, the connection closes. One thread writes; any thread may read meanwhile and sees each number whole.
/// </summary>
public sealed class ConnectionSeries
{
    private long _opened;
    private long _received;
    private long _sent;
    private (Fault Fault, LatencyHistogram Durations)[] _ends = []; // replaced when it grows: a reader keeps the one it has

    internal ConnectionSeries(in EdgeKey edge) => Edge = edge;

    public EdgeKey Edge { get; }

    /// <summary>A connection begins. <see cref="Closed"/> follows, at once for one that cannot be made.</summary>
    public void Opened() => _opened++;

    /// <summary>Bytes have moved: from the caller, and to the caller.</summary>
    public void Moved(long received, long sent)
    {
        _received += received;
        _sent += sent;
    }

    /// <summary>A connection has ended. Its bytes were counted as they moved.</summary>
    public void Closed(in ConnectionRecord record) => DurationsOf(record.Fault).Record(record.TotalMicros);

    /// <summary>Adds what has been counted so far. Ends are read before beginnings: a connection that comes and goes between the two must not make fewer than none active.</summary>
    internal void AddTo(ConnectionTotals totals)
    {
        foreach (var (fault, durations) in Volatile.Read(ref _ends)) totals.Of(fault).Merge(durations);
        totals.ReceivedBytes += Volatile.Read(ref _received);
        totals.SentBytes += Volatile.Read(ref _sent);
        totals.Opened += Volatile.Read(ref _opened);
    }

    private LatencyHistogram DurationsOf(Fault fault)
    {
        foreach (var (known, durations) in _ends)
        {
            if (known == fault) return durations;
        }
        var added = new LatencyHistogram();
        Volatile.Write(ref _ends, [.. _ends, (fault, added)]);
        return added;
    }
}

/// <summary>The byte connections of one edge over all workers, at one moment.</summary>
public sealed class ConnectionTotals
{
    private readonly SortedDictionary<Fault, LatencyHistogram> _ends = [];

    public long Opened { get; internal set; }

    /// <summary>From the caller.</summary>
    public long ReceivedBytes { get; internal set; }

    /// <summary>To the caller.</summary>
    public long SentBytes { get; internal set; }

    /// <summary>Of those that have ended, how many were closed because a drain was over.</summary>
    public long ClosedByDrain => _ends.TryGetValue(Fault.Draining, out var durations) ? durations.Count : 0;

    /// <summary>How long the connections lived that have ended, by why.</summary>
    public IReadOnlyDictionary<Fault, LatencyHistogram> Ends => _ends;

    public long Active => Opened - _ends.Values.Sum(h => h.Count);

    internal LatencyHistogram Of(Fault fault)
    {
        if (!_ends.TryGetValue(fault, out var durations)) _ends[fault] = durations = new LatencyHistogram();
        return durations;
    }
}
