using Shouldly;
using Weft.Routing.Balancing;
using Weft.Routing.Tcp;
using Xunit;

namespace Weft.Routing.Tests.Tcp;

public sealed class ByteRouteTests
{
    [Fact]
    public void Connections_are_spread_by_weight_and_a_weight_of_zero_gets_none()
    {
        var route = new ByteRoute { Name = "r", Clusters = [new("a", 3), new("none", 0), new("b", 1)], TotalWeight = 4 };
        var chance = new Chance(7);
        var counts = new Dictionary<string, int>();
        for (var i = 0; i < 4000; i++)
        {
            var name = route.Choose(ref chance).Name;
            counts[name] = counts.GetValueOrDefault(name) + 1;
        }

        counts.Keys.Order().ShouldBe(["a", "b"]);
        counts["a"].ShouldBeInRange(2850, 3150); // 3000, and six standard deviations
    }

    [Fact]
    public void The_only_cluster_gets_all_whatever_its_weight()
    {
        var chance = new Chance(7);
        new ByteRoute { Name = "r", Clusters = [new("a", 0)], TotalWeight = 1 }.Choose(ref chance).Name.ShouldBe("a");
    }
}
