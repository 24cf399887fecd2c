using System.Buffers;
using System.Text;
using Opentelemetry.Proto.Metrics.V1;
using Shouldly;
using Weft.Telemetry.Metrics;
using Weft.Telemetry.Otlp;
using Weft.TestSupport;
using Xunit;

namespace Weft.Telemetry.Tests.Metrics;

public sealed class BucketHistogramTests
{
    private readonly MetricsRegistry _registry = new(new ManualTime());
    private readonly BucketHistogram _histogram;

    public BucketHistogramTests()
    {
        _histogram = _registry.AddHistogram("weft_test_seconds", "Times.", [1, 100]);
        foreach (var micros in new[] { 0, 1000, 1001, 100_000, 3_000_000 }) _histogram.Record(micros);
    }

    [Fact]
    public void Bounds_belong_to_their_buckets() => _histogram.Counts().ShouldBe([2, 2, 1]);

    [Fact]
    public void Prometheus_reads_cumulative_buckets_in_seconds()
    {
        var text = new ArrayBufferWriter<byte>();
        PrometheusText.Write(_registry, text);
        Encoding.UTF8.GetString(text.WrittenSpan).ShouldEndWith("""
            # HELP weft_test_seconds Times.
            # TYPE weft_test_seconds histogram
            weft_test_seconds_bucket{le="0.001"} 2
            weft_test_seconds_bucket{le="0.1"} 4
            weft_test_seconds_bucket{le="+Inf"} 5
            weft_test_seconds_sum 3.102001
            weft_test_seconds_count 5

            """);
    }

    [Fact]
    public void Otlp_carries_the_same_numbers()
    {
        var metric = OtlpMetricsWriter.Build(_registry, new MetricsSource("s", "n", "i"), DateTimeOffset.UnixEpoch.AddDays(1)).ResourceMetrics[0].ScopeMetrics[0].Metrics
            .Single(m => m.Name == "weft_test_seconds");
        metric.Unit.ShouldBe("s");
        var point = metric.Histogram.DataPoints.ShouldHaveSingleItem();
        (point.Count, point.Sum).ShouldBe((5UL, 3.102001));
        point.BucketCounts.ShouldBe([2UL, 2UL, 1UL]);
        point.ExplicitBounds.ShouldBe([0.001, 0.1]);
        metric.Histogram.AggregationTemporality.ShouldBe(AggregationTemporality.Cumulative);
    }
}
