using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Routing.Compile;
using Weft.Routing.Listeners;
using Weft.Routing.Protocols;
using Weft.Routing.Security;
using Weft.Routing.Upgrades;
using Xunit;
using HttpConnectionManager = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager;
using Listener = Weft.Routing.Listeners.Listener;
using FilterChainMatch = Envoy.Config.Listener.V3.FilterChainMatch;

namespace Weft.Routing.Tests.Compile;

public sealed class ListenerCompilerTests
{
    private static Listener Compile(Action<HttpConnectionManager>? change = null)
    {
        var compiled = ListenerCompiler.Compile(TestResources.Listener(TestResources.Manager(change)));
        compiled.Rejections.ShouldBeEmpty();
        return compiled.Value!;
    }

    private static Rejection Refused(Action<HttpConnectionManager> change) =>
        ListenerCompiler.Compile(TestResources.Listener(TestResources.Manager(change))).Rejections.ShouldHaveSingleItem();

    [Fact]
    public void Unset_fields_mean_what_Envoy_documents()
    {
        var listener = Compile();
        var http = listener.FilterChains[0].Http!;

        listener.Address.ToString().ShouldBe("127.0.0.1:8080");
        listener.BindToPort.ShouldBeTrue();
        listener.NeedsDetection.ShouldBeFalse();
        listener.PerConnectionBufferLimitBytes.ShouldBe(1 << 20);
        listener.DetectionTimeout.ShouldBe(TimeSpan.FromSeconds(15));
        listener.FilterChains[0].Tls.ShouldBeNull();
        http.Routes.ShouldBe(new RouteSource.Named("r"));
        http.MaxRequestHeadersBytes.ShouldBe(60 * 1024);
        http.MaxRequestHeadersCount.ShouldBe(100);
        http.StreamIdleTimeout.ShouldBe(TimeSpan.FromMinutes(5));
        http.IdleTimeout.ShouldBe(TimeSpan.FromHours(1));
        http.RequestTimeout.ShouldBe(Timeout.InfiniteTimeSpan);
        http.RequestHeadersTimeout.ShouldBe(Timeout.InfiniteTimeSpan);
        http.DrainTimeout.ShouldBe(TimeSpan.FromSeconds(5));
        http.DelayedCloseTimeout.ShouldBe(TimeSpan.FromSeconds(1));
        http.GenerateRequestId.ShouldBeTrue();
        http.ServerName.ShouldBe("envoy");
        http.UseRemoteAddress.ShouldBeFalse();
    }

    [Fact]
    public void Set_fields_are_honoured()
    {
        var http = Compile(m =>
        {
            m.CommonHttpProtocolOptions = new() { IdleTimeout = new Duration(), MaxHeadersCount = 7, MaxRequestsPerConnection = 3 };
            m.MaxRequestHeadersKb = 96;
            m.StreamIdleTimeout = new Duration();
            m.RequestHeadersTimeout = new Duration { Seconds = 3 };
            m.UseRemoteAddress = true;
            m.NormalizePath = true;
            m.MergeSlashes = true;
            m.PathWithEscapedSlashesAction = HttpConnectionManager.Types.PathWithEscapedSlashesAction.RejectRequest;
            m.HttpProtocolOptions = new() { AcceptHttp10 = true, HeaderKeyFormat = new() { StatefulFormatter = new() { Name = "p", TypedConfig = Any.Pack(new Envoy.Extensions.Http.HeaderFormatters.PreserveCase.V3.PreserveCaseFormatterConfig()) } } };
        }).FilterChains[0].Http!;

        http.IdleTimeout.ShouldBe(Timeout.InfiniteTimeSpan);
        http.MaxRequestHeadersCount.ShouldBe(7);
        http.MaxRequestsPerConnection.ShouldBe(3);
        http.MaxRequestHeadersBytes.ShouldBe(96 * 1024);
        http.StreamIdleTimeout.ShouldBe(Timeout.InfiniteTimeSpan);
        http.RequestHeadersTimeout.ShouldBe(TimeSpan.FromSeconds(3));
        http.UseRemoteAddress.ShouldBeTrue();
        http.NormalizePath.ShouldBeTrue();
        http.MergeSlashes.ShouldBeTrue();
        http.EscapedSlashes.ShouldBe(EscapedSlashesAction.RejectRequest);
        http.AcceptHttp10.ShouldBeTrue();
        http.PreserveCase.ShouldBeTrue();
    }

    [Fact]
    public void What_is_told_of_clients_and_ids_is_honoured()
    {
        var http = Compile(m =>
        {
            m.SkipXffAppend = true;
            m.AlwaysSetRequestIdInResponse = true;
            m.ForwardClientCertDetails = HttpConnectionManager.Types.ForwardClientCertDetails.AppendForward;
            m.SetCurrentClientCertDetails = new() { Subject = true, Uri = true, Dns = true };
        }).FilterChains[0].Http!;

        http.SkipXffAppend.ShouldBeTrue();
        http.AlwaysSetRequestIdInResponse.ShouldBeTrue();
        http.ForwardClientCert.ShouldBe(ClientCertForwarding.AppendForward);
        http.ClientCertDetails.ShouldBe(ClientCertDetails.Subject | ClientCertDetails.Uri | ClientCertDetails.Dns);
        Compile().FilterChains[0].Http!.ForwardClientCert.ShouldBe(ClientCertForwarding.Sanitize);
    }

    [Fact]
    public void Upgrades_are_compiled_with_their_default_and_bad_ones_refused_by_name()
    {
        var upgrades = Compile(m => m.UpgradeConfigs.Add([new() { UpgradeType = "websocket" }, new() { UpgradeType = "spdy/3.1", Enabled = false }, new() { UpgradeType = "*" }])).FilterChains[0].Http!.Upgrades;
        UpgradePolicy.Allows("websocket"u8, UpgradePolicy.Silent, upgrades).ShouldBeTrue();
        UpgradePolicy.Allows("spdy/3.1"u8, UpgradePolicy.Silent, upgrades).ShouldBeFalse();
        UpgradePolicy.Allows("tcp"u8, UpgradePolicy.Silent, upgrades).ShouldBeTrue();

        static Rejection RefusedType(string type) => Refused(m => m.UpgradeConfigs.Add(new HttpConnectionManager.Types.UpgradeConfig { UpgradeType = type }));
        RefusedType("h2c").ShouldSatisfyAllConditions(
            r => r.Field.ShouldBe("filter_chains[0].filters[0].typed_config.upgrade_configs[0].upgrade_type"),
            r => r.Message.ShouldBe("\"h2c\" would carry requests past routes and access rules"));
        RefusedType("CONNECT").Message.ShouldContain("the forward proxy serves it by itself");
        RefusedType("web socket").Message.ShouldBe("\"web socket\" is not the name of a protocol");
        Refused(m => m.UpgradeConfigs.Add([new() { UpgradeType = "a" }, new() { UpgradeType = "A" }])).Message.ShouldBe("\"A\" is configured twice");
    }

    [Fact]
    public void The_handshake_has_a_limit_of_its_own()
    {
        var message = TestResources.Listener(TestResources.Manager());
        ListenerCompiler.Compile(message).Value!.FilterChains[0].HandshakeTimeout.ShouldBe(TimeSpan.FromSeconds(10));
        message.FilterChains[0].TransportSocketConnectTimeout = new Duration { Seconds = 3 };
        ListenerCompiler.Compile(message).Value!.FilterChains[0].HandshakeTimeout.ShouldBe(TimeSpan.FromSeconds(3));
        message.FilterChains[0].TransportSocketConnectTimeout = new Duration();
        ListenerCompiler.Compile(message).Value!.FilterChains[0].HandshakeTimeout.ShouldBe(Timeout.InfiniteTimeSpan);
    }

    [Fact]
    public void Unsupported_filter_is_refused_by_name_unless_it_is_optional()
    {
        static HttpFilter Other(bool optional) => new() { Name = "envoy.filters.http.lua", IsOptional = optional, TypedConfig = new Any { TypeUrl = "type.googleapis.com/lua" } };

        Refused(m => m.HttpFilters.Insert(0, Other(optional: false))).ShouldSatisfyAllConditions(
            r => r.Field.ShouldBe("filter_chains[0].filters[0].typed_config.http_filters[0]"),
            r => r.Message.ShouldBe("envoy.filters.http.lua (type.googleapis.com/lua) is not supported"));
        Compile(m => m.HttpFilters.Insert(0, Other(optional: true)));
    }

    [Fact]
    public void Router_must_be_there_and_last()
    {
        Refused(m => m.HttpFilters.Clear()).Message.ShouldBe("the router filter is needed as the last one");
        Refused(m => m.HttpFilters.Add(TestResources.Router)).Message.ShouldContain("must be last");
    }

    [Fact]
    public void Forward_proxy_takes_the_place_of_rds()
    {
        var source = (RouteSource.ForwardProxy)Compile(m =>
        {
            m.ClearRouteSpecifier();
            m.HttpFilters.Insert(0, new HttpFilter { Name = "f", TypedConfig = Any.Pack(new Weft.V1.ForwardProxy { DefaultNamespace = "shop", DomainSuffixes = { "svc", ".svc.cluster.local" } }) });
        }).FilterChains[0].Http!.Routes;

        source.DefaultNamespace.ShouldBe("shop");
        source.DomainSuffixes.ShouldBe(["svc.cluster.local", "svc"]);
        source.LookupTimeout.ShouldBe(TimeSpan.FromSeconds(2));
    }

    [Fact]
    public void Http3_is_refused_by_name() =>
        Refused(m => m.CodecType = HttpConnectionManager.Types.CodecType.Http3).Field.ShouldBe("filter_chains[0].filters[0].typed_config.codec_type");

    [Theory]
    [InlineData(HttpConnectionManager.Types.CodecType.Auto, HttpCodec.Auto)]
    [InlineData(HttpConnectionManager.Types.CodecType.Http1, HttpCodec.Http1)]
    [InlineData(HttpConnectionManager.Types.CodecType.Http2, HttpCodec.Http2)]
    public void Codec_type_is_honoured(HttpConnectionManager.Types.CodecType codec, HttpCodec expected) =>
        Compile(m => m.CodecType = codec).FilterChains[0].Http!.Codec.ShouldBe(expected);

    [Fact]
    public void Http2_options_that_nobody_set_are_finite() => Compile(_ => { }).FilterChains[0].Http!.Http2.ShouldBe(new Http2Options());

    [Fact]
    public void Http2_options_are_honoured() =>
        Compile(m => m.Http2ProtocolOptions = new()
        {
            HpackTableSize = 0, MaxConcurrentStreams = 7, InitialStreamWindowSize = 65_535, InitialConnectionWindowSize = int.MaxValue, AllowConnect = true,
            ConnectionKeepalive = new()
            {
                Interval = new Duration { Seconds = 30 }, Timeout = new Duration { Seconds = 5 }, IntervalJitter = new() { Value = 20 },
                ConnectionIdleInterval = new Duration { Seconds = 1 },
            },
        }).FilterChains[0].Http!.Http2.ShouldBe(new Http2Options
        {
            HpackTableBytes = 0, MaxConcurrentStreams = 7, InitialStreamWindowBytes = 65_535, InitialConnectionWindowBytes = int.MaxValue, AllowConnect = true,
            Keepalive = new Http2Keepalive(TimeSpan.FromSeconds(30), 20, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5)),
        });

    [Fact]
    public void Http2_options_out_of_range_are_refused_by_name()
    {
        static string Field(Action<Http2ProtocolOptions> set) => Refused(m => set(m.Http2ProtocolOptions = new())).Field["filter_chains[0].filters[0].typed_config.http2_protocol_options.".Length..];

        Field(o => o.HpackTableSize = 65_537).ShouldBe("hpack_table_size");
        Field(o => o.MaxConcurrentStreams = 0).ShouldBe("max_concurrent_streams");
        Field(o => o.InitialStreamWindowSize = 65_534).ShouldBe("initial_stream_window_size");
        Field(o => o.InitialConnectionWindowSize = 1u << 31).ShouldBe("initial_connection_window_size");
        Field(o => o.AllowMetadata = true).ShouldBe("allow_metadata");
        Field(o => o.ConnectionKeepalive = new() { Interval = new Duration { Seconds = 1 } }).ShouldBe("connection_keepalive.timeout");
        Field(o => o.ConnectionKeepalive = new() { Timeout = new Duration() }).ShouldBe("connection_keepalive.timeout");
        Field(o => o.ConnectionKeepalive = new() { Timeout = new Duration { Seconds = 1 }, Interval = new Duration { Nanos = 1000 } }).ShouldBe("connection_keepalive.interval");
        Field(o => o.ConnectionKeepalive = new() { Timeout = new Duration { Seconds = 1 }, IntervalJitter = new() { Value = 101 } }).ShouldBe("connection_keepalive.interval_jitter");
    }

    [Fact]
    public void Session_tickets_are_given_unless_stateless_resumption_is_disabled()
    {
        Resumes(null).ShouldBeTrue();
        Resumes(false).ShouldBeTrue();
        Resumes(true).ShouldBeFalse();

        static bool Resumes(bool? disabled)
        {
            var tls = new DownstreamTlsContext { CommonTlsContext = new CommonTlsContext { TlsCertificateSdsSecretConfigs = { new SdsSecretConfig { Name = "default" } } } };
            if (disabled is { } value) tls.DisableStatelessSessionResumption = value;
            var chain = TestResources.Chain(TestResources.Manager());
            chain.TransportSocket = new TransportSocket { Name = "tls", TypedConfig = Any.Pack(tls) };
            var compiled = ListenerCompiler.Compile(new Envoy.Config.Listener.V3.Listener { Name = "a", Address = TestResources.Address("0.0.0.0", 0), FilterChains = { chain } });
            compiled.Rejections.ShouldBeEmpty();
            return compiled.Value!.FilterChains[0].Tls!.Resumes;
        }
    }

    [Fact]
    public void Inbound_mesh_listener_has_a_chain_for_each_protocol()
    {
        var tls = new DownstreamTlsContext
        {
            RequireClientCertificate = true,
            CommonTlsContext = new CommonTlsContext
            {
                AlpnProtocols = { "weft-h1" },
                TlsCertificateSdsSecretConfigs = { new SdsSecretConfig { Name = "default" } },
                ValidationContextSdsSecretConfig = new SdsSecretConfig { Name = "ROOTCA", SdsConfig = new ConfigSource { Ads = new() } },
                TlsParams = new TlsParameters { TlsMinimumProtocolVersion = TlsParameters.Types.TlsProtocol.Tlsv13 },
            },
        };
        var secure = TestResources.Chain(TestResources.Manager(), new FilterChainMatch { TransportProtocol = "tls", ApplicationProtocols = { "weft-h1" } });
        secure.TransportSocket = new TransportSocket { Name = "tls", TypedConfig = Any.Pack(tls) };
        secure.Name = "mesh";
        var plain = TestResources.Chain(TestResources.Manager(), new FilterChainMatch { TransportProtocol = "raw_buffer" });
        plain.Name = "plain";
        var compiled = ListenerCompiler.Compile(new Envoy.Config.Listener.V3.Listener
        {
            Name = "inbound:80", Address = TestResources.Address("0.0.0.0", 0), TrafficDirection = Envoy.Config.Core.V3.TrafficDirection.Inbound, FilterChains = { secure, plain },
        });

        compiled.Rejections.ShouldBeEmpty();
        var listener = compiled.Value!;
        listener.Direction.ShouldBe(Routing.Listeners.TrafficDirection.Inbound);
        listener.NeedsDetection.ShouldBeTrue();
        Select("tls", "weft-h1").ShouldBe("mesh");
        Select("tls", "h2").ShouldBeNull();
        Select("raw_buffer").ShouldBe("plain");
        var common = listener.FilterChains[0].Tls!.Common;
        listener.FilterChains[0].Tls!.RequireClientCertificate.ShouldBeTrue();
        listener.FilterChains[0].Tls!.Resumes.ShouldBeTrue();
        common.Certificate.ShouldBe(new CertificateSource("default", null));
        common.Validation.ShouldBe(new ValidationSource("ROOTCA", null));
        common.Alpn.ShouldBe(["weft-h1"]);
        common.MinVersion.ShouldBe(TlsVersion.Tls13);

        string? Select(string transport, params string[] offered) => listener.Select(new Routing.Listeners.ConnectionFacts
        {
            Destination = listener.Address, Source = listener.Address, DirectSource = listener.Address.Address, TransportProtocol = transport, ApplicationProtocols = offered,
        })?.Name;
    }

    [Fact]
    public void Server_without_a_certificate_is_refused()
    {
        var message = TestResources.Listener(TestResources.Manager());
        message.FilterChains[0].TransportSocket = new TransportSocket { Name = "tls", TypedConfig = Any.Pack(new DownstreamTlsContext()) };

        ListenerCompiler.Compile(message).Rejections.ShouldHaveSingleItem().Field.ShouldBe("filter_chains[0].transport_socket.typed_config.common_tls_context");
    }

    [Fact]
    public void Network_filters_beside_HTTP_are_refused_by_name()
    {
        var message = TestResources.Listener(TestResources.Manager());
        message.FilterChains[0].Filters.Insert(0, new Filter { Name = "envoy.filters.network.rbac" });

        ListenerCompiler.Compile(message).Rejections.ShouldHaveSingleItem().Message.ShouldContain("envoy.filters.network.rbac");
    }
}
