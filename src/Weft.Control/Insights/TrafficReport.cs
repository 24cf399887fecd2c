using Weft.Telemetry.Metrics;
using Weft.Telemetry.Outcomes;

namespace Weft.Control.Insights;

/// <summary>The numbers of one row.</summary>
/// <param name="SuccessRate">0 to 1.</param>
/// <param name="MtlsShare">0 to 1: requests that came over mutual TLS.</param>
public sealed record TrafficNumbers(double RequestsPerSecond, double SuccessRate, double MtlsShare, double P50Ms, double P95Ms, double P99Ms);

/// <summary>Requests to one service, from everybody.</summary>
/// <param name="Name"><c>namespace/name</c>.</param>
public sealed record ServiceTraffic(string Name, TrafficNumbers Numbers);

/// <summary>Requests from one service to another.</summary>
/// <param name="From"><c>namespace/name</c>, or <c>unknown</c> for a caller without a sidecar.</param>
public sealed record EdgeTraffic(string From, string To, TrafficNumbers Numbers);

/// <summary>
/// Who calls whom, how well and how safely. Each edge is seen from both its sides and each side is believed for what it can know: the caller's side
/// for counts, success and latency (it has the requests that never arrived, and the time on the way), the called side for what was encrypted
/// (it has the callers without a sidecar, and no caller can claim for it what came in). A service is the sum of the edges that lead to it.
/// </summary>
/// <param name="Services">By name.</param>
/// <param name="Edges">By names.</param>
/// <param name="Connections">Edges of bytes, by names.</param>
public sealed record TrafficReport(IReadOnlyList<ServiceTraffic> Services, IReadOnlyList<EdgeTraffic> Edges, IReadOnlyList<ConnectionTraffic> Connections)
{
    /// <summary>Builds the report. Pure.</summary>
    internal static TrafficReport Of(IEnumerable<TrafficInterval> intervals, IEnumerable<ConnectionInterval> connections, DateTimeOffset now)
    {
        var sides = new Dictionary<(string From, string To, Direction Side), Tally>();
        foreach (var interval in intervals)
        {
            var edge = interval.Key.Edge;
            var key = (edge.Source, edge.Destination, edge.Direction);
            if (!sides.TryGetValue(key, out var tally)) sides[key] = tally = new Tally();
            tally.Add(interval);
        }
        var edges = sides.Keys.Select(k => (k.From, k.To)).Distinct().OrderBy(e => e.From, StringComparer.Ordinal).ThenBy(e => e.To, StringComparer.Ordinal)
            .Select(e => new EdgeTally(e.From, e.To, sides.GetValueOrDefault((e.From, e.To, Direction.Outbound)), sides.GetValueOrDefault((e.From, e.To, Direction.Inbound))))
            .ToList();
        var services = edges.GroupBy(e => e.To).OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => new ServiceTraffic(g.Key, Tally.Numbers(g.Select(e => e.Counted), g.Select(e => e.Secured), now)));
        return new TrafficReport([.. services], [.. edges.Select(e => new EdgeTraffic(e.From, e.To, Tally.Numbers([e.Counted], [e.Secured], now)))], ConnectionReport.Of(connections, now));
    }

    private sealed record EdgeTally(string From, string To, Tally? Outbound, Tally? Inbound)
    {
        public Tally Counted => Outbound ?? Inbound!;

        public Tally Secured => Inbound ?? Outbound!;
    }

    private sealed class Tally
    {
        private readonly LatencyHistogram _histogram = new();
        private long _count;
        private long _successes;
        private long _mtls;
        private DateTimeOffset _since = DateTimeOffset.MaxValue;

        public void Add(in TrafficInterval interval)
        {
            var count = interval.Counts.Count;
            _histogram.Add(interval.Counts);
            _count += count;
            if (interval.Key.IsSuccess) _successes += count;
            if (interval.Key.Edge.Security == ChannelSecurity.Mtls) _mtls += count;
            if (interval.From < _since) _since = interval.From;
        }

        public static TrafficNumbers Numbers(IEnumerable<Tally> counted, IEnumerable<Tally> secured, DateTimeOffset now)
        {
            var histogram = new LatencyHistogram();
            long count = 0, successes = 0, mtls = 0, witnessed = 0;
            double perSecond = 0;
            foreach (var tally in counted)
            {
                histogram.Merge(tally._histogram);
                count += tally._count;
                successes += tally._successes;
                // Over the time for which it reported: a caller that began three seconds ago does not look ten times slower than it is.
                perSecond += tally._count / Math.Max((now - tally._since).TotalSeconds, 1);
            }
            foreach (var tally in secured)
            {
                mtls += tally._mtls;
                witnessed += tally._count;
            }
            return new TrafficNumbers(Math.Round(perSecond, 3), Share(successes, count), Share(mtls, witnessed),
                Milliseconds(histogram, 50), Milliseconds(histogram, 95), Milliseconds(histogram, 99));
        }

        // Never rounded: 0.9999 is not "100 %".
        private static double Share(long part, long whole) => whole == 0 ? 0 : (double)part / whole;

        private static double Milliseconds(LatencyHistogram histogram, double percent) => Math.Round(histogram.Percentile(percent) / 1000, 3);
    }
}
