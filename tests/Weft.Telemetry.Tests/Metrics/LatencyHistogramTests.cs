using Shouldly;
using Weft.Telemetry.Metrics;
using Xunit;

namespace Weft.Telemetry.Tests.Metrics;

public sealed class LatencyHistogramTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 40)];

    /// <summary>Latencies of many shapes: tight, wide, two-humped, with a long tail, few and many.</summary>
    private static long[] Sample(int seed)
    {
        var random = new Random(seed);
        var count = (int)Math.Pow(10, random.NextDouble() * 4);
        var shape = random.Next(4);
        return [.. Enumerable.Range(0, Math.Max(count, 1)).Select(_ => shape switch
        {
            0 => random.NextInt64(900, 1100),
            1 => (long)Math.Pow(2, random.NextDouble() * 31),
            2 => random.Next(10) == 0 ? random.NextInt64(50_000, 60_000) : random.NextInt64(200, 400),
            _ => (long)(500 / Math.Pow(1 - random.NextDouble(), 0.8)),
        }).Select(v => Math.Clamp(v, 1, 3_600_000_000))];
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Percentiles_are_within_five_percent_of_the_exact_ones(int seed)
    {
        var values = Sample(seed);
        var histogram = new LatencyHistogram();
        foreach (var value in values) histogram.Record(value);
        Array.Sort(values);
        foreach (var percent in new[] { 0, 1, 10, 50, 90, 95, 99, 99.9, 100 })
        {
            var rank = (int)Math.Clamp(Math.Ceiling(percent / 100 * values.Length), 1, values.Length);
            double exact = values[rank - 1];
            // A whole microsecond of tolerance covers the buckets below 16 us, which are narrower than the unit.
            Math.Abs(histogram.Percentile(percent) - exact).ShouldBeLessThanOrEqualTo(Math.Max(exact * 0.05, 1), $"p{percent} of {values.Length} values, exact {exact}");
        }
        histogram.Percentile(100).ShouldBeLessThanOrEqualTo(values[^1]);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Merging_parts_equals_recording_the_whole(int seed)
    {
        var random = new Random(seed);
        var whole = new LatencyHistogram();
        var parts = new[] { new LatencyHistogram(), new LatencyHistogram(), new LatencyHistogram() };
        foreach (var value in Sample(seed))
        {
            whole.Record(value);
            parts[random.Next(3)].Record(value);
        }
        var merged = new LatencyHistogram();
        foreach (var part in parts) merged.Merge(part);
        (merged.Count, merged.SumMicros, merged.MaxMicros).ShouldBe((whole.Count, whole.SumMicros, whole.MaxMicros));
        for (var i = 0; i < whole.Scale.BucketCount; i++) merged[i].ShouldBe(whole[i]);
    }

    [Fact]
    public void Recording_allocates_nothing()
    {
        var histogram = new LatencyHistogram();
        histogram.Record(1);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10_000; i++) histogram.Record(i * 1000L);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
    }

    [Fact]
    public void Empty_histogram_has_percentile_zero()
    {
        new LatencyHistogram().Percentile(99).ShouldBe(0);
    }

    [Fact]
    public void Different_scales_do_not_merge()
    {
        Should.Throw<ArgumentException>(() => new LatencyHistogram(4).Merge(new LatencyHistogram(7))).Message.ShouldContain("scale 7");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Difference_of_two_moments_is_what_was_recorded_between_them(int seed)
    {
        var values = Sample(seed);
        var histogram = new LatencyHistogram();
        var between = new LatencyHistogram();
        foreach (var value in values[..(values.Length / 2)]) histogram.Record(value);
        var then = HistogramCounts.Of(histogram);
        foreach (var value in values[(values.Length / 2)..])
        {
            histogram.Record(value);
            between.Record(value);
        }
        var difference = HistogramCounts.Of(histogram).Since(then).ShouldNotBeNull();
        (difference.Count, difference.SumMicros).ShouldBe((between.Count, between.SumMicros));
        for (var i = 0; i < between.Scale.BucketCount; i++) difference[i].ShouldBe(between[i]);
        then.Since(HistogramCounts.Of(histogram)).ShouldBeNull("a bucket went down");
    }
}
