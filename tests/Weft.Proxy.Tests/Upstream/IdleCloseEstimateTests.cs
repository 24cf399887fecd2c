using Shouldly;
using Weft.Proxy.Upstream;
using Xunit;

namespace Weft.Proxy.Tests.Upstream;

public sealed class IdleCloseEstimateTests
{
    private const long Memory = 600_000;
    private IdleCloseEstimate _estimate;

    [Fact]
    public void One_close_teaches_nothing_and_two_of_the_same_age_do()
    {
        _estimate.Observe(5_003, 10_000);
        _estimate.Get(10_000, Memory).ShouldBe(long.MaxValue);
        _estimate.Observe(5_001, 20_000);
        _estimate.Get(20_000, Memory).ShouldBe(5_001);
    }

    [Fact]
    public void A_restart_closes_connections_of_every_age_and_teaches_nothing()
    {
        foreach (var age in (long[])[40, 700, 3_000, 1_500, 200, 9_000]) _estimate.Observe(age, 10_000);
        _estimate.Get(10_000, Memory).ShouldBe(long.MaxValue);
    }

    [Fact]
    public void A_new_timer_is_learned_after_the_old_and_all_is_forgotten_in_the_end()
    {
        _estimate.Observe(60_000, 0);
        _estimate.Observe(60_010, 70_000);
        _estimate.Observe(5_000, 80_000);
        _estimate.Get(80_000, Memory).ShouldBe(60_000);
        _estimate.Observe(5_004, 90_000);
        _estimate.Get(90_000, Memory).ShouldBe(5_000);
        _estimate.Get(90_000 + Memory, Memory).ShouldBe(long.MaxValue);
    }

    [Theory]
    [InlineData("timeout=5", 5)]
    [InlineData("timeout=5, max=1000", 5)]
    [InlineData("max=10,Timeout=72", 72)]
    [InlineData("timeout=0", 0)]
    [InlineData("max=10", -1)]
    [InlineData("timeout=", -1)]
    [InlineData("timeout=5s", -1)]
    [InlineData("timeout=-5", -1)]
    [InlineData("timeout=99999999999999", -1)]
    [InlineData("", -1)]
    public void The_Keep_Alive_field_is_read_as_servers_write_it(string field, int seconds) =>
        (KeepAliveField.TryTimeout(System.Text.Encoding.Latin1.GetBytes(field), out var read) ? read : -1).ShouldBe(seconds);
}
