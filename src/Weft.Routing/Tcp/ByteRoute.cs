using System.Collections.Immutable;
using Weft.Routing.Balancing;

namespace Weft.Routing.Tcp;

/// <summary>
/// Where connections go whose bytes are passed on unread (the filter tcp_proxy.v3.TcpProxy, or a route with <c>connect_matcher</c>). Chosen from once per connection.
/// Immutable. Time limits are <see cref="Timeout.InfiniteTimeSpan"/> when switched off.
/// </summary>
public sealed class ByteRoute
{
    /// <summary>Of the filter (<c>stat_prefix</c>) or of the route configuration.</summary>
    public required string Name { get; init; }

    /// <summary>At least one; weights add up to <see cref="TotalWeight"/>.</summary>
    public required ImmutableArray<ByteCluster> Clusters { get; init; }

    /// <summary>At least 1.</summary>
    public required uint TotalWeight { get; init; }

    /// <summary>A connection without a byte in either direction is reset after this. Default 1 h (Envoy's).</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Endpoints that are tried, one after the other, until one takes the connection. Default 1, at least 1.</summary>
    public int MaxConnectAttempts { get; init; } = 1;

    /// <summary>A connection is reset at this age. Default unlimited.</summary>
    public TimeSpan MaxConnectionDuration { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>One of the clusters, by weight.</summary>
    public ByteCluster Choose(ref Chance chance)
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

/// <summary>One destination of a <see cref="ByteRoute"/>.</summary>
/// <param name="Name">The cluster's name.</param>
/// <param name="Weight">0 never gets a connection, unless it is the only one.</param>
public sealed record ByteCluster(string Name, uint Weight);
