using Opentelemetry.Proto.Common.V1;
using Opentelemetry.Proto.Metrics.V1;
using Weft.Telemetry.Metrics;
using Weft.Telemetry.Outcomes;

namespace Weft.Telemetry.Otlp;

/// <summary>The byte connections of one edge as a proxy pushed them: everything since <paramref name="Started"/>.</summary>
/// <param name="Edge">Who called whom.</param>
/// <param name="Started">When counting began; another value than last time means that it began again from zero.</param>
/// <param name="Opened">Connections begun.</param>
/// <param name="ReceivedBytes">From callers.</param>
/// <param name="SentBytes">To callers.</param>
/// <param name="Ends">Lifetimes of the ended ones by why they ended; the counts are how many.</param>
public sealed record PushedConnections(
    EdgeKey Edge, DateTimeOffset Started, long Opened, long ReceivedBytes, long SentBytes, IReadOnlyDictionary<Fault, HistogramCounts> Ends)
{
    /// <summary>Open when the push was taken.</summary>
    public long Active => Opened - Ends.Values.Sum(e => e.Count);

    /// <summary>Of the ended ones, those that were closed because a drain was over.</summary>
    public long ClosedByDrain => Ends.TryGetValue(Fault.Draining, out var counts) ? counts.Count : 0;
}

/// <summary>Puts together again what <see cref="OtlpMetricsWriter"/> has spread over four metrics.</summary>
internal static class OtlpConnectionsReader
{
    /// <param name="skipped">Raised by what cannot be read.</param>
    /// <param name="time">When the push was taken, if these points are the latest.</param>
    public static IReadOnlyList<PushedConnections> Read(IReadOnlyList<Metric> metrics, ref int skipped, ref DateTimeOffset time)
    {
        var edges = new Dictionary<EdgeKey, Parts>();
        foreach (var metric in metrics)
        {
            if (metric.Name == OtlpMetricsWriter.ConnectionDuration && metric.ExponentialHistogram is { AggregationTemporality: AggregationTemporality.Cumulative } durations)
            {
                foreach (var point in durations.DataPoints)
                {
                    if (OtlpMetricsReader.TryReadCounts(point) is { } counts && Edge(point.Attributes, point.StartTimeUnixNano, edges) is { } parts && FaultOf(point.Attributes, out var fault)) parts.Ends[fault] = counts;
                    else skipped++;
                }
            }
            else if (IndexOf(metric.Name) is >= 0 and var index && metric.Sum is { AggregationTemporality: AggregationTemporality.Cumulative } sum)
            {
                foreach (var point in sum.DataPoints)
                {
                    if (Edge(point.Attributes, point.StartTimeUnixNano, edges) is { } parts) parts.Sums[index] = Math.Clamp(point.AsInt, 0, 1L << 60); // no honest proxy reaches the limit
                    else skipped++;
                    var taken = OtlpMetricsReader.FromUnixNanos(point.TimeUnixNano);
                    if (taken > time) time = taken;
                }
            }
        }
        return [.. edges.Select(e => new PushedConnections(e.Key, e.Value.Started, e.Value.Sums[0], e.Value.Sums[1], e.Value.Sums[2], e.Value.Ends))];
    }

    private static int IndexOf(string name) => name switch
    {
        OtlpMetricsWriter.ConnectionsOpened => 0,
        OtlpMetricsWriter.ConnectionsReceived => 1,
        OtlpMetricsWriter.ConnectionsSent => 2,
        _ => -1,
    };

    private static Parts? Edge(IEnumerable<KeyValue> attributes, ulong started, Dictionary<EdgeKey, Parts> edges)
    {
        if (!SeriesLabels.TryReadEdge(attributes.Select(a => (a.Key, a.Value?.StringValue ?? "")), out var edge)) return null;
        if (!edges.TryGetValue(edge, out var parts)) edges[edge] = parts = new Parts(OtlpMetricsReader.FromUnixNanos(started));
        return parts;
    }

    private static bool FaultOf(IEnumerable<KeyValue> attributes, out Fault fault)
    {
        fault = Fault.None;
        return attributes.FirstOrDefault(a => a.Key == SeriesLabels.Fault)?.Value is { } value && Faults.TryParse(value.StringValue, out fault);
    }

    private sealed record Parts(DateTimeOffset Started)
    {
        public long[] Sums { get; } = new long[3];

        public Dictionary<Fault, HistogramCounts> Ends { get; } = [];
    }
}
