using System.Numerics;
using Shouldly;
using Weft.Telemetry.Metrics;
using Xunit;

namespace Weft.Telemetry.Tests.Metrics;

public sealed class HistogramScaleTests
{
    /// <summary>OTLP: bucket k holds (base^k, base^(k+1)] with base = 2^(2^-scale). Raised to the power 2^scale both comparisons are of whole numbers.</summary>
    private static bool Holds(int scale, int otlpBucket, long value)
    {
        var power = BigInteger.Pow(value, 1 << scale);
        var above = otlpBucket < 0 || power > BigInteger.Pow(2, otlpBucket);
        return above && power <= BigInteger.Pow(2, otlpBucket + 1);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(7)]
    [InlineData(8)]
    public void Every_value_lies_in_its_otlp_bucket_exactly(int scale)
    {
        var layout = HistogramScale.Of(scale);
        var random = new Random(scale);
        var values = Enumerable.Range(1, 3000).Select(i => (long)i)
            .Concat(Enumerable.Range(0, 32).SelectMany(e => new[] { (1L << e) - 1, 1L << e, (1L << e) + 1 }))
            .Concat(Enumerable.Range(0, 2000).Select(_ => (long)Math.Pow(2, random.NextDouble() * 31.9)))
            .Where(v => v >= 1 && v <= layout.UpperBound(layout.BucketCount - 1));
        foreach (var value in values)
            Holds(scale, layout.IndexOf(value) - 1, value).ShouldBeTrue($"{value} in bucket {layout.IndexOf(value) - 1} of scale {scale}");
    }

    [Fact]
    public void Values_at_bucket_boundaries_fall_on_the_right_side()
    {
        var layout = HistogramScale.Of(LatencyHistogram.DefaultScale);
        for (var bucket = 1; bucket < layout.BucketCount - 1; bucket++)
        {
            var last = (long)Math.Floor(layout.UpperBound(bucket));
            if (last <= Math.Floor(layout.LowerBound(bucket))) continue; // no whole number lies in this bucket
            layout.IndexOf(last).ShouldBe(bucket);
            layout.IndexOf(last + 1).ShouldBeGreaterThan(bucket);
        }
    }

    [Fact]
    public void Values_outside_the_range_count_at_its_ends()
    {
        var layout = HistogramScale.Of(4);
        layout.IndexOf(0).ShouldBe(0);
        layout.IndexOf(-5).ShouldBe(0);
        layout.IndexOf(long.MaxValue).ShouldBe(layout.BucketCount - 1);
        layout.IndexOf(3_600_000_000).ShouldBeLessThan(layout.BucketCount - 1, "an hour is inside the range");
    }

    [Fact]
    public void Scale_out_of_range_is_refused()
    {
        Should.Throw<ArgumentOutOfRangeException>(() => HistogramScale.Of(9));
        Should.Throw<ArgumentOutOfRangeException>(() => HistogramScale.Of(-1));
    }
}
