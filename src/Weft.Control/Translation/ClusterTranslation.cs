using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Google.Protobuf.WellKnownTypes;
using Weft.Control.Model;
using Weft.Resources;
using UpstreamHttp = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace Weft.Control.Translation;

/// <summary>Destinations: one cluster per service and port, and one per application port for the proxy beside it.</summary>
internal static class ClusterTranslation
{
    private const string UpstreamHttpOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions", RetryBudgetOptions = "weft.v1.RetryBudget";

    /// <summary>What the share of the retry budget is taken of.</summary>
    private static readonly TimeSpan RetryBudgetInterval = TimeSpan.FromSeconds(10);

    public static Cluster Of(MeshServicePort port, MeshSettings settings)
    {
        var protocol = port.IsHttp2 ? Http2 : AsItCame;
        // The proxy beside the application holds its responses to the limit of 100; what it adds must not tip one over it here.
        protocol.CommonHttpProtocolOptions.MaxHeadersCount = 100 + HttpTranslation.FieldsOfProxies;
        var cluster = Common(port.Key.ToString(), settings.Defaults, protocol);
        cluster.Type = Cluster.Types.DiscoveryType.Eds;
        cluster.EdsClusterConfig = new Cluster.Types.EdsClusterConfig { EdsConfig = EnvoyParts.FromAds };
        cluster.UpstreamConnectionOptions = Keepalive(settings.Defaults.TcpKeepalive);
        cluster.LbPolicy = Cluster.Types.LbPolicy.LeastRequest;
        cluster.LeastRequestLbConfig = new Cluster.Types.LeastRequestLbConfig { ChoiceCount = 2 };
        cluster.TransportSocketMatches.Add(new Cluster.Types.TransportSocketMatch
        {
            Name = "mtls",
            Match = EnvoyParts.Fields(("weft", Value.ForString("mtls"))),
            TransportSocket = TlsTranslation.Upstream(port.Key, settings),
        });
        cluster.TransportSocketMatches.Add(new Cluster.Types.TransportSocketMatch { Name = "plaintext", Match = new Struct(), TransportSocket = TlsTranslation.Plaintext() });
        cluster.Metadata = new Metadata
        {
            FilterMetadata =
            {
                [XdsNames.Metadata] = EnvoyParts.Fields(("service", Value.ForString($"{port.Key.Namespace}/{port.Key.Service}")), ("port", Value.ForNumber(port.Key.Port))),
            },
        };
        return cluster;
    }

    /// <summary>The application beside the proxy, on loopback.</summary>
    public static Cluster Inbound(int applicationPort, MeshDefaults defaults)
    {
        var name = XdsNames.Inbound(applicationPort);
        var cluster = Common(name, defaults, AsItCame);
        cluster.Type = Cluster.Types.DiscoveryType.Static;
        cluster.LoadAssignment = new ClusterLoadAssignment
        {
            ClusterName = name,
            Endpoints = { new LocalityLbEndpoints { LbEndpoints = { new LbEndpoint { Endpoint = new Endpoint { Address = EnvoyParts.Socket("127.0.0.1", applicationPort) } } } } },
        };
        return cluster;
    }

    private static Cluster Common(string name, MeshDefaults defaults, UpstreamHttp protocol) => new()
    {
        Name = name,
        ConnectTimeout = EnvoyParts.Time(defaults.ConnectTimeout),
        CircuitBreakers = new CircuitBreakers
        {
            Thresholds =
            {
                new CircuitBreakers.Types.Thresholds
                {
                    Priority = RoutingPriority.Default,
                    MaxConnections = defaults.MaxConnections,
                    MaxPendingRequests = defaults.MaxPendingRequests,
                    MaxRequests = defaults.MaxRequests,
                },
            },
        },
        TypedExtensionProtocolOptions =
        {
            // In place of max_retries: Envoy's default of 3 in flight would fail most of what a dying instance leaves behind, for all that it was serving is repeated
            // at once; and a service that fails fast would get three times its load however few are in flight.
            [RetryBudgetOptions] = EnvoyParts.Pack(new Weft.V1.RetryBudget
            {
                Percent = defaults.RetryBudgetPercent,
                Interval = EnvoyParts.Time(RetryBudgetInterval),
                MinPerSecond = defaults.RetryBudgetMinPerSecond,
            }),
            [UpstreamHttpOptions] = EnvoyParts.Pack(protocol),
        },
    };

    /// <summary>Null: none, and the kernel's two hours until a dead peer is noticed.</summary>
    private static UpstreamConnectionOptions? Keepalive(TimeSpan silence)
    {
        if (silence <= TimeSpan.Zero) return null;
        var seconds = (uint)Math.Clamp(Math.Ceiling(silence.TotalSeconds), 1, 32_767); // what TCP_KEEPIDLE holds
        return new UpstreamConnectionOptions
        {
            TcpKeepalive = new TcpKeepalive { KeepaliveTime = seconds, KeepaliveInterval = Math.Max(1, seconds / 3), KeepaliveProbes = 3 },
        };
    }

    /// <summary>The application gets what its caller wrote, also through two proxies that spoke something else with each other.</summary>
    private static UpstreamHttp AsItCame => new()
    {
        CommonHttpProtocolOptions = Connections,
        UseDownstreamProtocolConfig = new UpstreamHttp.Types.UseDownstreamHttpConfig { HttpProtocolOptions = EnvoyParts.PreserveCase, Http2ProtocolOptions = EnvoyParts.Http2 },
    };

    private static UpstreamHttp Http2 => new()
    {
        CommonHttpProtocolOptions = Connections,
        ExplicitHttpConfig = new UpstreamHttp.Types.ExplicitHttpConfig { Http2ProtocolOptions = EnvoyParts.Http2 },
    };

    private static HttpProtocolOptions Connections => new() { MaxConnectionDuration = EnvoyParts.Time(HttpTranslation.MeshConnectionAge) };
}
