using Shouldly;
using Weft.LoadTest.Engine;
using Xunit;

namespace Weft.LoadTest.Tests.Engine;

public sealed class ScheduleTests
{
    private const long Second = 1_000_000_000;

    [Theory]
    [InlineData(1, 10, 10)]
    [InlineData(3, 1, 3)]
    [InlineData(0.5, 10, 5)]
    [InlineData(333.3, 3, 1000)]
    [InlineData(5000, 2, 10_000)]
    public void Total_is_rate_times_time(double rate, int seconds, long total)
    {
        new Schedule(rate, TimeSpan.Zero, TimeSpan.FromSeconds(seconds)).Total.ShouldBe(total);
    }

    [Fact]
    public void Request_is_due_from_its_time_on_and_not_a_nanosecond_before()
    {
        var schedule = new Schedule(1000, TimeSpan.Zero, TimeSpan.FromSeconds(10));
        for (var request = 0L; request < schedule.Total; request++)
        {
            var at = schedule.Intended(request);
            schedule.Due(at).ShouldBe(request + 1);
            schedule.Due(at - 1).ShouldBe(request);
        }
        schedule.Due(100 * Second).ShouldBe(schedule.Total);
    }

    [Fact]
    public void Warm_up_is_not_measured()
    {
        var schedule = new Schedule(10, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2));
        schedule.Total.ShouldBe(30);
        schedule.Measured(9).ShouldBeFalse();
        schedule.Measured(10).ShouldBeTrue();
    }

    [Fact]
    public void Stopping_keeps_what_is_due_and_drops_the_rest()
    {
        var schedule = new Schedule(10, TimeSpan.Zero, TimeSpan.FromSeconds(10));
        schedule.Stop(Second);
        (schedule.Total, schedule.End).ShouldBe((11, Second));
    }
}
