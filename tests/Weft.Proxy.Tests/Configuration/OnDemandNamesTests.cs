using Shouldly;
using Weft.Proxy.Configuration;
using Xunit;

namespace Weft.Proxy.Tests.Configuration;

public sealed class OnDemandNamesTests
{
    [Fact]
    public void Beyond_the_limit_the_oldest_absent_names_go_and_existing_ones_stay()
    {
        var names = new OnDemandNames(limit: 3);
        names.Add("real");
        names.Add("invented-1");
        names.MarkAbsent("invented-1");
        names.Add("invented-2");
        names.MarkAbsent("invented-2");

        names.Add("another").ShouldBeTrue();

        names.Names.ShouldBe(["real", "invented-2", "another"], ignoreOrder: true);
        names.Add("real").ShouldBeFalse();
    }
}
