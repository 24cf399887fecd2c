using Weft.Routing.Clusters;
using Weft.Routing.Listeners;
using Weft.Routing.Routes;

namespace Weft.Proxy.Configuration;

/// <summary>Which resource names which: what is to be asked for, and what is waited for.</summary>
internal static class References
{
    /// <summary>Clusters that a table in use or waiting may send to.</summary>
    public static IEnumerable<string> Clusters(ResourceSlots<RouteTable> routes, ResourceSlots<Listener> listeners) =>
        Both(routes).SelectMany(r => r.ClusterNames).Concat(Both(listeners).SelectMany(Clusters));

    /// <summary>Clusters that a table in use may send to.</summary>
    public static HashSet<string> ActiveClusters(ResourceSlots<RouteTable> routes, ResourceSlots<Listener> listeners) =>
        routes.All.Select(s => s.Active).OfType<RouteTable>().SelectMany(r => r.ClusterNames)
            .Concat(listeners.All.Select(s => s.Active).OfType<Listener>().SelectMany(Clusters))
            .ToHashSet(StringComparer.Ordinal);

    /// <summary>Endpoint assignments of EDS clusters.</summary>
    public static HashSet<string> Assignments(ResourceSlots<Cluster> clusters) =>
        Both(clusters).Where(c => c.Type == DiscoveryType.Eds).Select(c => c.EdsServiceName).ToHashSet(StringComparer.Ordinal);

    public static IEnumerable<string> Routes(ResourceSlots<Listener> listeners) => Both(listeners).SelectMany(Routes);

    public static IEnumerable<string> Secrets(ResourceSlots<Cluster> clusters, ResourceSlots<Listener> listeners) =>
        Both(clusters).SelectMany(Secrets).Concat(Both(listeners).SelectMany(Secrets));

    public static IEnumerable<string> Clusters(Listener listener) =>
        Chains(listener).Select(c => c.Http?.Routes).OfType<RouteSource.Inline>().SelectMany(r => r.Table.ClusterNames)
            .Concat(Chains(listener).SelectMany(c => c.Bytes?.Clusters ?? []).Select(c => c.Name));

    public static IEnumerable<string> Routes(Listener listener) => Chains(listener).Select(c => c.Http?.Routes).OfType<RouteSource.Named>().Select(r => r.Name);

    public static IEnumerable<string> Secrets(Listener listener) => Chains(listener).SelectMany(c => TlsContexts.SecretsOf(c.Tls?.Common));

    public static IEnumerable<string> Secrets(Cluster cluster) => cluster.Transports.SelectMany(t => TlsContexts.SecretsOf(t.Tls?.Common));

    private static IEnumerable<FilterChain> Chains(Listener listener) =>
        listener.DefaultFilterChain is { } last ? listener.FilterChains.Append(last) : listener.FilterChains;

    private static IEnumerable<T> Both<T>(ResourceSlots<T> slots) where T : class => slots.All.SelectMany(s => new[] { s.Active, s.Pending }).OfType<T>();
}
