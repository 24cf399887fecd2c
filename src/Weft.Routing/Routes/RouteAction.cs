using System.Collections.Immutable;
using Weft.Routing.Balancing;
using Weft.Routing.Headers;
using Weft.Routing.Retries;
using Weft.Routing.Upgrades;

namespace Weft.Routing.Routes;

/// <summary>What a route does. Closed: <see cref="ForwardAction"/>, <see cref="RedirectAction"/>, <see cref="DirectResponseAction"/>.</summary>
public abstract class RouteAction
{
    private protected RouteAction() { }
}

/// <summary>Sends the request on (envoy RouteAction). Time limits are <see cref="Timeout.InfiniteTimeSpan"/> when switched off.</summary>
public sealed class ForwardAction : RouteAction
{
    /// <summary>At least one; weights add up to <see cref="TotalWeight"/>.</summary>
    public required ImmutableArray<WeightedCluster> Clusters { get; init; }

    /// <summary>At least 1.</summary>
    public required uint TotalWeight { get; init; }

    /// <summary>From the request's last byte to the response's last byte, all attempts together. Default 15 s (Envoy's).</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>From the request's head to the response's last byte, whatever the caller's own deadline says. Default: none.</summary>
    public StreamDuration Duration { get; init; } = StreamDuration.Unlimited;

    /// <summary>Silence in both directions; null leaves it to the connection manager's stream_idle_timeout.</summary>
    public TimeSpan? IdleTimeout { get; init; }

    /// <summary>Null: nothing was said; then only connect failures go to another endpoint, because they prove that nothing was processed.</summary>
    public RetryPolicy? Retry { get; init; }

    /// <summary>Null leaves the path.</summary>
    public PathRewrite? PathRewrite { get; init; }

    /// <summary>New authority, or empty to leave it.</summary>
    public ReadOnlyMemory<byte> HostRewrite { get; init; }

    /// <summary>Writes the original authority into <c>x-forwarded-host</c> when <see cref="HostRewrite"/> replaces it.</summary>
    public bool AppendForwardedHost { get; init; }

    /// <summary>Answer when the chosen cluster is unknown. Default 503 (Envoy's); only 404, 500 or 503.</summary>
    public int ClusterNotFoundStatus { get; init; } = 503;

    /// <summary>What this route says of protocol upgrades, before the connection manager's word.</summary>
    public UpgradePolicy Upgrades { get; init; } = UpgradePolicy.Silent;

    /// <summary>One of the clusters, by weight.</summary>
    public WeightedCluster Choose(ref Chance chance)
    {
        if (Clusters.Length == 1) return Clusters[0];
        var point = chance.Below(TotalWeight);
        foreach (var cluster in Clusters)
        {
            if (point < cluster.Weight) return cluster;
            point -= cluster.Weight;
        }
        return Clusters[^1];
    }
}

/// <summary>One destination of a forwarding route.</summary>
/// <param name="Name">The cluster's name.</param>
/// <param name="Weight">0 never gets a request, unless it is the only one.</param>
/// <param name="RequestHeaders">All that is to be done to the request's fields: this cluster's own, the route's, the virtual host's and the table's.</param>
/// <param name="ResponseHeaders">The same for the response.</param>
/// <param name="HostRewrite">Overrides the route's; empty leaves it.</param>
public sealed record WeightedCluster(
    string Name, uint Weight, HeaderMutations RequestHeaders, HeaderMutations ResponseHeaders, ReadOnlyMemory<byte> HostRewrite = default);

/// <summary>Answers without asking anyone (envoy DirectResponseAction).</summary>
/// <param name="status">200 to 599.</param>
/// <param name="body">May be empty. At most 4 KiB, as Envoy.</param>
public sealed class DirectResponseAction(int status, ReadOnlyMemory<byte> body) : RouteAction
{
    public int Status { get; } = status;

    public ReadOnlyMemory<byte> Body { get; } = body;
}
