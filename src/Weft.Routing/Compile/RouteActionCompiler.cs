using System.Collections.Immutable;
using System.Text;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Weft.Routing.Matching;
using Weft.Routing.Routes;
using ForwardAction = Weft.Routing.Routes.ForwardAction;
using ProtoAction = Envoy.Config.Route.V3.RouteAction;
using ProtoDirect = Envoy.Config.Route.V3.DirectResponseAction;
using ProtoRedirect = Envoy.Config.Route.V3.RedirectAction;
using ProtoRetry = Weft.Routing.Retries.RetryPolicy;
using ProtoRoute = Envoy.Config.Route.V3.Route;
using RouteAction = Weft.Routing.Routes.RouteAction;
using WeightedCluster = Weft.Routing.Routes.WeightedCluster;

namespace Weft.Routing.Compile;

/// <summary>What a route does: forward, redirect or answer.</summary>
internal static class RouteActionCompiler
{
    /// <summary>Envoy's default when a route says nothing of its timeout.</summary>
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(15);

    public static RouteAction? Compile(
        ProtoRoute route, RouteCondition? match, ProtoRetry? hostRetry, HeaderLevels levels, int maxBody, FieldPath at, Compilation into)
    {
        switch (route.ActionCase)
        {
            case ProtoRoute.ActionOneofCase.Route_:
                return Forward(route.Route_, match, hostRetry, levels, at.Field("route"), into);
            case ProtoRoute.ActionOneofCase.Redirect:
                return Redirect(route.Redirect, match, at.Field("redirect"), into);
            case ProtoRoute.ActionOneofCase.DirectResponse:
                return Direct(route.DirectResponse, maxBody, at.Field("direct_response"), into);
            case ProtoRoute.ActionOneofCase.None:
                into.Refuse(at, "one of route, redirect and direct_response is needed");
                return null;
            default:
                return null; // the others stand on the refused list
        }
    }

    private static ForwardAction? Forward(
        ProtoAction action, RouteCondition? match, ProtoRetry? hostRetry, HeaderLevels levels, FieldPath at, Compilation into)
    {
        if (action.Priority != RoutingPriority.Default) into.Refuse(at.Field("priority"), "only DEFAULT is supported");
        if (action.HostRewriteSpecifierCase == ProtoAction.HostRewriteSpecifierOneofCase.AutoHostRewrite && action.AutoHostRewrite is true)
            into.Refuse(at.Field("auto_host_rewrite"), "is not supported: use host_rewrite_literal");
        CheckAuthority(action.HostRewriteLiteral, at.Field("host_rewrite_literal"), into);
        var clusters = Clusters(action, levels, at, into);
        if (clusters.IsDefaultOrEmpty) return null;
        return new ForwardAction
        {
            Clusters = clusters,
            TotalWeight = (uint)clusters.Sum(c => c.Weight),
            Timeout = into.Limit(action.Timeout, DefaultTimeout, at.Field("timeout")),
            Duration = Duration(action.MaxStreamDuration, at.Field("max_stream_duration"), into),
            IdleTimeout = action.IdleTimeout is null ? null : into.Limit(action.IdleTimeout, Timeout.InfiniteTimeSpan, at.Field("idle_timeout")),
            Retry = action.RetryPolicy is null ? hostRetry : RetryCompiler.Compile(action.RetryPolicy, at.Field("retry_policy"), into),
            PathRewrite = Rewrite(action.PrefixRewrite, match, at.Field("prefix_rewrite"), into),
            HostRewrite = Encoding.UTF8.GetBytes(action.HostRewriteLiteral),
            AppendForwardedHost = action.AppendXForwardedHost,
            Upgrades = UpgradeCompiler.Compile(action.UpgradeConfigs, at, into),
            ClusterNotFoundStatus = action.ClusterNotFoundResponseCode switch
            {
                ProtoAction.Types.ClusterNotFoundResponseCode.NotFound => 404,
                ProtoAction.Types.ClusterNotFoundResponseCode.InternalServerError => 500,
                _ => 503,
            },
        };
    }

    private static StreamDuration Duration(ProtoAction.Types.MaxStreamDuration? duration, FieldPath at, Compilation into) =>
        duration is null ? StreamDuration.Unlimited : new StreamDuration
        {
            Max = into.Limit(duration.MaxStreamDuration_, Timeout.InfiniteTimeSpan, at.Field("max_stream_duration")),
            GrpcMax = duration.GrpcTimeoutHeaderMax is null ? null : into.Time(duration.GrpcTimeoutHeaderMax, TimeSpan.Zero, at.Field("grpc_timeout_header_max")),
            GrpcOffset = into.Time(duration.GrpcTimeoutHeaderOffset, TimeSpan.Zero, at.Field("grpc_timeout_header_offset")),
        };

    private static ImmutableArray<WeightedCluster> Clusters(ProtoAction action, HeaderLevels levels, FieldPath at, Compilation into)
    {
        switch (action.ClusterSpecifierCase)
        {
            case ProtoAction.ClusterSpecifierOneofCase.Cluster:
                if (action.Cluster.Length == 0) into.Refuse(at.Field("cluster"), "a name is needed");
                var (request, response) = levels.Merge();
                return [new WeightedCluster(action.Cluster, 1, request, response)];
            case ProtoAction.ClusterSpecifierOneofCase.WeightedClusters:
                return Weighted(action.WeightedClusters, levels, at.Field("weighted_clusters"), into);
            case ProtoAction.ClusterSpecifierOneofCase.None:
                into.Refuse(at, "one of cluster and weighted_clusters is needed");
                return [];
            default:
                return []; // the others stand on the refused list
        }
    }

    private static ImmutableArray<WeightedCluster> Weighted(
        Envoy.Config.Route.V3.WeightedCluster weighted, HeaderLevels levels, FieldPath at, Compilation into)
    {
        var clusters = ImmutableArray.CreateBuilder<WeightedCluster>(weighted.Clusters.Count);
        var total = 0UL;
        for (var i = 0; i < weighted.Clusters.Count; i++)
        {
            var cluster = weighted.Clusters[i];
            var clusterAt = at.Field("clusters", i);
            if (cluster.Name.Length == 0) into.Refuse(clusterAt.Field("name"), "a name is needed");
            CheckAuthority(cluster.HostRewriteLiteral, clusterAt.Field("host_rewrite_literal"), into);
            var (request, response) = levels.Merge(
                HeaderCompiler.Compile(cluster.RequestHeadersToAdd, cluster.RequestHeadersToRemove, "request", clusterAt, into),
                HeaderCompiler.Compile(cluster.ResponseHeadersToAdd, cluster.ResponseHeadersToRemove, "response", clusterAt, into));
            total += cluster.Weight ?? 0;
            clusters.Add(new WeightedCluster(cluster.Name, cluster.Weight ?? 0, request, response, Encoding.UTF8.GetBytes(cluster.HostRewriteLiteral)));
        }
        if (weighted.Clusters.Count == 0) into.Refuse(at.Field("clusters"), "at least one cluster is needed");
        else if (total is 0 or > uint.MaxValue) into.Refuse(at.Field("clusters"), $"weights must add up to 1 to {uint.MaxValue}, not to {total}");
        return clusters.ToImmutable();
    }

    private static Routes.RedirectAction? Redirect(ProtoRedirect redirect, RouteCondition? match, FieldPath at, Compilation into)
    {
        var scheme = redirect.HttpsRedirect ? "https" : redirect.SchemeRedirect;
        if (scheme is not ("" or "http" or "https")) into.Refuse(at.Field("scheme_redirect"), $"\"{scheme}\" is neither http nor https");
        if (redirect.PortRedirect > ushort.MaxValue) into.Refuse(at.Field("port_redirect"), $"{redirect.PortRedirect} is outside 1 to 65535");
        CheckAuthority(redirect.HostRedirect, at.Field("host_redirect"), into);
        if (!Values.IsFieldValue(redirect.PathRedirect)) into.Refuse(at.Field("path_redirect"), "a path holds no line break and no NUL");
        var status = redirect.ResponseCode switch
        {
            ProtoRedirect.Types.RedirectResponseCode.MovedPermanently => 301,
            ProtoRedirect.Types.RedirectResponseCode.Found => 302,
            ProtoRedirect.Types.RedirectResponseCode.SeeOther => 303,
            ProtoRedirect.Types.RedirectResponseCode.TemporaryRedirect => 307,
            ProtoRedirect.Types.RedirectResponseCode.PermanentRedirect => 308,
            _ => 0,
        };
        if (status == 0) into.Refuse(at.Field("response_code"), $"{(int)redirect.ResponseCode} is not a known code");
        return new Routes.RedirectAction
        {
            Status = status,
            Scheme = Encoding.ASCII.GetBytes(scheme),
            Host = Encoding.UTF8.GetBytes(redirect.HostRedirect),
            Port = redirect.PortRedirect == 0 ? null : (int)redirect.PortRedirect,
            Path = Encoding.UTF8.GetBytes(redirect.PathRedirect),
            PathRewrite = Rewrite(redirect.PrefixRewrite, match, at.Field("prefix_rewrite"), into),
            StripQuery = redirect.StripQuery,
        };
    }

    private static Routes.DirectResponseAction? Direct(ProtoDirect direct, int maxBody, FieldPath at, Compilation into)
    {
        if (direct.Status is < 200 or > 599) into.Refuse(at.Field("status"), $"{direct.Status} is outside 200 to 599");
        if (direct.Body is { Filename.Length: > 0 }) into.Refuse(at.Field("body").Field("filename"), "is not supported here: write the body inline");
        ReadOnlyMemory<byte> body = direct.Body?.SpecifierCase switch
        {
            DataSource.SpecifierOneofCase.InlineBytes => direct.Body.InlineBytes.Memory,
            DataSource.SpecifierOneofCase.InlineString => Encoding.UTF8.GetBytes(direct.Body.InlineString),
            _ => default,
        };
        if (body.Length > maxBody) into.Refuse(at.Field("body"), $"{body.Length} bytes are over max_direct_response_body_size_bytes, {maxBody}");
        return new Routes.DirectResponseAction((int)direct.Status, body);
    }

    /// <summary>Replaces what the route matched: the prefix, or the whole path where that was compared.</summary>
    private static PathRewrite? Rewrite(string replacement, RouteCondition? match, FieldPath at, Compilation into)
    {
        if (replacement.Length == 0) return null;
        if (!Values.IsFieldValue(replacement) || replacement.AsSpan().ContainsAny(' ', '?', '#')) into.Refuse(at, $"\"{replacement}\" is not a path");
        var byPrefix = match?.Path.Kind is PathMatchKind.Prefix or PathMatchKind.SegmentPrefix;
        return new PathRewrite(Encoding.UTF8.GetBytes(replacement), byPrefix ? match!.Path.Value.Length : -1);
    }

    private static void CheckAuthority(string authority, FieldPath at, Compilation into)
    {
        if (!Values.IsFieldValue(authority) || authority.AsSpan().ContainsAny(' ', '/', '@')) into.Refuse(at, $"\"{authority}\" is not a host");
    }
}
