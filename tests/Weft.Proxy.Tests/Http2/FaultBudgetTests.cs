using Shouldly;
using Weft.Proxy.Http2;
using Xunit;

namespace Weft.Proxy.Tests.Http2;

public sealed class FaultBudgetTests
{
    [Fact]
    public void The_burst_is_spent_once_and_comes_back_with_time()
    {
        var budget = new FaultBudget(burst: 100, perSecond: 10);
        Spend(ref budget, 1, FaultBudget.Fault).ShouldBe(100);
        Spend(ref budget, 2001, FaultBudget.Fault).ShouldBe(20, "two seconds later");
        Spend(ref budget, 100_000, FaultBudget.Noise).ShouldBe(1000, "never more than the burst, and noise counts a tenth");
    }

    [Fact]
    public void Time_in_small_steps_is_worth_as_much_as_in_large_ones()
    {
        var budget = new FaultBudget(burst: 10, perSecond: 10);
        Spend(ref budget, 1, FaultBudget.Fault);
        var spent = 0;
        for (var now = 2L; now <= 10_001; now++) spent += budget.TrySpend(FaultBudget.Noise, now) ? 1 : 0;
        spent.ShouldBeInRange(900, 1000, "ten seconds of ten faults");
    }

    [Fact]
    public void Who_completes_as_much_as_it_cancels_is_never_closed()
    {
        var budget = new FaultBudget(burst: 10, perSecond: 0);
        for (var i = 0; i < 10_000; i++)
        {
            budget.TrySpend(FaultBudget.Fault, 1).ShouldBeTrue();
            budget.Earn(FaultBudget.Fault);
        }
    }

    private static int Spend(ref FaultBudget budget, long now, int cost)
    {
        var count = 0;
        while (budget.TrySpend(cost, now)) count++;
        return count;
    }
}
