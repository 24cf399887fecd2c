using Weft.Routing.Names;
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

    /// <summary>Services by <c>service.namespace</c> and by virtual address (canonical text). What was never asked for is not here.</summary>
    public ConfigMap<NameEntry> Names { get; init; } = ConfigMap<NameEntry>.Empty;
}

/// <summary>What is known of a route configuration: its table, or that it does not exist.</summary>
/// <param name="Table">Null: the management server said that there is none by this name.</param>
internal sealed record RouteEntry(RouteTable? Table)
{
    public static RouteEntry Absent { get; } = new((RouteTable?)null);
}

/// <summary>What is known of a name or an address: its service, or that it is none of the mesh's.</summary>
/// <param name="Service">Null: the management server said that there is none.</param>
internal sealed record NameEntry(MeshService? Service)
{
    public static NameEntry Absent { get; } = new((MeshService?)null);
}
