using Shouldly;
using Xunit;

namespace Weft.Grpc.Tests;

public sealed class GrpcTimeoutTests
{
    [Theory]
    [InlineData("1H", 36_000_000_000)]
    [InlineData("2M", 1_200_000_000)]
    [InlineData("3S", 30_000_000)]
    [InlineData("4m", 40_000)]
    [InlineData("5u", 50)]
    [InlineData("600n", 6)]
    [InlineData("1n", 1)]
    [InlineData("0S", 0)]
    [InlineData("99999999H", 3_599_999_964_000_000_000)]
    public void Timeout_is_read(string text, long ticks)
    {
        GrpcTimeout.TryParse(text, out var timeout).ShouldBeTrue();
        timeout.Ticks.ShouldBe(ticks);
    }

    [Theory]
    [InlineData("")]
    [InlineData("S")]
    [InlineData("1")]
    [InlineData("1s")]
    [InlineData("-1S")]
    [InlineData("+1S")]
    [InlineData("1\u00e4")]
    [InlineData(" 1S")]
    [InlineData("1.5S")]
    [InlineData("100000000S")]
    public void Malformed_timeout_is_refused(string text) => GrpcTimeout.TryParse(text, out _).ShouldBeFalse();

    [Theory]
    [InlineData(0, "0n")]
    [InlineData(-5, "0n")]
    [InlineData(1, "100n")]
    [InlineData(999_999, "99999900n")]
    [InlineData(1_000_000, "100000u")]
    [InlineData(50_000_000, "5000000u")]
    [InlineData(36_000_000_000, "3600000m")]
    public void Timeout_is_written_in_the_finest_unit_that_fits(long ticks, string text) => GrpcTimeout.Format(TimeSpan.FromTicks(ticks)).ShouldBe(text);

    [Fact]
    public void Written_timeout_reads_back_not_earlier_and_at_most_one_part_in_a_million_later()
    {
        var chance = new Random(7);
        for (var i = 0; i < 10_000; i++)
        {
            var ticks = (long)Math.Pow(10, chance.NextDouble() * 18) + 1;
            GrpcTimeout.TryParse(GrpcTimeout.Format(TimeSpan.FromTicks(ticks)), out var back).ShouldBeTrue();
            back.Ticks.ShouldBeGreaterThanOrEqualTo(ticks);
            (back.Ticks - ticks).ShouldBeLessThanOrEqualTo(Math.Max(1, ticks / 100_000));
        }
    }
}
