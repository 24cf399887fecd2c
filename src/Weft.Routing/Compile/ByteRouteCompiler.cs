using System.Collections.Immutable;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Weft.Routing.Retries;
using Weft.Routing.Tcp;
using ProtoAction = Envoy.Config.Route.V3.RouteAction;
using ProtoRoute = Envoy.Config.Route.V3.Route;

namespace Weft.Routing.Compile;

/// <summary>The two ways in which xDS says where the bytes of a connection go: the TCP proxy of a filter chain, and a route that terminates CONNECT.</summary>
internal static class ByteRouteCompiler
{
    /// <summary>Envoy's for the filter; a route's connections are no others.</summary>
    private static readonly TimeSpan DefaultIdleTimeout = TimeSpan.FromHours(1);

    public static ByteRoute? Compile(TcpProxy message, FieldPath at, Compilation into)
    {
        if (message.StatPrefix.Length == 0) into.Refuse(at.Field("stat_prefix"), "a prefix is needed");
        var clusters = message.ClusterSpecifierCase switch
        {
            TcpProxy.ClusterSpecifierOneofCase.Cluster => Checked([new ByteCluster(message.Cluster, 1)], at.Field("cluster"), into),
            TcpProxy.ClusterSpecifierOneofCase.WeightedClusters =>
                Checked([.. message.WeightedClusters.Clusters.Select(c => new ByteCluster(c.Name, c.Weight))], at.Field("weighted_clusters").Field("clusters"), into),
            _ => Missing(at, into),
        };
        return clusters.IsEmpty ? null : new ByteRoute
        {
            Name = message.StatPrefix,
            Clusters = clusters,
            TotalWeight = (uint)clusters.Sum(c => c.Weight),
            IdleTimeout = into.Limit(message.IdleTimeout, DefaultIdleTimeout, at.Field("idle_timeout")),
            MaxConnectAttempts = into.Number(message.MaxConnectAttempts, unset: 1, min: 1, max: 100, at.Field("max_connect_attempts")),
            MaxConnectionDuration = into.Limit(message.MaxDownstreamConnectionDuration, Timeout.InfiniteTimeSpan, at.Field("max_downstream_connection_duration")),
        };
    }

    /// <summary>A route whose match is <c>connect_matcher</c>: CONNECT ends here, and what it carries goes on as bytes.</summary>
    /// <param name="table">Name of its route configuration.</param>
    /// <param name="hostRetry">The virtual host's retry policy, for a route that has none.</param>
    public static ByteRoute? Compile(string table, ProtoRoute route, RetryPolicy? hostRetry, FieldPath at, Compilation into)
    {
        if (route.Match.Headers.Count > 0) into.Refuse(at.Field("match").Field("headers"), "a connection has none");
        if (route.Match.QueryParameters.Count > 0) into.Refuse(at.Field("match").Field("query_parameters"), "a connection has none");
        if (route.RequestHeadersToAdd.Count + route.RequestHeadersToRemove.Count + route.ResponseHeadersToAdd.Count + route.ResponseHeadersToRemove.Count > 0)
            into.Refuse(at, "the bytes of a connection have no headers to add or remove");
        if (route.ActionCase != ProtoRoute.ActionOneofCase.Route_)
        {
            into.Refuse(at, "a route with connect_matcher needs route, to say where the bytes go");
            return null;
        }
        at = at.Field("route");
        var action = route.Route_;
        CheckAction(action, at, into);
        var clusters = action.ClusterSpecifierCase switch
        {
            ProtoAction.ClusterSpecifierOneofCase.Cluster => Checked([new ByteCluster(action.Cluster, 1)], at.Field("cluster"), into),
            ProtoAction.ClusterSpecifierOneofCase.WeightedClusters =>
                Checked([.. action.WeightedClusters.Clusters.Select(c => new ByteCluster(c.Name, c.Weight ?? 0))], at.Field("weighted_clusters").Field("clusters"), into),
            ProtoAction.ClusterSpecifierOneofCase.None => Missing(at, into),
            _ => [], // the others stand on the refused list
        };
        var retry = action.RetryPolicy is null ? hostRetry : RetryCompiler.Compile(action.RetryPolicy, at.Field("retry_policy"), into);
        return clusters.IsEmpty ? null : new ByteRoute
        {
            Name = table,
            Clusters = clusters,
            TotalWeight = (uint)clusters.Sum(c => c.Weight),
            IdleTimeout = into.Limit(action.IdleTimeout, DefaultIdleTimeout, at.Field("idle_timeout")),
            MaxConnectAttempts = retry is null || (retry.On & CoversConnecting) == RetryOn.None ? 1 : 1 + retry.NumRetries,
            MaxConnectionDuration = into.Limit(action.MaxStreamDuration?.MaxStreamDuration_, Timeout.InfiniteTimeSpan, at.Field("max_stream_duration").Field("max_stream_duration")),
        };
    }

    /// <summary>The words of retry_on that a connection which was never made satisfies.</summary>
    private const RetryOn CoversConnecting = RetryOn.ConnectFailure | RetryOn.ServerError | RetryOn.GatewayError | RetryOn.Reset | RetryOn.ResetBeforeRequest;

    private static void CheckAction(ProtoAction action, FieldPath at, Compilation into)
    {
        if (action.UpgradeConfigs is not [{ ConnectConfig: not null, Enabled: not false } upgrade] || !upgrade.UpgradeType.Equals("CONNECT", StringComparison.OrdinalIgnoreCase))
            into.Refuse(at.Field("upgrade_configs"), "a route with connect_matcher needs exactly one: CONNECT, enabled, with connect_config, which ends the CONNECT here");
        if (action.PrefixRewrite.Length > 0) into.Refuse(at.Field("prefix_rewrite"), "a connection has no path");
        if (action.HostRewriteSpecifierCase != ProtoAction.HostRewriteSpecifierOneofCase.None) into.Refuse(at, "a connection has no host to rewrite");
    }

    /// <summary>Empty when something was refused.</summary>
    private static ImmutableArray<ByteCluster> Checked(ImmutableArray<ByteCluster> clusters, FieldPath at, Compilation into)
    {
        var total = clusters.Aggregate(0UL, (sum, c) => sum + c.Weight);
        if (clusters.Any(c => c.Name.Length == 0)) into.Refuse(at, "a name is needed");
        else if (clusters.IsEmpty) into.Refuse(at, "at least one cluster is needed");
        else if (total is 0 or > uint.MaxValue) into.Refuse(at, $"weights must add up to 1 to {uint.MaxValue}, not to {total}");
        else return clusters;
        return [];
    }

    private static ImmutableArray<ByteCluster> Missing(FieldPath at, Compilation into)
    {
        into.Refuse(at, "one of cluster and weighted_clusters is needed");
        return [];
    }
}
