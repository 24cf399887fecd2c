using Weft.Telemetry.Metrics;

namespace Weft.Telemetry.Otlp;

/// <summary>What one series of one proxy counted between two pushes.</summary>
/// <param name="Key">Its labels.</param>
/// <param name="From">Begin of the interval, by the proxy's clock.</param>
/// <param name="To">End of the interval, by the proxy's clock.</param>
/// <param name="Counts">Requests that ended within it; never empty.</param>
public readonly record struct SeriesDelta(SeriesKey Key, DateTimeOffset From, DateTimeOffset To, HistogramCounts Counts);

/// <summary>
/// Turns the cumulative pushes of many proxies into what happened between them. Not thread-safe: one owner feeds it.
/// </summary>
/// <remarks>
/// Three cases decide what counts as new:
/// a series seen before with the same start time: the difference;
/// one that began again (another start time, or a bucket that went down): all of it, as it has counted since the last push;
/// a proxy never heard of: all of it if it started within <paramref name="firstInterval"/>, else nothing. A control plane that restarts
/// would otherwise take a week of counting for the traffic of the last seconds.
/// </remarks>
/// <param name="firstInterval">Longest time that a first push may speak for; about the width of the window that the deltas go into.</param>
public sealed class CumulativeDelta(TimeSpan firstInterval)
{
    private readonly Dictionary<string, Proxy> _proxies = [];

    /// <summary>Takes one push and returns the series that counted something since the one before. A push that is not later than the last one
    /// of the same proxy is a repeat and returns nothing.</summary>
    public IReadOnlyList<SeriesDelta> Advance(MetricsPush push)
    {
        var known = _proxies.TryGetValue(push.Source.NodeId, out var before);
        if (known && push.Time <= before!.Time) return [];
        var deltas = new List<SeriesDelta>();
        foreach (var now in push.Series)
        {
            if (known && before!.Series.TryGetValue(now.Key, out var then) && then.Started == now.Started && now.Counts.Since(then.Counts) is { } difference)
                Add(deltas, new SeriesDelta(now.Key, before.Time, push.Time, difference));
            else if (known)
                Add(deltas, new SeriesDelta(now.Key, before!.Time, push.Time, now.Counts));
            else if (push.Time - now.Started <= firstInterval)
                Add(deltas, new SeriesDelta(now.Key, now.Started, push.Time, now.Counts));
        }
        // A push is complete: a series that is not in it has expired at the proxy, and is forgotten here with it.
        _proxies[push.Source.NodeId] = new Proxy(push.Time, push.Series.DistinctBy(s => s.Key).ToDictionary(s => s.Key));
        return deltas;
    }

    /// <summary>Forgets a proxy that has gone.</summary>
    public void Forget(string nodeId) => _proxies.Remove(nodeId);

    private static void Add(List<SeriesDelta> deltas, in SeriesDelta delta)
    {
        if (delta.Counts.Count > 0) deltas.Add(delta);
    }

    private sealed record Proxy(DateTimeOffset Time, IReadOnlyDictionary<SeriesKey, PushedSeries> Series);
}
