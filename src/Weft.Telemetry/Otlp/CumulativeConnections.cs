using Weft.Telemetry.Metrics;
using Weft.Telemetry.Outcomes;

namespace Weft.Telemetry.Otlp;

/// <summary>What the byte connections of one edge did between two pushes of one proxy.</summary>
/// <param name="Edge">Who called whom.</param>
/// <param name="From">Begin of the interval, by the proxy's clock.</param>
/// <param name="To">End of the interval, by the proxy's clock.</param>
/// <param name="Opened">Connections begun.</param>
/// <param name="Ended">Connections that ended.</param>
/// <param name="Failed">Of those, the ones that failed: not those that an application ended, nor those that reached a limit of age or idleness or the end of a drain.</param>
/// <param name="ReceivedBytes">From callers.</param>
/// <param name="SentBytes">To callers.</param>
/// <param name="Active">Open at the end of the interval.</param>
public readonly record struct ConnectionsDelta(
    EdgeKey Edge, DateTimeOffset From, DateTimeOffset To, long Opened, long Ended, long Failed, long ReceivedBytes, long SentBytes, long Active);

/// <summary>
/// Turns the cumulative pushes of many proxies into what their byte connections did between them, by the rules of <see cref="CumulativeDelta"/>. A connection that only stays open does something:
/// an edge is told of as long as it has one. Not thread-safe: one owner feeds it.
/// </summary>
/// <param name="firstInterval">Longest time that a first push may speak for.</param>
public sealed class CumulativeConnections(TimeSpan firstInterval)
{
    private readonly Dictionary<string, (DateTimeOffset Time, Dictionary<EdgeKey, PushedConnections> Edges)> _proxies = [];

    /// <summary>Takes one push and returns the edges that have or had connections since the one before. A push that is not later than the last one of the same proxy is a repeat and returns nothing.</summary>
    public IReadOnlyList<ConnectionsDelta> Advance(MetricsPush push)
    {
        var known = _proxies.TryGetValue(push.Source.NodeId, out var before);
        if (known && push.Time <= before.Time) return [];
        var deltas = new List<ConnectionsDelta>();
        foreach (var now in push.Connections)
        {
            var then = known ? before.Edges.GetValueOrDefault(now.Edge) : null;
            // Counting began again: all of it is new. A proxy never heard of that has counted for long tells how many are open, and nothing of the last seconds.
            if (then is not null && (then.Started != now.Started || then.Opened > now.Opened || Ended(then) > Ended(now))) then = null;
            else if (!known && push.Time - now.Started > firstInterval) then = now;
            var delta = Since(now, then, known ? before.Time : now.Started > push.Time - firstInterval ? now.Started : push.Time, push.Time);
            if (delta.Active > 0 || delta.Opened + delta.Ended + delta.ReceivedBytes + delta.SentBytes > 0) deltas.Add(delta);
        }
        _proxies[push.Source.NodeId] = (push.Time, push.Connections.DistinctBy(c => c.Edge).ToDictionary(c => c.Edge));
        return deltas;
    }

    /// <summary>Forgets a proxy that has gone.</summary>
    public void Forget(string nodeId) => _proxies.Remove(nodeId);

    private static ConnectionsDelta Since(PushedConnections now, PushedConnections? then, DateTimeOffset from, DateTimeOffset to) => new(
        now.Edge, from, to, now.Opened - (then?.Opened ?? 0), Ended(now) - Ended(then), Failed(now) - Failed(then),
        Math.Max(now.ReceivedBytes - (then?.ReceivedBytes ?? 0), 0), Math.Max(now.SentBytes - (then?.SentBytes ?? 0), 0), Math.Max(now.Active, 0));

    private static long Ended(PushedConnections? connections) => connections?.Ends.Values.Sum(e => e.Count) ?? 0;

    private static long Failed(PushedConnections? connections) =>
        connections?.Ends.Where(e => e.Key is not (Fault.None or Fault.Draining or Fault.IdleTimeout or Fault.MaxDuration)).Sum(e => e.Value.Count) ?? 0;
}
