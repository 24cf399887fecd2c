using System.Collections.Immutable;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Envoy.Type.Matcher.V3;
using Weft.Control.Model;
using Weft.Resources;
using Duration = Google.Protobuf.WellKnownTypes.Duration;
using Filter = Envoy.Config.Listener.V3.Filter;
using RouteWeight = Envoy.Config.Route.V3.WeightedCluster.Types.ClusterWeight;
using TcpWeight = Envoy.Extensions.Filters.Network.TcpProxy.V3.TcpProxy.Types.WeightedCluster.Types.ClusterWeight;
using UpgradeConfig = Envoy.Config.Route.V3.RouteAction.Types.UpgradeConfig;

namespace Weft.Control.Translation;

/// <summary>A cluster and its share of connections.</summary>
internal readonly record struct ByteShare(string Cluster, uint Weight);

/// <summary>How a port's connections are carried for a caller.</summary>
/// <param name="Table">The port's routes; null without any.</param>
/// <param name="Namespace">Whose routes hold for the caller.</param>
internal sealed record ByteRules(MeshConnectionTable? Table, string Namespace)
{
    public static ByteRules Of(MeshConnectionTable? table, NodeInfo node) => new(table, table?.RulesOf(node.Namespace) ?? "");

    /// <summary>Those that go by server name, in the order in which the names are compared.</summary>
    public IEnumerable<(string Name, MeshConnectionRoute Route)> ServerNames => Table?.ServerNames(Namespace) ?? [];

    /// <summary>The route of every other connection; null where the port has none.</summary>
    public MeshConnectionRoute? Any => Table?.Any(Namespace);

    /// <summary>What no server name decides about goes nowhere.</summary>
    public bool RefusesOthers => Any is null && Table?.HasRoutes(Namespace) == true;
}

/// <summary>Where connections go that nobody looks into: as a route for whoever is told the destination (CONNECT, interception), and as a filter for a port that leads to one destination.</summary>
internal static class ByteTranslation
{
    /// <summary>A connection without a byte either way. Envoy's default, written out.</summary>
    private static readonly TimeSpan IdleTimeout = TimeSpan.FromHours(1);

    /// <summary>The clusters of a port for a caller, without a route the port's own.</summary>
    public static ImmutableArray<ByteShare> Shares(MeshServicePort port, MeshConnectionRoute? route) =>
        route is null ? [new ByteShare(XdsNames.Bytes(port.Key), 1)] : Shares(route);

    /// <summary>A backend of weight 0 stays, so that its cluster is warm before a canary's first connection; the share of one that cannot be is refused by a cluster that never exists.</summary>
    public static ImmutableArray<ByteShare> Shares(MeshConnectionRoute route)
    {
        var valid = route.Backends.Where(b => b.Port is not null).Select(b => new ByteShare(XdsNames.Bytes(b.Port!.Key), (uint)b.Source.Weight)).ToList();
        var lost = route.Backends.Where(b => b.Port is null).Sum(b => (long)b.Source.Weight);
        if (valid.Sum(s => (long)s.Weight) == 0) return [new ByteShare(XdsNames.InvalidBackendCluster, 1)];
        if (lost > 0) valid.Add(new ByteShare(XdsNames.InvalidBackendCluster, (uint)lost));
        return [.. valid];
    }

    /// <summary>Where connections to a port go, by server name and otherwise. None for others where they go nowhere.</summary>
    public static IEnumerable<Route> ConnectRoutes(MeshServicePort port, ByteRules rules, MeshDefaults defaults)
    {
        foreach (var (name, route) in rules.ServerNames)
        {
            var named = ConnectRoute(route.Name, Shares(route), defaults);
            // What is not known to a client of xDS it does not match: without this fact it takes no such route, where any field of Weft's own would be passed over.
            named.Match.DynamicMetadata.Add(new MetadataMatcher
            {
                Filter = XdsNames.Metadata,
                Path = { new MetadataMatcher.Types.PathSegment { Key = XdsNames.RequestedServerName } },
                Value = new ValueMatcher { StringMatch = name.StartsWith('*') ? new StringMatcher { Suffix = name[1..] } : new StringMatcher { Exact = name } },
            });
            yield return named;
        }
        if (!rules.RefusesOthers) yield return ConnectRoute(rules.Any?.Name ?? "default", Shares(port, rules.Any), defaults);
    }

    /// <summary>A route that ends CONNECT and passes on what it carries (<c>connect_matcher</c>).</summary>
    private static Route ConnectRoute(string name, ImmutableArray<ByteShare> shares, MeshDefaults defaults)
    {
        var action = new RouteAction
        {
            Timeout = new Duration(), // none: Envoy's default of 15 s would end a session
            IdleTimeout = EnvoyParts.Time(IdleTimeout),
            // Nothing has been sent when a connection cannot be made, so another endpoint is always safe.
            RetryPolicy = new RetryPolicy { RetryOn = "connect-failure", NumRetries = (uint)defaults.Retries },
            UpgradeConfigs = { new UpgradeConfig { UpgradeType = "CONNECT", ConnectConfig = new UpgradeConfig.Types.ConnectConfig() } },
        };
        if (shares is [var only])
        {
            action.Cluster = only.Cluster;
        }
        else
        {
            action.WeightedClusters = new WeightedCluster { Clusters = { shares.Select(s => new RouteWeight { Name = s.Cluster, Weight = s.Weight }) } };
        }
        return new Route { Name = name, Match = new RouteMatch { ConnectMatcher = new RouteMatch.Types.ConnectMatcher() }, Route_ = action };
    }

    /// <summary>The filter that passes a chain's connections on.</summary>
    public static Filter Proxy(string statPrefix, ImmutableArray<ByteShare> shares, MeshDefaults defaults)
    {
        var proxy = new TcpProxy { StatPrefix = statPrefix, IdleTimeout = EnvoyParts.Time(IdleTimeout), MaxConnectAttempts = (uint)defaults.Retries + 1 };
        if (shares is [var only])
        {
            proxy.Cluster = only.Cluster;
        }
        else
        {
            // Here a weight is 1 at least (TcpProxy.WeightedCluster.ClusterWeight), so a backend of weight 0 is left out.
            proxy.WeightedClusters = new TcpProxy.Types.WeightedCluster { Clusters = { shares.Where(s => s.Weight > 0).Select(s => new TcpWeight { Name = s.Cluster, Weight = s.Weight }) } };
        }
        return new Filter { Name = "envoy.filters.network.tcp_proxy", TypedConfig = EnvoyParts.Pack(proxy) };
    }
}
