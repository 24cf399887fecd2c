using Opentelemetry.Proto.Collector.Metrics.V1;
using Opentelemetry.Proto.Metrics.V1;
using Opentelemetry.Proto.Resource.V1;
using Weft.Telemetry.Metrics;

namespace Weft.Telemetry.Otlp;

/// <summary>One series as a proxy pushed it.</summary>
/// <param name="Key">Its labels.</param>
/// <param name="Started">When its counting began; another value than last time means that it began again from zero.</param>
/// <param name="Counts">Everything since then.</param>
public sealed record PushedSeries(SeriesKey Key, DateTimeOffset Started, HistogramCounts Counts);

/// <summary>One push of one proxy.</summary>
/// <param name="Source">Who sent it.</param>
/// <param name="Time">When it was taken, by the sender's clock.</param>
/// <param name="Series">Every series that the proxy holds.</param>
/// <param name="Skipped">Request data points that could not be read: a foreign label value, another temporality, a coarser scale.</param>
public sealed record MetricsPush(MetricsSource Source, DateTimeOffset Time, IReadOnlyList<PushedSeries> Series, int Skipped)
{
    /// <summary>Byte connections, one entry for each edge.</summary>
    public IReadOnlyList<PushedConnections> Connections { get; init; } = [];

    /// <summary>What the sender's detection knows.</summary>
    public IReadOnlyList<DestinationVerdict> Verdicts { get; init; } = [];
}

/// <summary>Reads what <see cref="OtlpMetricsWriter"/> built. Metrics of other names are passed over.</summary>
public static class OtlpMetricsReader
{
    /// <summary>One result for each resource in the request.</summary>
    /// <remarks>Nothing here throws on strange content: a proxy of another version, or another program, may send it.</remarks>
    public static IEnumerable<MetricsPush> Read(ExportMetricsServiceRequest request) => request.ResourceMetrics.Select(ReadResource);

    private static MetricsPush ReadResource(ResourceMetrics resource)
    {
        var series = new List<PushedSeries>();
        var skipped = 0;
        var time = DateTimeOffset.UnixEpoch;
        var metrics = resource.ScopeMetrics.SelectMany(scope => scope.Metrics).ToList();
        foreach (var metric in metrics)
        {
            if (metric.Name != OtlpMetricsWriter.RequestDuration || metric.DataCase != Metric.DataOneofCase.ExponentialHistogram) continue;
            var cumulative = metric.ExponentialHistogram.AggregationTemporality == AggregationTemporality.Cumulative;
            foreach (var point in metric.ExponentialHistogram.DataPoints)
            {
                if (cumulative && TryReadPoint(point) is { } read) series.Add(read);
                else skipped++;
                var taken = FromUnixNanos(point.TimeUnixNano);
                if (taken > time) time = taken;
            }
        }
        var connections = OtlpConnectionsReader.Read(metrics, ref skipped, ref time);
        return new MetricsPush(Source(resource.Resource), time, series, skipped) { Connections = connections, Verdicts = [.. metrics.Where(m => m is { Name: OtlpMetricsWriter.DetectionVerdict, Gauge: not null }).SelectMany(m => m.Gauge.DataPoints).SelectMany(Verdict)] };
    }

    /// <summary>None of a point that says something else than this version knows.</summary>
    private static IEnumerable<DestinationVerdict> Verdict(NumberDataPoint point)
    {
        string Attribute(string name) => point.Attributes.FirstOrDefault(a => a.Key == name)?.Value?.StringValue ?? "";
        var (destination, verdict) = (Attribute(OtlpMetricsWriter.Destination), Attribute(OtlpMetricsWriter.Verdict));
        if (destination.Length > 0 && verdict is OtlpMetricsWriter.Http or OtlpMetricsWriter.ServerFirst) yield return new DestinationVerdict(destination, verdict == OtlpMetricsWriter.Http);
    }

    private static PushedSeries? TryReadPoint(ExponentialHistogramDataPoint point)
    {
        if (!SeriesLabels.TryRead(point.Attributes.Select(a => (a.Key, a.Value?.StringValue ?? "")), out var key) || TryReadCounts(point) is not { } counts) return null;
        return new PushedSeries(key, FromUnixNanos(point.StartTimeUnixNano), counts);
    }

    /// <summary>Null when the buckets are coarser than ours.</summary>
    internal static HistogramCounts? TryReadCounts(ExponentialHistogramDataPoint point)
    {
        // A finer scale folds into ours by halving indices; a coarser one cannot be split.
        var finer = point.Scale - LatencyHistogram.DefaultScale;
        if (finer is < 0 or > 16) return null;
        var histogram = new long[HistogramScale.Of(LatencyHistogram.DefaultScale).BucketCount];
        histogram[0] = Counted(point.ZeroCount);
        for (var i = 0; i < (point.Positive?.BucketCounts.Count ?? 0); i++)
        {
            var index = (((long)point.Positive!.Offset + i) >> finer) + 1;
            histogram[Math.Clamp(index, 0, histogram.Length - 1)] += Counted(point.Positive.BucketCounts[i]);
        }
        var first = Math.Max(Array.FindIndex(histogram, count => count > 0), 0);
        var end = Array.FindLastIndex(histogram, count => count > 0) + 1;
        var sum = double.IsFinite(point.Sum) ? (long)Math.Max(point.Sum, 0) : 0;
        return new HistogramCounts(first, histogram[first..Math.Max(end, first)], sum);
    }

    /// <summary>A count that no honest proxy reaches is cut off, so that sums of counts stay inside 64 bits.</summary>
    private static long Counted(ulong count) => (long)Math.Min(count, 1UL << 48);

    private static MetricsSource Source(Resource? resource)
    {
        string Attribute(string name) => resource?.Attributes.FirstOrDefault(a => a.Key == name)?.Value?.StringValue ?? "";
        return new MetricsSource(Attribute(OtlpMetricsWriter.ServiceName), Attribute(OtlpMetricsWriter.ServiceNamespace), Attribute(OtlpMetricsWriter.ServiceInstance));
    }

    internal static DateTimeOffset FromUnixNanos(ulong nanos) =>
        DateTimeOffset.UnixEpoch.AddTicks((long)Math.Min(nanos / 100, (ulong)(DateTimeOffset.MaxValue - DateTimeOffset.UnixEpoch).Ticks));
}
