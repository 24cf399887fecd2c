using Shouldly;
using Weft.Routing.Listeners;
using Weft.Routing.Routes;
using Xunit;

namespace Weft.Routing.Tests.Listeners;

public sealed class FilterChainSelectionTests
{
    private static readonly HttpConnectionManager Http = new() { StatPrefix = "x", Routes = new RouteSource.Named("r") };

    private static FilterChain Chain(string name, string transport = "", string[]? protocols = null, params string[] serverNames) =>
        new() { Name = name, Http = Http, Match = new FilterChainMatch(transport, [.. protocols ?? []], [.. serverNames]) };

    private static string? Select(FilterChain[] chains, string transport, string serverName, params string[] offered) =>
        FilterChainSelection.Select(chains, transport, serverName, offered)?.Name;

    [Theory]
    [InlineData("a.example", "exact")]
    [InlineData("b.example", "suffix")]
    [InlineData("x.b.example", "longer")]
    [InlineData("example", "any")]
    [InlineData("", "any")]
    public void Most_specific_server_name_wins(string serverName, string expected) =>
        Select([Chain("any"), Chain("suffix", "", null, "*.example"), Chain("longer", "", null, "*.b.example"), Chain("exact", "", null, "a.example")], "tls", serverName)
            .ShouldBe(expected);

    [Fact]
    public void A_later_step_never_goes_back() =>
        Select([Chain("any"), Chain("named", "tls", null, "a.example")], "raw_buffer", "a.example").ShouldBeNull();

    [Fact]
    public void Clients_first_known_protocol_wins() =>
        Select([Chain("h1", "tls", ["weft-h1"]), Chain("h2", "tls", ["weft-h2"]), Chain("other", "tls")], "tls", "", "x", "weft-h2", "weft-h1").ShouldBe("h2");

    [Fact]
    public void Unknown_protocols_fall_to_the_chain_that_asks_for_none() =>
        Select([Chain("h1", "tls", ["weft-h1"]), Chain("other", "tls")], "tls", "", "h2").ShouldBe("other");
}
