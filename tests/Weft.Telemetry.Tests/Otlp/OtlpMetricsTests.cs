using Google.Protobuf;
using Opentelemetry.Proto.Collector.Metrics.V1;
using Opentelemetry.Proto.Metrics.V1;
using Shouldly;
using Weft.Telemetry.Metrics;
using Weft.Telemetry.Otlp;
using Weft.Telemetry.Outcomes;
using Weft.TestSupport;
using Xunit;

namespace Weft.Telemetry.Tests.Otlp;

public sealed class OtlpMetricsTests
{
    private static readonly MetricsSource Catalog = new("catalog", "shop", "catalog-1.shop");
    private static readonly EdgeKey Edge = new(Direction.Outbound, "shop/front", "shop/catalog", "v2", ChannelSecurity.Mtls);

    private static (MetricsRegistry Registry, ManualTime Time) Sample()
    {
        var time = new ManualTime();
        var registry = new MetricsRegistry(time);
        var shard = registry.CreateShard();
        foreach (var micros in new[] { 0L, 1, 2, 1000, 1_000_000, 3_600_000_000 }) shard.For(Edge).Record(200, Fault.None, micros);
        shard.For(Edge).Record(502, Fault.UpstreamClosed, 777);
        time.Advance(TimeSpan.FromSeconds(5));
        return (registry, time);
    }

    private static ExportMetricsServiceRequest OverTheWire(ExportMetricsServiceRequest request) =>
        ExportMetricsServiceRequest.Parser.ParseFrom(request.ToByteArray());

    [Fact]
    public void What_is_pushed_reads_back_the_same()
    {
        var (registry, time) = Sample();
        var push = OtlpMetricsReader.Read(OverTheWire(OtlpMetricsWriter.Build(registry, Catalog, time.GetUtcNow()))).Single();

        push.Source.ShouldBe(Catalog);
        push.Time.ShouldBe(time.GetUtcNow());
        push.Skipped.ShouldBe(0);
        push.Series.Select(s => s.Key).ShouldBe([new(Edge, 200, Fault.None), new(Edge, 502, Fault.UpstreamClosed)], ignoreOrder: true);
        push.Series.ShouldAllBe(s => s.Started == registry.Started);
        var expected = new Dictionary<SeriesKey, HistogramCounts>();
        registry.Collect((key, _, histogram) => expected[key] = HistogramCounts.Of(histogram));
        foreach (var series in push.Series)
        {
            series.Counts.SumMicros.ShouldBe(expected[series.Key].SumMicros);
            for (var i = 0; i < 512; i++) series.Counts[i].ShouldBe(expected[series.Key][i]);
        }
    }

    [Fact]
    public void Verdicts_read_back_the_same_and_those_of_another_vocabulary_are_left_out()
    {
        DestinationVerdict[] known = [new("tcp:web.default:7000", true), new("tcp:mail.default:25", false)];
        var request = OverTheWire(OtlpMetricsWriter.Build(new MetricsRegistry(new ManualTime()) { Verdicts = () => known }, Catalog, DateTimeOffset.UnixEpoch));
        OtlpMetricsReader.Read(request).Single().Verdicts.ShouldBe(known);

        var points = request.ResourceMetrics[0].ScopeMetrics[0].Metrics.Single(m => m.Name == "weft.detection.verdict").Gauge.DataPoints;
        points[0].Attributes.Single(a => a.Key == "verdict").Value.StringValue = "carrier pigeons";
        points[1].Attributes.Clear();
        OtlpMetricsReader.Read(request).Single().Verdicts.ShouldBeEmpty();
    }

    [Fact]
    public void Byte_connections_read_back_the_same_also_where_there_was_no_request()
    {
        var time = new ManualTime();
        var registry = new MetricsRegistry(time);
        foreach (var shard in new[] { registry.CreateShard(), registry.CreateShard() })
        {
            var series = shard.Connections(Edge);
            for (var i = 0; i < 4; i++) series.Opened();
            series.Moved(received: 1_000, sent: 20);
            series.Closed(new ConnectionRecord { TotalMicros = 1_000_000 });
            series.Closed(new ConnectionRecord { TotalMicros = 7, Fault = Fault.ConnectFailure });
            series.Closed(new ConnectionRecord { TotalMicros = 60_000_000, Fault = Fault.Draining });
        }
        time.Advance(TimeSpan.FromSeconds(5));

        var push = OtlpMetricsReader.Read(OverTheWire(OtlpMetricsWriter.Build(registry, Catalog, time.GetUtcNow()))).Single();

        (push.Time, push.Skipped, push.Series.Count).ShouldBe((time.GetUtcNow(), 0, 0));
        var edge = push.Connections.ShouldHaveSingleItem();
        (edge.Edge, edge.Started, edge.Opened, edge.ReceivedBytes, edge.SentBytes, edge.Active, edge.ClosedByDrain).ShouldBe((Edge, registry.Started, 8, 2_000, 40, 2, 2));
        edge.Ends.ToDictionary(e => e.Key, e => (e.Value.Count, e.Value.SumMicros)).ShouldBe(new Dictionary<Fault, (long, long)>
        {
            [Fault.None] = (2, 2_000_000),
            [Fault.ConnectFailure] = (2, 14),
            [Fault.Draining] = (2, 120_000_000),
        });
    }

    [Fact]
    public void Points_follow_the_data_model()
    {
        var (registry, time) = Sample();
        var request = OtlpMetricsWriter.Build(registry, Catalog, time.GetUtcNow());
        var metrics = request.ResourceMetrics.Single().ScopeMetrics.Single().Metrics;
        var duration = metrics.Single(m => m.Name == "weft.request.duration");
        duration.Unit.ShouldBe("us");
        duration.ExponentialHistogram.AggregationTemporality.ShouldBe(AggregationTemporality.Cumulative);
        foreach (var point in duration.ExponentialHistogram.DataPoints)
        {
            point.Count.ShouldBe(point.ZeroCount + point.Positive.BucketCounts.Aggregate(0UL, (a, b) => a + b));
            point.StartTimeUnixNano.ShouldBeLessThan(point.TimeUnixNano);
        }
        metrics.Single(m => m.Name == "weft_connections_total").Sum.IsMonotonic.ShouldBeTrue();
        metrics.Single(m => m.Name == "weft_connections_active").DataCase.ShouldBe(Metric.DataOneofCase.Gauge);
    }

    [Fact]
    public void Finer_scale_folds_into_ours()
    {
        var (registry, time) = Sample();
        var request = OtlpMetricsWriter.Build(registry, Catalog, time.GetUtcNow());
        var point = Points(request)[0];
        point.Scale = 6;
        point.Positive.Offset = 4 * 100; // four buckets of scale 6 make one of scale 4
        point.Positive.BucketCounts.Clear();
        point.Positive.BucketCounts.AddRange([1, 2, 3, 4, 5]);
        var counts = OtlpMetricsReader.Read(request).Single().Series[0].Counts;
        (counts[101], counts[102], counts.Count).ShouldBe((10, 5, 15));
    }

    [Fact]
    public void Points_that_cannot_be_read_are_counted_and_passed_over()
    {
        var (registry, time) = Sample();
        var request = OtlpMetricsWriter.Build(registry, Catalog, time.GetUtcNow());
        var good = Points(request)[0].Clone();
        void AddBroken(Action<ExponentialHistogramDataPoint> damage)
        {
            var point = good.Clone();
            damage(point);
            Points(request).Add(point);
        }
        AddBroken(p => p.Scale = 2);
        AddBroken(p => p.Attributes.Single(a => a.Key == "direction").Value.StringValue = "sideways");
        AddBroken(p => p.Attributes.Single(a => a.Key == "fault").Value.StringValue = "no-such-fault");
        AddBroken(p => p.Attributes.Single(a => a.Key == "code").Value.StringValue = "-1");
        AddBroken(p => p.Attributes.Clear());
        var push = OtlpMetricsReader.Read(OverTheWire(request)).Single();
        (push.Series.Count, push.Skipped).ShouldBe((2, 5));
    }

    [Fact]
    public void Hostile_numbers_do_not_overflow()
    {
        var (registry, time) = Sample();
        var request = OtlpMetricsWriter.Build(registry, Catalog, time.GetUtcNow());
        var point = Points(request)[0];
        point.Positive.Offset = int.MaxValue;
        point.Positive.BucketCounts[0] = ulong.MaxValue;
        point.Sum = double.NaN;
        point.StartTimeUnixNano = ulong.MaxValue;
        OtlpMetricsReader.Read(request).Single().Series[0].Counts.Count.ShouldBeGreaterThan(0);
    }

    [Fact]
    public void Delta_model_of_another_exporter_is_not_taken_for_cumulative()
    {
        var (registry, time) = Sample();
        var request = OtlpMetricsWriter.Build(registry, Catalog, time.GetUtcNow());
        request.ResourceMetrics[0].ScopeMetrics[0].Metrics[0].ExponentialHistogram.AggregationTemporality = AggregationTemporality.Delta;
        var push = OtlpMetricsReader.Read(request).Single();
        (push.Series.Count, push.Skipped).ShouldBe((0, 2));
    }

    private static IList<ExponentialHistogramDataPoint> Points(ExportMetricsServiceRequest request) =>
        request.ResourceMetrics[0].ScopeMetrics[0].Metrics[0].ExponentialHistogram.DataPoints;
}
