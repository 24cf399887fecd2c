using System.Net;
using Shouldly;
using Weft.Routing.Listeners;
using Xunit;

namespace Weft.Routing.Tests.Listeners;

public sealed class FilterChainSelectionTests
{
    private static readonly HttpConnectionManager Http = new() { StatPrefix = "x", Routes = new RouteSource.Named("r") };

    private static FilterChain Chain(string name, FilterChainMatch match) => new() { Name = name, Http = Http, Match = match };

    private static FilterChain Chain(string name, string transport = "", string[]? protocols = null, params string[] serverNames) =>
        Chain(name, new FilterChainMatch { TransportProtocol = transport, ApplicationProtocols = [.. protocols ?? []], ServerNames = [.. serverNames] });

    private static string? Select(FilterChain[] chains, string transport, string serverName, params string[] offered) => FilterChainSelection.Select(
        chains, new ConnectionFacts
        {
            Destination = IPEndPoint.Parse("10.0.0.1:80"), Source = IPEndPoint.Parse("10.0.0.9:40000"), DirectSource = IPAddress.Parse("10.0.0.9"),
            TransportProtocol = transport, ServerName = serverName, ApplicationProtocols = offered,
        })?.Name;

    private static string? Select(FilterChain[] chains, string destination, string source, string? directSource = null) => FilterChainSelection.Select(
        chains, new ConnectionFacts
        {
            Destination = IPEndPoint.Parse(destination), Source = IPEndPoint.Parse(source), DirectSource = IPAddress.Parse(directSource ?? IPEndPoint.Parse(source).Address.ToString()),
        })?.Name;

    [Theory]
    [InlineData("a.example", "exact")]
    [InlineData("b.example", "suffix")]
    [InlineData("x.b.example", "longer")]
    [InlineData("example", "any")]
    [InlineData("", "any")]
    public void Most_specific_server_name_wins(string serverName, string expected) =>
        Select([Chain("any"), Chain("suffix", "", null, "*.example"), Chain("longer", "", null, "*.b.example"), Chain("exact", "", null, "a.example")], "tls", serverName, [])
            .ShouldBe(expected);

    [Fact]
    public void A_later_step_never_goes_back() =>
        Select([Chain("any"), Chain("named", "tls", null, "a.example")], "raw_buffer", "a.example", []).ShouldBeNull();

    [Fact]
    public void Clients_first_known_protocol_wins() =>
        Select([Chain("h1", "tls", ["weft-h1"]), Chain("h2", "tls", ["weft-h2"]), Chain("other", "tls")], "tls", "", "x", "weft-h2", "weft-h1").ShouldBe("h2");

    [Fact]
    public void Unknown_protocols_fall_to_the_chain_that_asks_for_none() =>
        Select([Chain("h1", "tls", ["weft-h1"]), Chain("other", "tls")], "tls", "", ["h2"]).ShouldBe("other");

    [Theory]
    [InlineData("10.1.2.3:443", "port")]
    [InlineData("10.1.2.3:80", "longest")]
    [InlineData("10.1.9.9:80", "shorter")]
    [InlineData("192.0.2.1:80", "any")]
    [InlineData("[2001:db8::7]:80", "v6")]
    [InlineData("[2001:db9::7]:80", "any")]
    public void Destination_port_comes_before_its_address_and_the_longest_prefix_wins(string destination, string expected) => Select(
        [
            Chain("any"), Chain("port", new FilterChainMatch { DestinationPort = 443 }),
            Chain("shorter", new FilterChainMatch { Destinations = [IPNetwork.Parse("10.0.0.0/8")] }),
            Chain("longest", new FilterChainMatch { Destinations = [IPNetwork.Parse("192.168.0.0/16"), IPNetwork.Parse("10.1.2.0/24")] }),
            Chain("v6", new FilterChainMatch { Destinations = [IPNetwork.Parse("2001:db8::/32")] }),
        ], destination, "10.0.0.9:40000").ShouldBe(expected);

    [Theory]
    [InlineData("10.0.0.1:80", "127.0.0.1:40000", "local")]
    [InlineData("10.0.0.1:80", "10.0.0.1:40000", "local")]
    [InlineData("[::1]:80", "[::1]:40000", "local")]
    [InlineData("10.0.0.1:80", "10.0.0.2:40000", "external")]
    public void Connections_from_the_same_host_are_told_from_those_of_others(string destination, string source, string expected) => Select(
        [
            Chain("any"), Chain("local", new FilterChainMatch { SourceType = ConnectionSourceType.SameIpOrLoopback }),
            Chain("external", new FilterChainMatch { SourceType = ConnectionSourceType.External }),
        ], destination, source).ShouldBe(expected);

    [Theory]
    [InlineData("203.0.113.5:40000", "10.0.0.9", "behind")]
    [InlineData("10.0.0.9:40000", "10.0.0.9", "direct")]
    [InlineData("203.0.113.5:40001", "10.7.0.9", "port")]
    [InlineData("203.0.113.5:40002", "10.7.0.9", "client")]
    [InlineData("198.51.100.1:40001", "10.7.0.9", null)]
    public void The_peer_comes_before_the_client_and_the_client_before_its_port(string source, string directSource, string? expected) => Select(
        [
            Chain("behind", new FilterChainMatch { DirectSources = [IPNetwork.Parse("10.0.0.9/32")], Sources = [IPNetwork.Parse("203.0.113.0/24")] }),
            Chain("direct", new FilterChainMatch { DirectSources = [IPNetwork.Parse("10.0.0.9/32")] }),
            Chain("client", new FilterChainMatch { Sources = [IPNetwork.Parse("203.0.113.0/24")] }),
            Chain("port", new FilterChainMatch { Sources = [IPNetwork.Parse("203.0.113.0/24")], SourcePorts = [40000, 40001] }),
        ], "10.0.0.1:80", source, directSource).ShouldBe(expected);

    /// <summary>Envoy looks for the chains of the port first; that none of them fits in the end does not bring the others back.</summary>
    [Fact]
    public void A_chain_for_the_port_that_fails_later_does_not_make_way_for_one_without_a_port() => Select(
        [Chain("any"), Chain("port", new FilterChainMatch { DestinationPort = 80, Sources = [IPNetwork.Parse("192.0.2.0/24")] })], "10.0.0.1:80", "10.0.0.9:40000").ShouldBeNull();

    [Fact]
    public void A_prefix_of_length_zero_is_no_more_specific_than_none_and_keeps_to_its_family()
    {
        FilterChain[] chains = [Chain("all", new FilterChainMatch { Destinations = [IPNetwork.Parse("0.0.0.0/0")] }), Chain("any")];

        Select(chains, "10.0.0.1:80", "10.0.0.9:40000").ShouldBe("all"); // both fit equally: the first
        Select(chains, "[2001:db8::1]:80", "[2001:db8::2]:40000").ShouldBe("any");
    }
}
