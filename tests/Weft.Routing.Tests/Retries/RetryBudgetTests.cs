using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Routing.Clusters;
using Weft.Routing.Compile;
using Weft.Routing.Retries;
using Xunit;

namespace Weft.Routing.Tests.Retries;

public sealed class RetryBudgetTests
{
    private static readonly RetryBudgetLimits Fifth = new(20, TimeSpan.FromSeconds(10), 0);

    private readonly RetryBudget _budget = new();

    [Fact]
    public void Retries_are_the_share_of_the_requests_of_the_interval()
    {
        Requests(Fifth, 100, 5_000);
        Take(Fifth, 50, 5_000).ShouldBe(20);
        _budget.Refused.ShouldBe(30);
    }

    [Fact]
    public void Requests_and_retries_leave_the_window_after_the_interval()
    {
        Requests(Fifth, 100, 1_000);
        Take(Fifth, 50, 1_000).ShouldBe(20);
        Requests(Fifth, 50, 9_000);
        Take(Fifth, 50, 10_900).ShouldBe(10, "150 requests in the window, 20 retries taken");
        Take(Fifth, 50, 11_000).ShouldBe(0, "50 requests in the window, 10 retries taken");
        Take(Fifth, 50, 60_000).ShouldBe(0, "nothing was asked for a minute");
    }

    [Fact]
    public void A_seldom_called_service_has_its_retries_each_second_and_a_busy_one_none_on_top()
    {
        var limits = new RetryBudgetLimits(20, TimeSpan.FromSeconds(10), 10);
        Requests(limits, 1, 500);
        Take(limits, 50, 500).ShouldBe(10);
        Take(limits, 50, 1_000).ShouldBe(10);
        Requests(limits, 1_000, 2_000);
        Take(limits, 500, 2_000).ShouldBe(180, "20 % of 1,001, of which 20 were taken before");
    }

    [Fact]
    public void Threads_together_never_take_more_than_there_is()
    {
        Requests(Fifth, 10_000, 1);
        var taken = 0;
        Parallel.For(0, 8, _ => Interlocked.Add(ref taken, Take(Fifth, 2_000, 1)));
        taken.ShouldBeInRange(1_900, 2_000, "under contention one that just fits may be refused, none too many is let through");
    }

    [Fact]
    public void The_extension_is_read_with_its_defaults_and_limits()
    {
        Compile(new V1.RetryBudget()).Value!.RetryBudget.ShouldBe(RetryBudgetLimits.Default);
        Compile(new V1.RetryBudget { Percent = 50, Interval = Duration.FromTimeSpan(TimeSpan.FromMinutes(1)), MinPerSecond = 0 }).Value!.RetryBudget
            .ShouldBe(new RetryBudgetLimits(50, TimeSpan.FromMinutes(1), 0));
        Compile(null).Value!.RetryBudget.ShouldBeNull();
        var refused = Compile(new V1.RetryBudget { Percent = 101, Interval = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(10)), MinPerSecond = 2_000_000 }).Rejections;
        refused.Select(r => r.Field[(r.Field.LastIndexOf('.') + 1)..]).Order().ShouldBe(["interval", "min_per_second", "percent"]);
    }

    private static Compiled<Cluster> Compile(V1.RetryBudget? budget)
    {
        var message = new Envoy.Config.Cluster.V3.Cluster { Name = "c", Type = Envoy.Config.Cluster.V3.Cluster.Types.DiscoveryType.Static, LoadAssignment = new() { ClusterName = "c" } };
        if (budget is not null) message.TypedExtensionProtocolOptions["weft.v1.RetryBudget"] = Any.Pack(budget);
        return ClusterCompiler.Compile(message, new StateRegistry());
    }

    private void Requests(RetryBudgetLimits limits, int count, long nowMs)
    {
        for (var i = 0; i < count; i++) _budget.CountRequest(limits, nowMs);
    }

    private int Take(RetryBudgetLimits limits, int tries, long nowMs) => Enumerable.Range(0, tries).Count(_ => _budget.TryTake(limits, nowMs));
}
