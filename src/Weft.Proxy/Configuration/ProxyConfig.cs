using Weft.Routing.Routes;

namespace Weft.Proxy.Configuration;

/// <summary>
/// Everything that a request may ask of the configuration, as one immutable root over shared chunks. A request reads
/// <see cref="ConfigStore.Current"/> once, at its head, and decides by that version alone.
/// </summary>
internal sealed class ProxyConfig
{
    public static ProxyConfig Empty { get; } = new();

    /// <summary>Counts versions of this process, from 0 for <see cref="Empty"/>.</summary>
    public long Generation { get; init; }

    public ConfigMap<BoundListener> Listeners { get; init; } = ConfigMap<BoundListener>.Empty;

    /// <summary>Active route configurations by name. Those that wait for a cluster are not here yet.</summary>
    public ConfigMap<RouteEntry> Routes { get; init; } = ConfigMap<RouteEntry>.Empty;

    public ConfigMap<BoundCluster> Clusters { get; init; } = ConfigMap<BoundCluster>.Empty;
}

/// <summary>What is known of a route configuration: its table, or that it does not exist.</summary>
/// <param name="Table">Null: the management server said that there is none by this name.</param>
internal sealed record RouteEntry(RouteTable? Table)
{
    public static RouteEntry Absent { get; } = new((RouteTable?)null);
}
