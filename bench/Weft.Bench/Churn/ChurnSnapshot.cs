using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using Weft.Xds;

namespace Weft.Bench.Churn;

/// <summary>One listener, one route table, one cluster of a hundred endpoints, one of which may be out.</summary>
internal sealed class ChurnSnapshot(long revision, XdsResource endpoints) : IXdsSnapshot
{
    public const int Endpoints = 100;

    private const int ListenerPort = 18004, FirstEndpointPort = 18100;
    private const string Name = "backend";

    private static readonly Dictionary<XdsType, XdsResource> Fixed = new()
    {
        [XdsType.Listener] = XdsResource.Of("front", Listener()),
        [XdsType.Route] = XdsResource.Of("front", Routes()),
        [XdsType.Cluster] = XdsResource.Of(Name, Backend()),
    };

    // Made beforehand: the server shares a core with the load, and building a hundred endpoints a hundred times a second would show there.
    private static readonly XdsResource[] Variants = [.. Enumerable.Range(-1, Endpoints + 1).Select(Assignment)];

    public long Revision => revision;

    /// <summary>The state after so many changes: odd ones take the next endpoint out, even ones put it back.</summary>
    public static ChurnSnapshot After(long changes) =>
        new(changes + 1, changes % 2 == 0 ? Variants[0] : Variants[1 + changes / 2 % Endpoints]);

    public XdsResource? Find(XdsType type, string name) => Wildcard(type).FirstOrDefault(r => r.Name == name);

    public IReadOnlyList<XdsResource> Wildcard(XdsType type) =>
        type == XdsType.Endpoint ? [endpoints] : Fixed.TryGetValue(type, out var resource) ? [resource] : [];

    private static XdsResource Assignment(int without)
    {
        var locality = new LocalityLbEndpoints();
        for (var i = 0; i < Endpoints; i++)
            if (i != without) locality.LbEndpoints.Add(new LbEndpoint { Endpoint = new Envoy.Config.Endpoint.V3.Endpoint { Address = Loopback(FirstEndpointPort + i) } });
        return XdsResource.Of(Name, new ClusterLoadAssignment { ClusterName = Name, Endpoints = { locality } });
    }

    private static Cluster Backend() => new()
    {
        Name = Name,
        Type = Cluster.Types.DiscoveryType.Eds,
        ConnectTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(5)),
        EdsClusterConfig = new Cluster.Types.EdsClusterConfig { EdsConfig = Ads() },
    };

    private static RouteConfiguration Routes() => new()
    {
        Name = "front",
        VirtualHosts =
        {
            new VirtualHost
            {
                Name = "all",
                Domains = { "*" },
                Routes = { new Route { Match = new RouteMatch { Prefix = "/" }, Route_ = new RouteAction { Cluster = Name } } },
            },
        },
    };

    private static Listener Listener() => new()
    {
        Name = "front",
        Address = Loopback(ListenerPort),
        FilterChains =
        {
            new FilterChain
            {
                Filters =
                {
                    new Envoy.Config.Listener.V3.Filter
                    {
                        Name = "envoy.filters.network.http_connection_manager",
                        TypedConfig = Any.Pack(new HttpConnectionManager
                        {
                            StatPrefix = "front",
                            Rds = new Rds { RouteConfigName = "front", ConfigSource = Ads() },
                            HttpFilters = { new HttpFilter { Name = "envoy.filters.http.router", TypedConfig = Any.Pack(new Router()) } },
                        }),
                    },
                },
            },
        },
    };

    private static Address Loopback(int port) => new() { SocketAddress = new SocketAddress { Address = "127.0.0.1", PortValue = (uint)port } };

    private static ConfigSource Ads() => new() { Ads = new AggregatedConfigSource(), ResourceApiVersion = ApiVersion.V3 };
}
