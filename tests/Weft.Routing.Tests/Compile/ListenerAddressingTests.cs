using System.Net;
using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Listener.OriginalDst.V3;
using Envoy.Extensions.Filters.Listener.TlsInspector.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Routing.Compile;
using Weft.Routing.Listeners;
using Xunit;
using FilterChainMatch = Envoy.Config.Listener.V3.FilterChainMatch;
using Listener = Envoy.Config.Listener.V3.Listener;
using ProtoProxyProtocol = Envoy.Extensions.Filters.Listener.ProxyProtocol.V3.ProxyProtocol;

namespace Weft.Routing.Tests.Compile;

/// <summary>Where a listener listens, how it finds out whose connection it accepted and where it was meant to go, and which chain follows from that.</summary>
public sealed class ListenerAddressingTests
{
    private static Listener Message(Action<Listener> change)
    {
        var message = TestResources.Listener(TestResources.Manager());
        change(message);
        return message;
    }

    private static Routing.Listeners.Listener Compile(Action<Listener> change)
    {
        var compiled = ListenerCompiler.Compile(Message(change));
        compiled.Rejections.ShouldBeEmpty();
        return compiled.Value!;
    }

    private static Rejection Refused(Action<Listener> change) => ListenerCompiler.Compile(Message(change)).Rejections.ShouldHaveSingleItem();

    private static ListenerFilter Filter(IMessage config) => new() { Name = config.Descriptor.Name, TypedConfig = Any.Pack(config) };

    [Fact]
    public void Addresses_and_namespace_are_read()
    {
        var metadata = new Metadata { FilterMetadata = { ["weft.dev"] = new Struct { Fields = { ["network_namespace"] = Value.ForString("/run/netns/app") } } } };
        var listener = Compile(l =>
        {
            l.Address.SocketAddress.Address = "::";
            l.Address.SocketAddress.Ipv4Compat = true;
            l.AdditionalAddresses.Add(new AdditionalAddress { Address = TestResources.Address("::1", 15001) });
            l.Metadata = metadata;
        });
        listener.AcceptsIpv4.ShouldBeTrue();
        listener.AdditionalAddresses.ShouldBe([new ListenAddress(IPEndPoint.Parse("[::1]:15001"), false)]);
        listener.NetworkNamespace.ShouldBe("/run/netns/app");
        Refused(l => l.AdditionalAddresses.Add(new AdditionalAddress { Address = TestResources.Address("example", 1) })).Field.ShouldBe("additional_addresses[0].address.socket_address.address");
    }

    [Fact]
    public void Keep_alive_is_read_from_socket_options_and_any_other_option_is_refused_by_its_numbers()
    {
        Compile(_ => { }).ClientKeepalive.ShouldBeNull();
        Compile(l => l.SocketOptions.Add([Option(1, 9, 1), Option(6, 4, 30), Option(6, 5, 10), Option(6, 6, 3)])).ClientKeepalive.ShouldBe(new Routing.Clusters.TcpKeepalive(30, 10, 3));
        Compile(l => l.SocketOptions.Add(Option(1, 9, 1))).ClientKeepalive.ShouldBe(new Routing.Clusters.TcpKeepalive(7200, 75, 9));
        Compile(l => l.SocketOptions.Add([Option(1, 9, 0), Option(6, 4, 30)])).ClientKeepalive.ShouldBeNull("the others do nothing without it");
        var other = Refused(l => l.SocketOptions.Add([Option(1, 9, 1), Option(6, 18, 1000)]));
        other.Field.ShouldBe("socket_options[1]");
        other.Message.ShouldContain("level 6 name 18 is not supported");
        foreach (var (name, value) in new[] { (4, 0L), (4, 32_768), (5, -1), (6, 128) }) Refused(l => l.SocketOptions.Add(Option(6, name, value))).Field.ShouldBe("socket_options[0].int_value");

        static SocketOption Option(long level, long name, long value) => new() { Level = level, Name = name, IntValue = value };
    }

    [Fact]
    public void Listener_filters_are_read_in_the_one_order_that_makes_sense()
    {
        var listener = Compile(l => l.ListenerFilters.Add([Filter(new OriginalDst()), Filter(new ProtoProxyProtocol()), Filter(new TlsInspector())]));
        listener.RestoresDestination.ShouldBeTrue();
        listener.ProxyProtocol.ShouldBe(new ProxyProtocolFilter(null, AllowsAbsent: false, ProxyProtocolVersions.Both));
        Compile(_ => { }).ProxyProtocol.ShouldBeNull();
        Refused(l => l.ListenerFilters.Add([Filter(new ProtoProxyProtocol()), Filter(new OriginalDst())])).Field.ShouldBe("listener_filters[1]");
        Refused(l => l.ListenerFilters.Add([Filter(new TlsInspector()), Filter(new ProtoProxyProtocol())])).Field.ShouldBe("listener_filters[1]");
        Refused(l => l.ListenerFilters.Add([Filter(new ProtoProxyProtocol()), Filter(new ProtoProxyProtocol())])).Field.ShouldBe("listener_filters[1]");
        Refused(l => l.ListenerFilters.Add(Filter(new ProtoProxyProtocol { DisallowedVersions = { ProxyProtocolConfig.Types.Version.V1, ProxyProtocolConfig.Types.Version.V2 } }))).Field.ShouldEndWith("disallowed_versions");
    }

    [Fact]
    public void Envoys_filter_believes_everybody_and_ours_those_who_are_trusted()
    {
        var open = Compile(l => l.ListenerFilters.Add(Filter(new ProtoProxyProtocol { AllowRequestsWithoutProxyProtocol = true, DisallowedVersions = { ProxyProtocolConfig.Types.Version.V1 } }))).ProxyProtocol!;
        open.Trusts(IPAddress.Parse("192.0.2.1")).ShouldBeTrue();
        open.AllowsAbsent.ShouldBeTrue();
        open.Versions.ShouldBe(ProxyProtocolVersions.V2);

        var trusting = Compile(l => l.ListenerFilters.Add(Filter(new Weft.V1.ProxyProtocol
        {
            Filter = new ProtoProxyProtocol(), MaxHeaderBytes = 300,
            TrustedSources = { new CidrRange { AddressPrefix = "10.1.2.3", PrefixLen = 16 }, new CidrRange { AddressPrefix = "::1", PrefixLen = 128 } },
        }))).ProxyProtocol!;
        trusting.Trusts(IPAddress.Parse("10.1.255.1")).ShouldBeTrue(); // bits behind the prefix do not count
        trusting.Trusts(IPAddress.Parse("10.2.0.1")).ShouldBeFalse();
        trusting.Trusts(IPAddress.IPv6Loopback).ShouldBeTrue();
        trusting.MaxHeaderBytes.ShouldBe(300);
        Compile(l => l.ListenerFilters.Add(Filter(new Weft.V1.ProxyProtocol()))).ProxyProtocol!.Trusts(IPAddress.Loopback).ShouldBeFalse();
        Refused(l => l.ListenerFilters.Add(Filter(new Weft.V1.ProxyProtocol { MaxHeaderBytes = 107 }))).Field.ShouldBe("listener_filters[0].typed_config.max_header_bytes");
        Refused(l => l.ListenerFilters.Add(Filter(new Weft.V1.ProxyProtocol { TrustedSources = { new CidrRange { AddressPrefix = "10.0.0.0", PrefixLen = 33 } } })))
            .Field.ShouldBe("listener_filters[0].typed_config.trusted_sources[0].prefix_len");
    }

    [Fact]
    public void Every_part_of_a_chain_match_is_read()
    {
        var match = Compile(l => l.FilterChains[0].FilterChainMatch = new FilterChainMatch
        {
            DestinationPort = 443, SourceType = FilterChainMatch.Types.ConnectionSourceType.External, SourcePorts = { 1, 65535 },
            PrefixRanges = { new CidrRange { AddressPrefix = "10.0.0.0", PrefixLen = 8 } },
            DirectSourcePrefixRanges = { new CidrRange { AddressPrefix = "2001:db8::", PrefixLen = 32 } },
            SourcePrefixRanges = { new CidrRange { AddressPrefix = "0.0.0.0" } },
        }).FilterChains[0].Match;
        match.ShouldBe(new Routing.Listeners.FilterChainMatch
        {
            DestinationPort = 443, SourceType = ConnectionSourceType.External, SourcePorts = [1, 65535], Destinations = [IPNetwork.Parse("10.0.0.0/8")],
            DirectSources = [IPNetwork.Parse("2001:db8::/32")], Sources = [IPNetwork.Parse("0.0.0.0/0")],
        });
        match.NeedsFirstBytes.ShouldBeFalse();
    }

    [Theory]
    [InlineData("destination_port")]
    [InlineData("source_ports[0]")]
    [InlineData("prefix_ranges[0].address_prefix")]
    [InlineData("address_suffix")]
    public void What_a_chain_match_cannot_mean_is_refused_by_name(string field) => Refused(l => l.FilterChains[0].FilterChainMatch = field switch
    {
        "destination_port" => new FilterChainMatch { DestinationPort = 0 },
        "source_ports[0]" => new FilterChainMatch { SourcePorts = { 65536 } },
        "prefix_ranges[0].address_prefix" => new FilterChainMatch { PrefixRanges = { new CidrRange { AddressPrefix = "example" } } },
        _ => new FilterChainMatch { AddressSuffix = "1.2" },
    }).Field.ShouldBe("filter_chains[0].filter_chain_match." + field);

    [Fact]
    public void Transparent_interception_needs_the_original_destination_and_a_denial_its_policy()
    {
        var manager = TestResources.Manager(m =>
        {
            m.ClearRouteSpecifier();
            m.HttpFilters.Insert(0, new() { Name = "weft.v1.transparent", TypedConfig = Any.Pack(new Weft.V1.Transparent { Egress = Weft.V1.Egress.Deny, Policy = "Mesh default", VirtualAddresses = { new CidrRange { AddressPrefix = "240.240.0.0", PrefixLen = 16 } } }) });
        });
        ListenerCompiler.Compile(TestResources.Listener(manager)).Rejections.ShouldHaveSingleItem().Field.ShouldBe("listener_filters");

        var message = TestResources.Listener(manager);
        message.ListenerFilters.Add(Filter(new OriginalDst()));
        var compiled = ListenerCompiler.Compile(message);
        compiled.Rejections.ShouldBeEmpty();
        var source = (RouteSource.Transparent)compiled.Value!.FilterChains[0].Http!.Routes;
        compiled.Value!.FilterChains[0].Http!.Routes.ShouldBe(new RouteSource.Transparent(TimeSpan.FromSeconds(2), new Egress("Mesh default"), TimeSpan.FromSeconds(1), source.VirtualAddresses));
        source.IsVirtual(IPAddress.Parse("240.240.3.7")).ShouldBeTrue();
        source.IsVirtual(IPAddress.Parse("240.241.3.7")).ShouldBeFalse();

        manager.HttpFilters[0].TypedConfig = Any.Pack(new Weft.V1.Transparent { Egress = Weft.V1.Egress.Deny });
        message.FilterChains[0] = TestResources.Chain(manager);
        ListenerCompiler.Compile(message).Rejections.ShouldHaveSingleItem().Field.ShouldEndWith("typed_config.policy");
    }
}
