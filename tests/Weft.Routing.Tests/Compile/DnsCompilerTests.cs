using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Data.Dns.V3;
using Envoy.Extensions.Filters.Udp.DnsFilter.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Routing.Compile;
using Weft.Routing.Names;
using Xunit;
using Listener = Envoy.Config.Listener.V3.Listener;
using DnsTable = Envoy.Data.Dns.V3.DnsTable;

namespace Weft.Routing.Tests.Compile;

public sealed class DnsCompilerTests
{
    private static Listener Message(DnsFilterConfig? dns = null, Weft.V1.MeshNames? mesh = null)
    {
        var listener = new Listener
        {
            Name = "names",
            Address = new() { SocketAddress = new SocketAddress { Protocol = SocketAddress.Types.Protocol.Udp, Address = "127.0.0.1", PortValue = 15053 } },
            UdpListenerConfig = new(),
        };
        if (mesh is not null) listener.ListenerFilters.Add(Filter("weft.v1.mesh_names", mesh));
        listener.ListenerFilters.Add(Filter("envoy.filters.udp.dns_filter", dns ?? new DnsFilterConfig { StatPrefix = "names" }));
        return listener;
    }

    private static ListenerFilter Filter(string name, IMessage config) => new() { Name = name, TypedConfig = Any.Pack(config) };

    private static DnsServer Compile(Listener message)
    {
        var compiled = ListenerCompiler.Compile(message);
        compiled.Rejections.ShouldBeEmpty();
        compiled.Value!.FilterChains.ShouldBeEmpty();
        return compiled.Value.Dns.ShouldNotBeNull();
    }

    private static Rejection Refused(Listener message) => ListenerCompiler.Compile(message).Rejections.ShouldHaveSingleItem();

    private static Address Resolver(string address, uint port) => new() { SocketAddress = new SocketAddress { Address = address, PortValue = port } };

    [Fact]
    public void Without_settings_nothing_is_known_and_nothing_forwarded()
    {
        var server = Compile(Message());

        (server.Table.Count, server.Mesh, server.Forwarding).ShouldBe((0, null, null));
        server.MaxDatagramBytes.ShouldBe(1232);
    }

    [Fact]
    public void Envoys_fields_are_honoured()
    {
        var server = Compile(Message(new DnsFilterConfig
        {
            StatPrefix = "names",
            ServerConfig = new()
            {
                InlineDnsTable = new()
                {
                    ExternalRetryCount = 3,
                    VirtualDomains =
                    {
                        new DnsTable.Types.DnsVirtualDomain { Name = "Catalog.test.", AnswerTtl = Duration.FromTimeSpan(TimeSpan.FromSeconds(40)), Endpoint = new() { AddressList = new() { Address = { "10.0.0.1", "::1" } } } },
                        new DnsTable.Types.DnsVirtualDomain { Name = "*.test", Endpoint = new() { AddressList = new() { Address = { "10.0.0.2" } } } },
                    },
                },
            },
            ClientConfig = new()
            {
                ResolverTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(3)),
                MaxPendingLookups = 10,
                TypedDnsResolverConfig = new()
                {
                    Name = "cares",
                    TypedConfig = Any.Pack(new Envoy.Extensions.Network.DnsResolver.Cares.V3.CaresDnsResolverConfig
                    {
                        Resolvers = { Resolver("10.0.0.53", 53), Resolver("::1", 5353) }, DnsResolverOptions = new() { UseTcpForDnsLookups = true },
                    }),
                },
            },
        }));

        var entry = server.Table.Find("catalog.test"u8).ShouldNotBeNull();
        entry.Addresses.Select(a => a.ToString()).ShouldBe(["10.0.0.1", "::1"]);
        entry.Ttl.ShouldBe(TimeSpan.FromSeconds(40));
        server.Table.Find("x.test"u8)!.Ttl.ShouldBe(TimeSpan.FromSeconds(300));
        var forwarding = server.Forwarding.ShouldNotBeNull();
        forwarding.Servers.Select(s => s.ToString()).ShouldBe(["10.0.0.53:53", "[::1]:5353"]);
        (forwarding.AttemptTimeout, forwarding.Attempts, server.MaxPending, forwarding.TcpOnly).ShouldBe((TimeSpan.FromSeconds(3), 4, 10, true));
    }

    [Fact]
    public void The_machines_resolvers_are_meant_where_none_is_named()
    {
        var server = Compile(Message(new DnsFilterConfig { StatPrefix = "n", ClientConfig = new() }));
        var forwarding = server.Forwarding.ShouldNotBeNull();

        forwarding.Servers.ShouldBeEmpty();
        (forwarding.AttemptTimeout, forwarding.Attempts, server.MaxPending, forwarding.TcpOnly).ShouldBe((TimeSpan.FromSeconds(1), 2, 1024, false));
    }

    [Fact]
    public void Mesh_names_have_defaults_and_settings()
    {
        var server = Compile(Message(mesh: new() { DefaultNamespace = "Shop", DomainSuffixes = { "svc", ".svc.Cluster.local." }, SearchDomains = { "shop.svc.cluster.local" } }));
        server.Mesh.ShouldNotBeNull().DefaultNamespace.ShouldBe("shop");
        server.Mesh.DomainSuffixes.ShouldBe(["svc.cluster.local", "svc"]);
        (server.Mesh.LookupTimeout, server.Mesh.AnswerTtl, server.Mesh.EndpointTtl).ShouldBe((TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(5)));
        server.Cache.ShouldBe(new DnsCacheLimits());

        server = Compile(Message(mesh: new()
        {
            DefaultNamespace = "shop", LookupTimeout = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(250)), AnswerTtl = Duration.FromTimeSpan(TimeSpan.FromSeconds(60)), EndpointTtl = Duration.FromTimeSpan(TimeSpan.FromSeconds(1)),
            CacheEntries = 5, CacheBytes = 65536, CacheTtl = Duration.FromTimeSpan(TimeSpan.Zero), CacheNegativeTtl = Duration.FromTimeSpan(TimeSpan.FromSeconds(7)), DatagramBytes = 4096, TcpPending = 2,
            TcpIdleTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(2)),
        }));
        (server.Mesh!.LookupTimeout, server.Mesh.AnswerTtl, server.Mesh.EndpointTtl).ShouldBe((TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(1)));
        server.Cache.ShouldBe(new DnsCacheLimits { MaxEntries = 5, MaxBytes = 65536, MaxTtl = TimeSpan.Zero, MaxNegativeTtl = TimeSpan.FromSeconds(7) });
        (server.MaxDatagramBytes, server.TcpIdleTimeout, server.TcpPending).ShouldBe((4096, TimeSpan.FromSeconds(2), 2));
    }

    [Fact]
    public void What_cannot_be_done_is_refused_with_its_place()
    {
        var tcp = Message();
        tcp.Address.SocketAddress.Protocol = SocketAddress.Types.Protocol.Tcp;
        Refused(tcp).Field.ShouldBe("address.socket_address.protocol");
        var bare = Message();
        bare.UdpListenerConfig = null;
        Refused(bare).Field.ShouldBe("udp_listener_config");
        var chained = Message();
        chained.FilterChains.Add(TestResources.Chain(TestResources.Manager()));
        Refused(chained).Field.ShouldBe("filter_chains");
        var none = Message();
        none.ListenerFilters.Clear();
        Refused(none).ShouldSatisfyAllConditions(r => r.Field.ShouldBe("listener_filters"), r => r.Message.ShouldContain("envoy.filters.udp.dns_filter"));
        var other = Message();
        other.ListenerFilters.Insert(0, Filter("tls", new Envoy.Extensions.Filters.Listener.TlsInspector.V3.TlsInspector()));
        Refused(other).Field.ShouldBe("listener_filters[0]");
        var behind = Message();
        behind.ListenerFilters.Add(Filter("weft.v1.mesh_names", new Weft.V1.MeshNames { DefaultNamespace = "a" }));
        Refused(behind).Field.ShouldBe("listener_filters[1]");
        Refused(Message(mesh: new())).Field.ShouldBe("listener_filters[0].typed_config.default_namespace");
        Refused(Message(mesh: new() { DefaultNamespace = "a", DatagramBytes = 511 })).Message.ShouldBe("511 is outside 512 to 4096");
        Refused(Message(mesh: new() { DefaultNamespace = "a", AnswerTtl = new Duration() })).Field.ShouldBe("listener_filters[0].typed_config.answer_ttl");
        var quic = Message();
        quic.UdpListenerConfig.QuicOptions = new();
        Refused(quic).Field.ShouldBe("udp_listener_config.quic_options");
        Refused(Message(new DnsFilterConfig { ServerConfig = new() { ExternalDnsTable = new() { Filename = "/x" } } })).Field.ShouldBe("listener_filters[0].typed_config.server_config.external_dns_table");
        Refused(Message(new DnsFilterConfig { ServerConfig = new() { InlineDnsTable = new() { VirtualDomains = { new DnsTable.Types.DnsVirtualDomain { Name = "a", Endpoint = new() { AddressList = new() { Address = { "10.0.0" + ".x" } } } } } } } }))
            .Field.ShouldBe("listener_filters[0].typed_config.server_config.inline_dns_table.virtual_domains[0].endpoint.address_list.address[0]");
        Refused(Message(new DnsFilterConfig { ClientConfig = new() { TypedDnsResolverConfig = new() { Name = "apple", TypedConfig = new Any { TypeUrl = "type.googleapis.com/x" } } } }))
            .Field.ShouldBe("listener_filters[0].typed_config.client_config.typed_dns_resolver_config");
    }

    [Fact]
    public void A_name_is_its_service_with_its_addresses()
    {
        var compiled = NameCompiler.Compile(new Weft.V1.Name { Service = "catalog", Namespace = "shop", Addresses = { "240.240.3.7", "fd77:6566:7400::3:7" }, Ports = { 80 } }.ToByteArray());

        compiled.Rejections.ShouldBeEmpty();
        compiled.Value!.Key.ShouldBe("catalog.shop");
        compiled.Value.Addresses.Select(a => a.ToString()).ShouldBe(["240.240.3.7", "fd77:6566:7400::3:7"]);
        NameCompiler.Compile(new Weft.V1.Name { Service = "catalog", Namespace = "shop", Addresses = { "240.240.3" + ".seven" } }.ToByteArray()).Rejections.ShouldHaveSingleItem().Field.ShouldBe("addresses[0]");
        NameCompiler.Compile(new Weft.V1.Name { Service = "catalog" }.ToByteArray()).Rejections.ShouldHaveSingleItem().Field.ShouldBe("namespace");
        NameCompiler.Compile([0xFF]).Ok.ShouldBeFalse();
    }
}
