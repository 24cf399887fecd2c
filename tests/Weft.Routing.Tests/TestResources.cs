using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace Weft.Routing.Tests;

/// <summary>Small good resources for tests to bend.</summary>
internal static class TestResources
{
    public static Address Address(string host, int port) => new() { SocketAddress = new SocketAddress { Address = host, PortValue = (uint)port } };

    public static HttpFilter Router { get; } = new() { Name = "router", TypedConfig = Any.Pack(new Router()) };

    public static HttpConnectionManager Manager(Action<HttpConnectionManager>? change = null)
    {
        var manager = new HttpConnectionManager
        {
            StatPrefix = "in",
            Rds = new Rds { ConfigSource = new ConfigSource { Ads = new() }, RouteConfigName = "r" },
            HttpFilters = { Router },
        };
        change?.Invoke(manager);
        return manager;
    }

    public static FilterChain Chain(IMessage manager, FilterChainMatch? match = null) => new()
    {
        FilterChainMatch = match,
        Filters = { new Envoy.Config.Listener.V3.Filter { Name = "hcm", TypedConfig = Any.Pack(manager) } },
    };

    public static Listener Listener(IMessage manager) => new() { Name = "l", Address = Address("127.0.0.1", 8080), FilterChains = { Chain(manager) } };

    public static RouteConfiguration Routes(params Route[] routes) =>
        new() { Name = "r", VirtualHosts = { new VirtualHost { Name = "all", Domains = { "*" }, Routes = { routes } } } };

    public static Route Route(string prefix, string cluster = "c") =>
        new() { Match = new RouteMatch { Prefix = prefix }, Route_ = new RouteAction { Cluster = cluster } };

    public static Cluster Cluster(Action<Cluster>? change = null)
    {
        var cluster = new Cluster { Name = "c", Type = Envoy.Config.Cluster.V3.Cluster.Types.DiscoveryType.Eds, EdsClusterConfig = new() { EdsConfig = new ConfigSource { Ads = new() } } };
        change?.Invoke(cluster);
        return cluster;
    }

    public static LbEndpoint Endpoint(string host, int port = 80, uint? weight = null) =>
        new() { Endpoint = new Endpoint { Address = Address(host, port) }, LoadBalancingWeight = weight };

    public static ClusterLoadAssignment Assignment(string name, params string[] hosts) =>
        new() { ClusterName = name, Endpoints = { new LocalityLbEndpoints { LbEndpoints = { hosts.Select(h => Endpoint(h)) } } } };
}
