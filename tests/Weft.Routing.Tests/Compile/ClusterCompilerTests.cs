using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Envoy.Extensions.Upstreams.Http.V3;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Routing.Clusters;
using Weft.Routing.Compile;
using Weft.Routing.Protocols;
using Xunit;
using Cluster = Envoy.Config.Cluster.V3.Cluster;
using DiscoveryType = Envoy.Config.Cluster.V3.Cluster.Types.DiscoveryType;
using HttpProtocolOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;
using LoadBalancingPolicy = Weft.Routing.Clusters.LoadBalancingPolicy;
using TransportSocket = Envoy.Config.Core.V3.TransportSocket;

namespace Weft.Routing.Tests.Compile;

public sealed class ClusterCompilerTests
{
    private static Routing.Clusters.Cluster Compile(Action<Cluster>? change = null)
    {
        var compiled = ClusterCompiler.Compile(TestResources.Cluster(change), new StateRegistry());
        compiled.Rejections.ShouldBeEmpty();
        return compiled.Value!;
    }

    private static Rejection Refused(Action<Cluster> change) =>
        ClusterCompiler.Compile(TestResources.Cluster(change), new StateRegistry()).Rejections.ShouldHaveSingleItem();

    [Fact]
    public void Unset_fields_mean_what_Envoy_documents()
    {
        var cluster = Compile();

        cluster.Type.ShouldBe(Routing.Clusters.DiscoveryType.Eds);
        cluster.EdsServiceName.ShouldBe("c");
        cluster.ConnectTimeout.ShouldBe(TimeSpan.FromSeconds(5));
        cluster.LoadBalancing.ShouldBe(LoadBalancing.RoundRobin);
        cluster.CircuitBreakers.ShouldBe(new CircuitBreakerLimits(1024, 1024, 1024, 3));
        cluster.PanicThresholdPercent.ShouldBe(50);
        cluster.IdleTimeout.ShouldBe(TimeSpan.FromHours(1));
        cluster.Transports.ShouldHaveSingleItem().Tls.ShouldBeNull();
    }

    [Fact]
    public void Mesh_cluster_chooses_its_transport_by_the_endpoint()
    {
        var tls = new UpstreamTlsContext { Sni = "80.catalog.default.weft", CommonTlsContext = new CommonTlsContext { AlpnProtocols = { "weft-h1" } } };
        var cluster = Compile(c =>
        {
            c.Metadata = new Metadata();
            c.Metadata.FilterMetadata["weft.dev"] = new Struct { Fields = { ["service"] = Value.ForString("default/catalog"), ["port"] = Value.ForNumber(80) } };
            c.TransportSocketMatches.Add(new Cluster.Types.TransportSocketMatch
            {
                Name = "mtls", Match = new Struct { Fields = { ["weft"] = Value.ForString("mtls") } },
                TransportSocket = new TransportSocket { Name = "tls", TypedConfig = Any.Pack(tls) },
            });
            c.TransportSocketMatches.Add(new Cluster.Types.TransportSocketMatch
            {
                Name = "plaintext", Match = new Struct(),
                TransportSocket = new TransportSocket { Name = "raw", TypedConfig = Any.Pack(new Envoy.Extensions.TransportSockets.RawBuffer.V3.RawBuffer()) },
            });
        });
        var assignment = TestResources.Assignment("c", "10.0.0.1", "10.0.0.2");
        assignment.Endpoints[0].LbEndpoints[0].Metadata = new Metadata();
        assignment.Endpoints[0].LbEndpoints[0].Metadata.FilterMetadata["envoy.transport_socket_match"] = new Struct { Fields = { ["weft"] = Value.ForString("mtls") } };
        var endpoints = EndpointCompiler.Compile(assignment, new StateRegistry()).Value!.Endpoints;

        cluster.Transports[cluster.TransportFor(endpoints[0])].Tls!.Sni.ShouldBe("80.catalog.default.weft");
        cluster.Transports[cluster.TransportFor(endpoints[1])].Name.ShouldBe("plaintext");
        (cluster.Service, cluster.ServicePort).ShouldBe(("default/catalog", 80));
    }

    [Fact]
    public void Static_cluster_holds_its_endpoints_and_their_state_survives()
    {
        var states = new StateRegistry();
        var message = TestResources.Cluster(c => { c.Type = DiscoveryType.Static; c.EdsClusterConfig = null; c.LoadAssignment = TestResources.Assignment("x", "10.0.0.1"); });
        var first = ClusterCompiler.Compile(message, states).Value!;
        message.ConnectTimeout = new Duration { Seconds = 1 };
        var second = ClusterCompiler.Compile(message, states, first).Value!;

        first.InlineEndpoints!.Endpoints.ShouldHaveSingleItem().Address.ToString().ShouldBe("10.0.0.1:80");
        second.InlineEndpoints.ShouldBeSameAs(first.InlineEndpoints);
    }

    [Fact]
    public void Dns_clusters_hold_names()
    {
        var cluster = Compile(c => { c.Type = DiscoveryType.StrictDns; c.EdsClusterConfig = null; c.LoadAssignment = TestResources.Assignment("x", "db.example"); });

        cluster.Type.ShouldBe(Routing.Clusters.DiscoveryType.StrictDns);
        cluster.DnsTargets.ShouldBe([new DnsTarget("db.example", 80, 1)]);
    }

    [Theory]
    [InlineData(Cluster.Types.LbPolicy.LeastRequest, LoadBalancingPolicy.LeastRequest)]
    [InlineData(Cluster.Types.LbPolicy.Random, LoadBalancingPolicy.Random)]
    public void Policies_are_honoured(Cluster.Types.LbPolicy policy, LoadBalancingPolicy expected) =>
        Compile(c => c.LbPolicy = policy).LoadBalancing.Policy.ShouldBe(expected);

    [Fact]
    public void Policy_extension_wins_and_the_first_supported_counts()
    {
        static Envoy.Config.Cluster.V3.LoadBalancingPolicy.Types.Policy Extension(Any config) => new() { TypedExtensionConfig = new() { Name = "p", TypedConfig = config } };
        var cluster = Compile(c => c.LoadBalancingPolicy = new()
        {
            Policies =
            {
                Extension(new Any { TypeUrl = "type.googleapis.com/weft.v1.PeakEwma" }),
                Extension(Any.Pack(new Envoy.Extensions.LoadBalancingPolicies.LeastRequest.V3.LeastRequest { ChoiceCount = 3 })),
            },
        });

        cluster.LoadBalancing.ShouldBe(new LoadBalancing(LoadBalancingPolicy.LeastRequest, 3));
    }

    [Fact]
    public void Http1_is_spoken_unless_something_else_is_chosen()
    {
        Compile(_ => { }).Protocol.ShouldBe(UpstreamProtocol.Http1);
        Compile(c => Set(c, new HttpProtocolOptions { ExplicitHttpConfig = new() })).Protocol.ShouldBe(UpstreamProtocol.Http1);
        var http1 = Compile(c => Set(c, new HttpProtocolOptions { ExplicitHttpConfig = new() { HttpProtocolOptions = new() }, CommonHttpProtocolOptions = new() { IdleTimeout = new Duration { Seconds = 9 } } }));
        http1.Protocol.ShouldBe(UpstreamProtocol.Http1);
        http1.IdleTimeout.ShouldBe(TimeSpan.FromSeconds(9));
    }

    [Fact]
    public void Protocol_choices_are_honoured_with_their_options()
    {
        var http2 = Compile(c => Set(c, new HttpProtocolOptions { ExplicitHttpConfig = new() { Http2ProtocolOptions = new() { MaxConcurrentStreams = 9 } } }));
        http2.Protocol.ShouldBe(UpstreamProtocol.Http2);
        http2.Http2.MaxConcurrentStreams.ShouldBe(9);

        var downstream = Compile(c => Set(c, new HttpProtocolOptions { UseDownstreamProtocolConfig = new() { Http2ProtocolOptions = new() { InitialStreamWindowSize = 70_000 } } }));
        downstream.Protocol.ShouldBe(UpstreamProtocol.Downstream);
        downstream.Http2.ShouldBe(new Http2Options { InitialStreamWindowBytes = 70_000 });
    }

    [Fact]
    public void Case_is_kept_where_any_of_the_choices_says_so()
    {
        var keep = new Http1ProtocolOptions
        {
            HeaderKeyFormat = new() { StatefulFormatter = new() { Name = "preserve_case", TypedConfig = Any.Pack(new Envoy.Extensions.Http.HeaderFormatters.PreserveCase.V3.PreserveCaseFormatterConfig()) } },
        };
        Compile(c => Set(c, new HttpProtocolOptions { ExplicitHttpConfig = new() { HttpProtocolOptions = keep } })).PreserveCase.ShouldBeTrue();
        Compile(c => Set(c, new HttpProtocolOptions { UseDownstreamProtocolConfig = new() { HttpProtocolOptions = keep } })).PreserveCase.ShouldBeTrue();
        Compile(c => Set(c, new HttpProtocolOptions { UseDownstreamProtocolConfig = new() })).PreserveCase.ShouldBeFalse();
    }

    [Fact]
    public void Http2_options_out_of_range_are_refused_by_name() =>
        Refused(c => Set(c, new HttpProtocolOptions { UseDownstreamProtocolConfig = new() { Http2ProtocolOptions = new() { MaxConcurrentStreams = 0 } } }))
            .Field.ShouldEndWith("use_downstream_protocol_config.http2_protocol_options.max_concurrent_streams");

    [Fact]
    public void Auto_needs_tls_everywhere()
    {
        static void Auto(Cluster c) => Set(c, new HttpProtocolOptions { AutoConfig = new() });

        Refused(Auto).Field.ShouldBe("transport_socket");
        Refused(c => { Auto(c); c.TransportSocket = Tls(); c.TransportSocketMatches.Add(new Cluster.Types.TransportSocketMatch { Name = "raw" }); })
            .Field.ShouldBe("transport_socket_matches[0].transport_socket");
        Compile(c => { Auto(c); c.TransportSocket = Tls(); }).Protocol.ShouldBe(UpstreamProtocol.Negotiated);
    }

    [Fact]
    public void Alpn_follows_the_protocol_where_the_socket_names_none()
    {
        static IEnumerable<string> Alpn(HttpProtocolOptions options, params string[] own) =>
            Compile(c => { Set(c, options); c.TransportSocket = Tls(own); }).Transports[0].Tls!.Common.Alpn;

        Alpn(new HttpProtocolOptions { ExplicitHttpConfig = new() }).ShouldBe(["http/1.1"]);
        Alpn(new HttpProtocolOptions { ExplicitHttpConfig = new() { Http2ProtocolOptions = new() } }).ShouldBe(["h2"]);
        Alpn(new HttpProtocolOptions { UseDownstreamProtocolConfig = new() }).ShouldBe(["h2", "http/1.1"]);
        Alpn(new HttpProtocolOptions { AutoConfig = new() }).ShouldBe(["h2", "http/1.1"]);
        Alpn(new HttpProtocolOptions { AutoConfig = new() }, "weft-h1").ShouldBe(["weft-h1"]);
    }

    [Fact]
    public void Limits_are_those_of_priority_DEFAULT_and_no_limit_fits()
    {
        Compile(c => c.CircuitBreakers = new()
        {
            Thresholds =
            {
                new CircuitBreakers.Types.Thresholds { Priority = RoutingPriority.High, MaxRequests = 1 },
                new CircuitBreakers.Types.Thresholds { MaxConnections = 2, MaxRequests = uint.MaxValue },
            },
        }).CircuitBreakers.ShouldBe(new CircuitBreakerLimits(2, 1024, int.MaxValue, 3));
    }

    [Fact]
    public void Ring_hash_is_refused() => Refused(c => c.LbPolicy = Cluster.Types.LbPolicy.RingHash).Field.ShouldBe("lb_policy");

    [Fact]
    public void Original_destination_clusters_have_no_endpoints_and_no_balancing()
    {
        var cluster = Compile(c =>
        {
            c.Type = DiscoveryType.OriginalDst;
            c.EdsClusterConfig = null;
            c.LbPolicy = Cluster.Types.LbPolicy.ClusterProvided;
        });
        cluster.Type.ShouldBe(Routing.Clusters.DiscoveryType.OriginalDestination);
        cluster.InlineEndpoints!.Endpoints.ShouldBeEmpty();
        Refused(c => c.Type = DiscoveryType.OriginalDst).Field.ShouldBe("lb_policy");
    }

    [Fact]
    public void A_PROXY_header_goes_in_front_of_the_socket_inside()
    {
        static TransportSocket Announcing(TransportSocket? inside, ProxyProtocolConfig.Types.Version version) => new()
        {
            Name = "proxy",
            TypedConfig = Any.Pack(new Envoy.Extensions.TransportSockets.ProxyProtocol.V3.ProxyProtocolUpstreamTransport { Config = new ProxyProtocolConfig { Version = version }, TransportSocket = inside }),
        };
        var raw = new TransportSocket { Name = "raw", TypedConfig = Any.Pack(new Envoy.Extensions.TransportSockets.RawBuffer.V3.RawBuffer()) };
        var tls = new TransportSocket { Name = "tls", TypedConfig = Any.Pack(new Envoy.Extensions.TransportSockets.Tls.V3.UpstreamTlsContext { Sni = "a" }) };

        var plain = Compile(c => c.TransportSocket = Announcing(raw, ProxyProtocolConfig.Types.Version.V1)).Transports[^1];
        plain.Announces.ShouldBe(Routing.Listeners.ProxyProtocolVersions.V1);
        plain.Tls.ShouldBeNull();
        var secure = Compile(c => c.TransportSocket = Announcing(tls, ProxyProtocolConfig.Types.Version.V2)).Transports[^1];
        secure.Announces.ShouldBe(Routing.Listeners.ProxyProtocolVersions.V2);
        secure.Tls!.Sni.ShouldBe("a");
        Compile(c => c.TransportSocket = tls).Transports[^1].Announces.ShouldBe(Routing.Listeners.ProxyProtocolVersions.None);
        Refused(c => c.TransportSocket = Announcing(null, ProxyProtocolConfig.Types.Version.V1)).Field.ShouldBe("transport_socket.typed_config.transport_socket");
    }

    [Fact]
    public void Connect_timeout_of_zero_is_refused() => Refused(c => c.ConnectTimeout = new Duration()).Field.ShouldBe("connect_timeout");

    [Fact]
    public void Static_cluster_without_endpoints_is_refused() => Refused(c => c.Type = DiscoveryType.Static).Field.ShouldBe("load_assignment");

    private static void Set(Cluster c, HttpProtocolOptions options) => c.TypedExtensionProtocolOptions["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"] = Any.Pack(options);

    private static Envoy.Config.Core.V3.TransportSocket Tls(params string[] alpn) => new()
    {
        Name = "tls",
        TypedConfig = Any.Pack(new Envoy.Extensions.TransportSockets.Tls.V3.UpstreamTlsContext { CommonTlsContext = new() { AlpnProtocols = { alpn } } }),
    };
}
