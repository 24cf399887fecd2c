using Weft.Telemetry.Outcomes;
using Weft.Telemetry.Otlp;

namespace Weft.Control.Insights;

/// <summary>The numbers of one row of byte connections.</summary>
/// <param name="ConnectionsPerSecond">Begun.</param>
/// <param name="Open">Open now.</param>
/// <param name="Failures">That failed in the window.</param>
/// <param name="SentPerSecond">Bytes per second from the caller to the called.</param>
/// <param name="ReceivedPerSecond">Bytes per second from the called to the caller.</param>
/// <param name="MtlsShare">0 to 1: connections of the window that came over mutual TLS.</param>
public sealed record ConnectionNumbers(double ConnectionsPerSecond, long Open, long Failures, double SentPerSecond, double ReceivedPerSecond, double MtlsShare);

/// <summary>Byte connections from one service to another.</summary>
/// <param name="From"><c>namespace/name</c>, or <c>unknown</c> for a caller without a sidecar.</param>
/// <param name="To"><c>namespace/name</c>, or what is outside of the mesh.</param>
public sealed record ConnectionTraffic(string From, string To, ConnectionNumbers Numbers);

/// <summary>What one proxy's byte connections did in one stretch of our own time.</summary>
internal readonly record struct ConnectionInterval(string NodeId, DateTimeOffset From, DateTimeOffset To, ConnectionsDelta Counts);

/// <summary>Who holds connections to whom. As for requests, the caller's side is believed for what was begun, moved and failed, the called side, where it knows the caller, for what was encrypted.</summary>
internal static class ConnectionReport
{
    /// <summary>Builds the rows, sorted. Pure.</summary>
    /// <param name="intervals">In the order of their arrival.</param>
    /// <param name="now">The moment of the report.</param>
    public static IReadOnlyList<ConnectionTraffic> Of(IEnumerable<ConnectionInterval> intervals, DateTimeOffset now)
    {
        var all = intervals.ToList();
        // Bytes carry no word of who sends them. What a called side has from somebody over mutual TLS is what callers tell of themselves; with both there would be two rows for each connection.
        var told = all.Where(i => i.Counts.Edge.Direction == Direction.Outbound).Select(i => i.Counts.Edge.Destination).ToHashSet(StringComparer.Ordinal);
        all.RemoveAll(i => i.Counts.Edge is { Direction: Direction.Inbound, Source: Vocabulary.Unknown, Security: ChannelSecurity.Mtls } edge && told.Contains(edge.Destination));
        var sides = all.GroupBy(i => (i.Counts.Edge.Source, i.Counts.Edge.Destination, i.Counts.Edge.Direction)).ToDictionary(g => g.Key, g => new Side([.. g]));
        return
        [
            .. sides.Keys.Select(k => (From: k.Source, To: k.Destination)).Distinct().OrderBy(e => e.From, StringComparer.Ordinal).ThenBy(e => e.To, StringComparer.Ordinal)
                .Select(e =>
                {
                    var outbound = sides.GetValueOrDefault((e.From, e.To, Direction.Outbound));
                    var inbound = sides.GetValueOrDefault((e.From, e.To, Direction.Inbound));
                    return new ConnectionTraffic(e.From, e.To, (outbound ?? inbound)!.Numbers((inbound ?? outbound)!, now));
                }),
        ];
    }

    /// <summary>One side of an edge, as all proxies of that side tell it.</summary>
    private sealed class Side(IReadOnlyList<ConnectionInterval> intervals)
    {
        public ConnectionNumbers Numbers(Side witness, DateTimeOffset now)
        {
            // Over the time for which it reported, as for requests.
            var seconds = Math.Max((now - intervals.Min(i => i.From)).TotalSeconds, 1);
            var (mtls, all) = witness.Seen();
            return new ConnectionNumbers(
                Math.Round(intervals.Sum(i => i.Counts.Opened) / seconds, 3), Latest().Sum(i => i.Counts.Active), intervals.Sum(i => i.Counts.Failed),
                Math.Round(intervals.Sum(i => i.Counts.ReceivedBytes) / seconds, 1), Math.Round(intervals.Sum(i => i.Counts.SentBytes) / seconds, 1),
                all == 0 ? 0 : (double)mtls / all);
        }

        /// <summary>Connections that were open at some time of the window: those that are, and those that have ended.</summary>
        private (long Mtls, long All) Seen()
        {
            long mtls = 0, all = 0;
            foreach (var (security, count) in Latest().Select(i => (i.Counts.Edge.Security, i.Counts.Active)).Concat(intervals.Select(i => (i.Counts.Edge.Security, i.Counts.Ended))))
            {
                all += count;
                if (security == ChannelSecurity.Mtls) mtls += count;
            }
            return (mtls, all);
        }

        /// <summary>The last word of each proxy on each of its series.</summary>
        private IEnumerable<ConnectionInterval> Latest() => intervals.GroupBy(i => (i.NodeId, i.Counts.Edge)).Select(g => g.Last());
    }
}
