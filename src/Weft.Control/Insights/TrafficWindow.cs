using Weft.Telemetry.Metrics;
using Weft.Telemetry.Otlp;

namespace Weft.Control.Insights;

/// <summary>Bounds of the traffic shown.</summary>
public sealed record TrafficOptions
{
    /// <summary>How far back numbers reach. Default 30 s.</summary>
    public TimeSpan Window { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Intervals of series held. Default 200,000 (about 50 MB); over it the oldest go first and the numbers reach back less far.</summary>
    public int MaxIntervals { get; init; } = 200_000;

    /// <summary>A proxy that has pushed nothing for this long is forgotten. Default 10 minutes, a hundred pushes.</summary>
    public TimeSpan ForgetProxies { get; init; } = TimeSpan.FromMinutes(10);
}

/// <summary>What was counted in one stretch of our own time.</summary>
internal readonly record struct TrafficInterval(SeriesKey Key, DateTimeOffset From, DateTimeOffset To, HistogramCounts Counts);

/// <summary>The requests and byte connections of the last seconds, as all proxies report them. Thread-safe.</summary>
public sealed class TrafficWindow(TimeProvider time, TrafficOptions? options = null)
{
    private readonly TrafficOptions _options = options ?? new TrafficOptions();
    private readonly Lock _lock = new(); // guards everything below
    private readonly CumulativeDelta _deltas = new((options ?? new TrafficOptions()).Window);
    private readonly CumulativeConnections _connectionDeltas = new((options ?? new TrafficOptions()).Window);
    private readonly LinkedList<TrafficInterval> _intervals = []; // by time of arrival
    private readonly LinkedList<ConnectionInterval> _connections = []; // by time of arrival
    private readonly Dictionary<string, DateTimeOffset> _arrivals = new(StringComparer.Ordinal); // of the last push, by node
    private DateTimeOffset _nextSweep;
    private long _skipped;

    /// <summary>Data points that could not be read.</summary>
    public long Skipped { get { lock (_lock) return _skipped; } }

    /// <summary>Takes one push.</summary>
    public void Add(MetricsPush push)
    {
        lock (_lock)
        {
            var now = time.GetUtcNow();
            _skipped += push.Skipped;
            // The length of an interval is the proxy's, its place in time is ours: clocks differ, and a push is on its way for milliseconds.
            // A push without a single series carries no time at all, so what follows it is bounded by when it arrived.
            var longest = _arrivals.TryGetValue(push.Source.NodeId, out var before) && now - before < _options.Window ? now - before : _options.Window;
            foreach (var delta in _deltas.Advance(push)) _intervals.AddLast(new TrafficInterval(delta.Key, Begin(delta.To - delta.From), now, delta.Counts));
            foreach (var delta in _connectionDeltas.Advance(push)) _connections.AddLast(new ConnectionInterval(push.Source.NodeId, Begin(delta.To - delta.From), now, delta));
            _arrivals[push.Source.NodeId] = now;
            Drop_NeedsLock(now);
            Sweep_NeedsLock(now);

            DateTimeOffset Begin(TimeSpan length) => now - (length < longest ? length : longest);
        }
    }

    /// <summary>Services and edges with requests or connections in the window.</summary>
    public TrafficReport Report()
    {
        lock (_lock)
        {
            var now = time.GetUtcNow();
            Drop_NeedsLock(now);
            return TrafficReport.Of(_intervals, _connections, now);
        }
    }

    private void Drop_NeedsLock(DateTimeOffset now)
    {
        while (_intervals.First is { } oldest && (now - oldest.Value.To >= _options.Window || _intervals.Count > _options.MaxIntervals)) _intervals.RemoveFirst();
        while (_connections.First is { } oldest && (now - oldest.Value.To >= _options.Window || _connections.Count > _options.MaxIntervals)) _connections.RemoveFirst();
    }

    private void Sweep_NeedsLock(DateTimeOffset now)
    {
        if (now < _nextSweep) return;
        _nextSweep = now + (_options.ForgetProxies / 10);
        foreach (var gone in _arrivals.Where(a => now - a.Value > _options.ForgetProxies).Select(a => a.Key).ToList())
        {
            _arrivals.Remove(gone);
            _deltas.Forget(gone);
            _connectionDeltas.Forget(gone);
        }
    }
}
