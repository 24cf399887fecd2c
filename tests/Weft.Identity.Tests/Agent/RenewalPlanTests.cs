using Shouldly;
using Weft.Identity.Tests.Support;
using Xunit;

namespace Weft.Identity.Tests.Agent;

public sealed class RenewalPlanTests
{
    private static readonly TimeSpan Backdate = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Day = TimeSpan.FromHours(24);
    private readonly SkewedTime _time = new();

    [Theory]
    [InlineData(20, 0.0, 9.0)]
    [InlineData(20, 0.5, 10.0)]
    [InlineData(20, 1.0, 11.0)]
    [InlineData(86400, 0.5, 43200)]
    public void Fresh_certificate_is_due_at_half_of_the_life_that_remains_at_issue(int life, double chance, double expected) =>
        Fresh(TimeSpan.FromSeconds(life), chance: chance).Remaining(_time).TotalSeconds.ShouldBe(expected, 0.01);

    [Fact]
    public void Step_back_of_the_wall_clock_does_not_put_renewal_off()
    {
        var plan = Fresh(Day);
        _time.Skew = TimeSpan.FromHours(-100);
        _time.Advance(Day / 2);
        plan.Remaining(_time).ShouldBeLessThanOrEqualTo(TimeSpan.Zero);
    }

    [Fact]
    public void Sleep_that_the_monotonic_clock_does_not_see_makes_it_due()
    {
        var plan = Fresh(Day);
        _time.Skew = TimeSpan.FromHours(13);
        plan.Remaining(_time).ShouldBeLessThanOrEqualTo(TimeSpan.Zero);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(23)]
    [InlineData(48)]
    [InlineData(100000)]
    [InlineData(-1)]
    [InlineData(-100000)]
    public void Wall_clock_that_contradicts_the_authority_causes_no_storm(int hours)
    {
        var now = _time.GetUtcNow();
        _time.Skew = TimeSpan.FromHours(hours);
        var plan = RenewalPlan.ForFresh(_time, now - Backdate, now + Day, Day, chance: 0.5);
        plan.Remaining(_time).ShouldBeInRange(TimeSpan.FromMinutes(29), TimeSpan.FromHours(12.1));
    }

    [Fact]
    public void Short_certificate_under_a_clock_that_is_an_hour_ahead_keeps_its_rhythm()
    {
        var now = _time.GetUtcNow();
        _time.Skew = TimeSpan.FromHours(1);
        var life = TimeSpan.FromSeconds(20);
        RenewalPlan.ForFresh(_time, now - Backdate, now + life, life, chance: 0.5).Remaining(_time).TotalSeconds.ShouldBe(10, 0.01);
    }

    [Fact]
    public void Loaded_certificate_past_its_middle_is_due_at_once_and_before_it_is_not()
    {
        var now = _time.GetUtcNow();
        RenewalPlan.ForLoaded(_time, now - (Day * 0.6), now + (Day * 0.4), 0.5).Remaining(_time).ShouldBeLessThanOrEqualTo(TimeSpan.Zero);
        RenewalPlan.ForLoaded(_time, now - (Day * 0.25), now + (Day * 0.75), 0.5).Remaining(_time).TotalHours.ShouldBe(6, 0.01);
        RenewalPlan.ForLoaded(_time, now - (Day * 2), now - Day, 0.5).Remaining(_time).ShouldBeLessThanOrEqualTo(TimeSpan.Zero);
    }

    [Fact]
    public void Loaded_certificate_under_a_clock_years_behind_is_renewed_within_half_of_its_life()
    {
        var now = _time.GetUtcNow();
        _time.Skew = TimeSpan.FromDays(-3650);
        RenewalPlan.ForLoaded(_time, now, now + Day, 0.5).Remaining(_time).ShouldBe(Day / 2);
    }

    [Fact]
    public void Pauses_double_up_to_their_bound_and_never_fall_below_half_of_it()
    {
        var backoff = new Backoff(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(15));
        backoff.After(1, 1).ShouldBe(TimeSpan.FromSeconds(0.5));
        backoff.After(1, 0).ShouldBe(TimeSpan.FromSeconds(0.25));
        backoff.After(4, 1).ShouldBe(TimeSpan.FromSeconds(4));
        backoff.After(1_000_000, 1).ShouldBe(TimeSpan.FromSeconds(15));
        backoff.After(1_000_000, 0).ShouldBe(TimeSpan.FromSeconds(7.5));
    }

    private RenewalPlan Fresh(TimeSpan life, double chance = 0.5)
    {
        var now = _time.GetUtcNow();
        return RenewalPlan.ForFresh(_time, now - Backdate, now + life, requested: default, chance);
    }
}
