using System.Collections.Immutable;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Google.Protobuf.WellKnownTypes;
using Weft.Control.Model;
using Weft.Resources;
using UpstreamHttp = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace Weft.Control.Translation;

/// <summary>Destinations: one cluster per service and port for requests and one for bytes, and one per application port for the proxy beside it.</summary>
internal static class ClusterTranslation
{
    private const string UpstreamHttpOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions", RetryBudgetOptions = "weft.v1.RetryBudget";

    /// <summary>What the share of the retry budget is taken of.</summary>
    private static readonly TimeSpan RetryBudgetInterval = TimeSpan.FromSeconds(10);

    /// <summary>For requests.</summary>
    public static Cluster Of(MeshServicePort port, MeshSettings settings)
    {
        var protocol = port.Protocol.Protocol == PortProtocol.Http2 ? Http2 : AsItCame;
        // The proxy beside the application holds its responses to the limit of 100; what it adds must not tip one over it here.
        protocol.CommonHttpProtocolOptions.MaxHeadersCount = 100 + HttpTranslation.FieldsOfProxies;
        return OfService(port, Common(port.Key.ToString(), settings.Defaults, protocol), XdsNames.MeshAlpn(settings.Protocol), settings);
    }

    /// <summary>For bytes: the same endpoints, each with the connections that it has.</summary>
    public static Cluster OfBytes(MeshServicePort port, MeshSettings settings)
    {
        var cluster = OfService(port, Base(XdsNames.Bytes(port.Key), settings.Defaults), [XdsNames.MeshBytesAlpn], settings);
        cluster.EdsClusterConfig.ServiceName = port.Key.ToString();
        return cluster;
    }

    private static Cluster OfService(MeshServicePort port, Cluster cluster, ImmutableArray<string> alpn, MeshSettings settings)
    {
        cluster.Type = Cluster.Types.DiscoveryType.Eds;
        cluster.EdsClusterConfig = new Cluster.Types.EdsClusterConfig { EdsConfig = EnvoyParts.FromAds };
        cluster.UpstreamConnectionOptions = KeepaliveTranslation.OfEndpoints(settings.Defaults.TcpKeepalive);
        cluster.LbPolicy = Cluster.Types.LbPolicy.LeastRequest;
        cluster.LeastRequestLbConfig = new Cluster.Types.LeastRequestLbConfig { ChoiceCount = 2 };
        cluster.TransportSocketMatches.Add(new Cluster.Types.TransportSocketMatch
        {
            Name = "mtls",
            Match = EnvoyParts.Fields(("weft", Value.ForString("mtls"))),
            TransportSocket = TlsTranslation.Upstream(port.Key, alpn, settings),
        });
        cluster.TransportSocketMatches.Add(new Cluster.Types.TransportSocketMatch { Name = "plaintext", Match = new Struct(), TransportSocket = TlsTranslation.Plaintext() });
        cluster.Metadata = EnvoyParts.WeftMetadata(("service", Value.ForString($"{port.Key.Namespace}/{port.Key.Service}")), ("port", Value.ForNumber(port.Key.Port)));
        return cluster;
    }

    /// <summary>The application beside the proxy, on loopback: for requests and for bytes.</summary>
    /// <param name="networkNamespace">Path of the namespace whose loopback it is; empty for the proxy's own.</param>
    public static Cluster Inbound(int applicationPort, string networkNamespace, MeshDefaults defaults)
    {
        var name = XdsNames.Inbound(applicationPort);
        var cluster = Common(name, defaults, AsItCame);
        cluster.Type = Cluster.Types.DiscoveryType.Static;
        cluster.LoadAssignment = new ClusterLoadAssignment
        {
            ClusterName = name,
            Endpoints = { new LocalityLbEndpoints { LbEndpoints = { new LbEndpoint { Endpoint = new Endpoint { Address = EnvoyParts.Socket("127.0.0.1", applicationPort) } } } } },
        };
        if (networkNamespace.Length > 0) cluster.Metadata = EnvoyParts.WeftMetadata((XdsNames.NetworkNamespace, Value.ForString(networkNamespace)));
        return cluster;
    }

    private static Cluster Common(string name, MeshDefaults defaults, UpstreamHttp protocol)
    {
        var cluster = Base(name, defaults);
        // In place of max_retries: Envoy's default of 3 in flight would fail most of what a dying instance leaves behind, for all that it was serving is repeated
        // at once; and a service that fails fast would get three times its load however few are in flight.
        cluster.TypedExtensionProtocolOptions.Add(RetryBudgetOptions, EnvoyParts.Pack(new Weft.V1.RetryBudget
        {
            Percent = defaults.RetryBudgetPercent,
            Interval = EnvoyParts.Time(RetryBudgetInterval),
            MinPerSecond = defaults.RetryBudgetMinPerSecond,
        }));
        cluster.TypedExtensionProtocolOptions.Add(UpstreamHttpOptions, EnvoyParts.Pack(protocol));
        return cluster;
    }

    private static Cluster Base(string name, MeshDefaults defaults) => new()
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
    };

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
