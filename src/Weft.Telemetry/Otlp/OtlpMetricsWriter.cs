using Opentelemetry.Proto.Collector.Metrics.V1;
using Opentelemetry.Proto.Common.V1;
using Opentelemetry.Proto.Metrics.V1;
using Opentelemetry.Proto.Resource.V1;
using Weft.Telemetry.Metrics;

namespace Weft.Telemetry.Otlp;

/// <summary>Whose metrics a push carries, as OpenTelemetry's resource attributes name it.</summary>
/// <param name="ServiceName"><c>service.name</c>.</param>
/// <param name="ServiceNamespace"><c>service.namespace</c>.</param>
/// <param name="NodeId"><c>service.instance.id</c>: the xDS node id, <c>workload.namespace</c>.</param>
public sealed record MetricsSource(string ServiceName, string ServiceNamespace, string NodeId);

/// <summary>
/// Builds what a proxy pushes: every series, cumulative since its own start time, so that a lost push loses nothing. Request durations
/// are exponential histograms in microseconds. Their count is the number of requests, so no second metric repeats it.
/// </summary>
public static class OtlpMetricsWriter
{
    /// <summary>Name of the request metric. Its unit is the one that the buckets are made in: powers of two of a microsecond are no powers of
    /// two of a millisecond, and converting them would move every boundary.</summary>
    public const string RequestDuration = "weft.request.duration";

    /// <summary>Lifetimes of byte connections that have ended, by edge and fault, in the same buckets; the count is how many.</summary>
    public const string ConnectionDuration = "weft.connection.duration";

    /// <summary>Sums by edge: connections begun, and bytes from and to callers.</summary>
    public const string ConnectionsOpened = "weft.connection.opened", ConnectionsReceived = "weft.connection.received", ConnectionsSent = "weft.connection.sent";

    /// <summary>A gauge that is 1 for each destination of which detection knows who begins, by <c>destination</c> and <c>verdict</c>: <see cref="Http"/> or <see cref="ServerFirst"/>.</summary>
    public const string DetectionVerdict = "weft.detection.verdict";

    internal const string Destination = "destination", Verdict = "verdict", Http = "http", ServerFirst = "server_first";

    internal const string ServiceName = "service.name", ServiceNamespace = "service.namespace", ServiceInstance = "service.instance.id";

    public static ExportMetricsServiceRequest Build(MetricsRegistry registry, MetricsSource source, DateTimeOffset now)
    {
        var scope = new ScopeMetrics { Scope = new InstrumentationScope { Name = "weft.proxy" } };
        var durations = new ExponentialHistogram { AggregationTemporality = AggregationTemporality.Cumulative };
        registry.Collect((key, started, histogram) => durations.DataPoints.Add(Point(SeriesLabels.Of(key), started, now, histogram)));
        if (durations.DataPoints.Count > 0)
            scope.Metrics.Add(new Metric { Name = RequestDuration, Unit = "us", ExponentialHistogram = durations });
        AddConnections(scope, registry.CollectConnections(), registry.Started, now);
        foreach (var family in registry.Instruments.GroupBy(instrument => instrument.Name))
            scope.Metrics.Add(Numbers(family, registry.Started, now));
        foreach (var histogram in registry.Histograms) scope.Metrics.Add(Buckets(histogram, registry.Started, now));
        if (registry.Verdicts() is { Count: > 0 } verdicts) scope.Metrics.Add(Verdicts(verdicts, now));
        var resource = new Resource
        {
            Attributes = { Attribute(ServiceName, source.ServiceName), Attribute(ServiceNamespace, source.ServiceNamespace), Attribute(ServiceInstance, source.NodeId) },
        };
        return new ExportMetricsServiceRequest { ResourceMetrics = { new ResourceMetrics { Resource = resource, ScopeMetrics = { scope } } } };
    }

    private static void AddConnections(ScopeMetrics scope, IReadOnlyList<(EdgeKey Edge, ConnectionTotals Totals)> edges, DateTimeOffset started, DateTimeOffset now)
    {
        if (edges.Count == 0) return;
        var durations = new ExponentialHistogram { AggregationTemporality = AggregationTemporality.Cumulative };
        foreach (var (edge, totals) in edges)
            foreach (var (fault, histogram) in totals.Ends) durations.DataPoints.Add(Point(ConnectionLabels.Of(edge, fault), started, now, histogram));
        scope.Metrics.Add(new Metric { Name = ConnectionDuration, Unit = "us", ExponentialHistogram = durations });
        Add(ConnectionsOpened, "{connection}", t => t.Opened);
        Add(ConnectionsReceived, "By", t => t.ReceivedBytes);
        Add(ConnectionsSent, "By", t => t.SentBytes);

        void Add(string name, string unit, Func<ConnectionTotals, long> read)
        {
            var sum = new Sum { AggregationTemporality = AggregationTemporality.Cumulative, IsMonotonic = true };
            foreach (var (edge, totals) in edges)
            {
                var point = new NumberDataPoint { StartTimeUnixNano = UnixNanos(started), TimeUnixNano = UnixNanos(now), AsInt = read(totals) };
                foreach (var (label, value) in ConnectionLabels.Of(edge)) point.Attributes.Add(Attribute(label, value));
                sum.DataPoints.Add(point);
            }
            scope.Metrics.Add(new Metric { Name = name, Unit = unit, Sum = sum });
        }
    }

    private static ExponentialHistogramDataPoint Point((string Name, string Value)[] labels, DateTimeOffset started, DateTimeOffset now, LatencyHistogram histogram)
    {
        var counts = HistogramCounts.Of(histogram);
        var buckets = new ExponentialHistogramDataPoint.Types.Buckets { Offset = counts.First - 1 }; // array index i is OTLP bucket i - 1
        foreach (var count in counts.Counts) buckets.BucketCounts.Add((ulong)count);
        var point = new ExponentialHistogramDataPoint
        {
            StartTimeUnixNano = UnixNanos(started),
            TimeUnixNano = UnixNanos(now),
            Count = (ulong)counts.Count,
            Sum = counts.SumMicros,
            Scale = LatencyHistogram.DefaultScale,
            Positive = buckets,
        };
        foreach (var (name, value) in labels) point.Attributes.Add(Attribute(name, value));
        return point;
    }

    private static Metric Numbers(IGrouping<string, Instrument> family, DateTimeOffset started, DateTimeOffset now)
    {
        var points = family.Select(instrument =>
        {
            var point = new NumberDataPoint { TimeUnixNano = UnixNanos(now), AsDouble = instrument.Read() };
            if (instrument.Kind == InstrumentKind.Counter) point.StartTimeUnixNano = UnixNanos(started);
            foreach (var (name, value) in instrument.Labels) point.Attributes.Add(Attribute(name, value));
            return point;
        });
        var metric = new Metric { Name = family.Key, Description = family.First().Help };
        if (family.First().Kind == InstrumentKind.Counter)
            metric.Sum = new Sum { AggregationTemporality = AggregationTemporality.Cumulative, IsMonotonic = true, DataPoints = { points } };
        else
            metric.Gauge = new Gauge { DataPoints = { points } };
        return metric;
    }

    private static Metric Buckets(BucketHistogram histogram, DateTimeOffset started, DateTimeOffset now)
    {
        var point = new HistogramDataPoint { StartTimeUnixNano = UnixNanos(started), TimeUnixNano = UnixNanos(now), Sum = histogram.SumMicros / 1_000_000.0 };
        foreach (var count in histogram.Counts())
        {
            point.BucketCounts.Add((ulong)count);
            point.Count += (ulong)count;
        }
        foreach (var bound in histogram.BoundsMs) point.ExplicitBounds.Add(bound / 1000.0);
        return new Metric
        {
            Name = histogram.Name, Description = histogram.Help, Unit = "s",
            Histogram = new Histogram { AggregationTemporality = AggregationTemporality.Cumulative, DataPoints = { point } },
        };
    }

    private static Metric Verdicts(IReadOnlyList<DestinationVerdict> verdicts, DateTimeOffset now) => new()
    {
        Name = DetectionVerdict,
        Gauge = new Gauge
        {
            DataPoints =
            {
                verdicts.Select(v => new NumberDataPoint
                {
                    TimeUnixNano = UnixNanos(now), AsInt = 1, Attributes = { Attribute(Destination, v.Destination), Attribute(Verdict, v.ClientsSpeakHttp ? Http : ServerFirst) },
                }),
            },
        },
    };

    private static KeyValue Attribute(string name, string value) => new() { Key = name, Value = new AnyValue { StringValue = value } };

    private static ulong UnixNanos(DateTimeOffset at) => (ulong)(at - DateTimeOffset.UnixEpoch).Ticks * 100;
}
