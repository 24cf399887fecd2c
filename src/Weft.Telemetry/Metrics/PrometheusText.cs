using System.Buffers;
using System.Globalization;
using System.Text;

namespace Weft.Telemetry.Metrics;

/// <summary>
/// The registry as Prometheus reads it: text exposition format 0.0.4
/// (https://prometheus.io/docs/instrumenting/exposition_formats/).
/// </summary>
public static class PrometheusText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    // A bucket per doubling from 64 us to 67 s. Powers of two are boundaries of every exponential histogram, so these counts are exact;
    // round numbers of milliseconds would have to be interpolated.
    private const int FirstDoubling = 6, LastDoubling = 26;

    private const string Requests = "weft_requests_total", Duration = "weft_request_duration_milliseconds";

    private const string Connections = "weft_tcp_connections_", ConnectionDuration = "weft_tcp_connection_duration_milliseconds";

    private static readonly string[] Bounds =
        [.. Enumerable.Range(FirstDoubling, LastDoubling - FirstDoubling + 1).Select(doubling => Number((1L << doubling) / 1000.0))];

    /// <summary>Writes every metric of <paramref name="registry"/>.</summary>
    public static void Write(MetricsRegistry registry, IBufferWriter<byte> output)
    {
        // A family's samples must stand together, and the shards must be summed once only: the second family waits in a buffer.
        var durations = new ArrayBufferWriter<byte>(4096);
        WriteHead(output, Requests, "Requests, by who called whom and how they ended.", "counter");
        WriteHead(durations, Duration, "Time from a request's first byte to the last byte of its answer.", "histogram");
        registry.Collect((key, _, histogram) =>
        {
            var labels = Labels(SeriesLabels.Of(key));
            WriteSample(output, Requests, labels, Number(histogram.Count));
            WriteHistogram(durations, Duration, labels, histogram);
        });
        output.Write(durations.WrittenSpan);
        WriteConnections(registry.CollectConnections(), output);
        foreach (var family in registry.Instruments.GroupBy(instrument => instrument.Name))
        {
            WriteHead(output, family.Key, family.First().Help, family.First().Kind == InstrumentKind.Counter ? "counter" : "gauge");
            foreach (var instrument in family)
                WriteSample(output, instrument.Name, Labels(instrument.Labels), Number(instrument.Read()));
        }
        foreach (var histogram in registry.Histograms) WriteBuckets(output, histogram);
    }

    private static void WriteBuckets(IBufferWriter<byte> output, BucketHistogram histogram)
    {
        WriteHead(output, histogram.Name, histogram.Help, "histogram");
        var counts = histogram.Counts();
        var cumulative = 0L;
        for (var i = 0; i < counts.Length; i++)
        {
            cumulative += counts[i];
            WriteSample(output, histogram.Name + "_bucket", $"le=\"{(i < histogram.BoundsMs.Count ? Number(histogram.BoundsMs[i] / 1000.0) : "+Inf")}\"", Number(cumulative));
        }
        WriteSample(output, histogram.Name + "_sum", "", Number(histogram.SumMicros / 1_000_000.0));
        WriteSample(output, histogram.Name + "_count", "", Number(cumulative));
    }

    /// <summary>Connections whose bytes were passed on unread. Without any, nothing is written.</summary>
    private static void WriteConnections(IReadOnlyList<(EdgeKey Edge, ConnectionTotals Totals)> edges, IBufferWriter<byte> output)
    {
        if (edges.Count == 0) return;
        Each(Connections + "opened_total", "TCP connections taken on, by who called whom.", "counter", t => t.Opened);
        Each(Connections + "active", "TCP connections open now.", "gauge", t => t.Active);
        Each(Connections + "closed_by_drain_total", "TCP connections that were closed because a drain was over.", "counter", t => t.ClosedByDrain);
        Each("weft_tcp_received_bytes_total", "Bytes that callers sent.", "counter", t => t.ReceivedBytes);
        Each("weft_tcp_sent_bytes_total", "Bytes that callers were sent.", "counter", t => t.SentBytes);
        var ends = edges.SelectMany(e => e.Totals.Ends.Select(end => (Labels: Labels(ConnectionLabels.Of(e.Edge, end.Key)), Durations: end.Value))).ToList();
        WriteHead(output, Connections + "closed_total", "TCP connections that have ended, by how.", "counter");
        foreach (var (labels, durations) in ends) WriteSample(output, Connections + "closed_total", labels, Number(durations.Count));
        WriteHead(output, ConnectionDuration, "Time from a TCP connection's acceptance to its end.", "histogram");
        foreach (var (labels, durations) in ends) WriteHistogram(output, ConnectionDuration, labels, durations);

        void Each(string name, string help, string type, Func<ConnectionTotals, long> read)
        {
            WriteHead(output, name, help, type);
            foreach (var (edge, totals) in edges) WriteSample(output, name, Labels(ConnectionLabels.Of(edge)), Number(read(totals)));
        }
    }

    private static void WriteHistogram(IBufferWriter<byte> output, string name, string labels, LatencyHistogram histogram)
    {
        var scale = histogram.Scale;
        var cumulative = 0L;
        var bucket = 0;
        for (var doubling = FirstDoubling; doubling <= LastDoubling; doubling++)
        {
            var last = doubling << scale.Scale; // the bucket whose upper bound is 2^doubling
            while (bucket <= last) cumulative += histogram[bucket++];
            WriteSample(output, name + "_bucket", $"{labels},le=\"{Bounds[doubling - FirstDoubling]}\"", Number(cumulative));
        }
        while (bucket < scale.BucketCount) cumulative += histogram[bucket++];
        WriteSample(output, name + "_bucket", labels + ",le=\"+Inf\"", Number(cumulative));
        WriteSample(output, name + "_sum", labels, Number(histogram.SumMicros / 1000.0));
        WriteSample(output, name + "_count", labels, Number(cumulative));
    }

    private static void WriteHead(IBufferWriter<byte> output, string name, string help, string type) =>
        Encoding.UTF8.GetBytes($"# HELP {name} {help.Replace("\\", "\\\\").Replace("\n", "\\n")}\n# TYPE {name} {type}\n", output);

    private static void WriteSample(IBufferWriter<byte> output, string name, string labels, string value) =>
        Encoding.UTF8.GetBytes(labels.Length == 0 ? $"{name} {value}\n" : $"{name}{{{labels}}} {value}\n", output);

    private static string Labels(IEnumerable<(string Name, string Value)> labels) =>
        string.Join(',', labels.Select(label => $"{label.Name}=\"{Escape(label.Value)}\""));

    private static string Escape(string value) =>
        value.AsSpan().ContainsAny('\\', '"', '\n') ? value.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n") : value;

    private static string Number(double value) => value.ToString(CultureInfo.InvariantCulture);
}
