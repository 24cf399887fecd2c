using Shouldly;
using Weft.Proxy.Configuration;
using Xunit;

namespace Weft.Proxy.Tests.Configuration;

public sealed class OnDemandNamesTests
{
    [Fact]
    public void Beyond_the_limit_the_oldest_absent_names_go_and_existing_ones_stay()
    {
        var names = new OnDemandNames(limit: 2);
        names.Add("real");
        names.MarkPresent("real");
        names.Add("invented-1");
        names.MarkAbsent("invented-1");
        names.Add("invented-2");
        names.MarkAbsent("invented-2");

        names.Add("another").ShouldBeTrue();

        names.Names.ShouldBe(["real", "invented-2", "another"], ignoreOrder: true);
        names.Add("real").ShouldBeFalse();
    }

    [Fact]
    public void Names_that_nobody_answers_for_are_bounded_too()
    {
        var names = new OnDemandNames(limit: 100);
        for (var i = 0; i < 100_000; i++) names.Add($"invented-{i}");
        names.Names.Count.ShouldBe(100);
        names.Names.ShouldContain("invented-99999");
    }

    [Fact]
    public void What_has_come_into_being_is_no_longer_given_up_and_what_has_gone_is()
    {
        var names = new OnDemandNames(limit: 1);
        names.Add("late");
        names.MarkAbsent("late");
        names.MarkPresent("late");
        names.Add("invented");
        names.Names.ShouldBe(["late", "invented"], ignoreOrder: true);

        names.MarkAbsent("late");
        names.Names.ShouldBe(["late"]);
    }
}
