using System.Text;
using Shouldly;
using Weft.Routing.Upgrades;
using Xunit;

namespace Weft.Routing.Tests.Upgrades;

public sealed class UpgradePolicyTests
{
    /// <summary>"+name" allows, "-name" forbids, separated by spaces.</summary>
    private static UpgradePolicy Policy(string text) =>
        new(text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(t => (t[1..], t[0] == '+')));

    [Theory]
    [InlineData("", "", false)]
    [InlineData("+websocket", "", true)]
    [InlineData("-websocket", "", false)]
    [InlineData("+websocket", "-websocket", false)] // the four rows of Envoy's table
    [InlineData("+websocket", "+websocket", true)]
    [InlineData("-websocket", "+websocket", true)]
    [InlineData("-websocket", "-websocket", false)]
    [InlineData("", "+websocket", true)]
    [InlineData("+foo", "", false)]
    [InlineData("+*", "", true)]
    [InlineData("+* -websocket", "", false)]
    [InlineData("-websocket", "+*", true)]
    [InlineData("+websocket", "-*", false)]
    [InlineData("+websocket", "-* +WebSocket", true)]
    public void The_route_decides_before_the_manager_and_a_name_before_the_star(string manager, string route, bool allowed) =>
        UpgradePolicy.Allows("WebSocket"u8, Policy(route), Policy(manager)).ShouldBe(allowed);

    [Theory]
    [InlineData("h2c")]
    [InlineData("H2C")]
    [InlineData("h2")]
    [InlineData("HTTP/2.0")]
    [InlineData("TLS/1.2")]
    public void What_would_carry_requests_past_the_rules_is_never_allowed(string protocol) =>
        UpgradePolicy.Allows(Encoding.ASCII.GetBytes(protocol), Policy("+*"), Policy("+*")).ShouldBeFalse();

    [Fact]
    public void A_version_belongs_to_the_name()
    {
        UpgradePolicy.Allows("SPDY/3.1"u8, UpgradePolicy.Silent, Policy("+spdy/3.1")).ShouldBeTrue();
        UpgradePolicy.Allows("SPDY/3"u8, UpgradePolicy.Silent, Policy("+spdy/3.1")).ShouldBeFalse();
    }
}
