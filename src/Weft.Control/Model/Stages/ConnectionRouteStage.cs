using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Control.Model.Stages;

/// <summary>Seventh stage: each TCPRoute and TLSRoute with its references looked up, and those of one port in the order of their age.</summary>
internal static class ConnectionRouteStage
{
    public static ImmutableSortedDictionary<ResourceKey, MeshConnectionRoute> Run(
        IEnumerable<ConnectionRoute> routes, ImmutableSortedDictionary<ResourceKey, MeshService> services,
        ImmutableSortedDictionary<ResourceKey, MeshConnectionRoute>? previous, RebuildCounter counts)
    {
        var next = ImmutableSortedDictionary.CreateBuilder<ResourceKey, MeshConnectionRoute>();
        foreach (var route in routes)
        {
            var references = new RouteReferences(route, services);
            // What nobody looks into may be TLS; a server name is found in TLS alone.
            var parents = references.Parents(route is TlsRoute ? p => p.Protocol.Protocol is PortProtocol.Tls or PortProtocol.Undeclared : p => p.CarriesBytes);
            var backends = references.Backends(route.BackendRefs, p => p.CarriesBytes);
            var lookups = RouteReferences.Lookups(parents, backends);
            if (previous?.GetValueOrDefault(route.Key) is { } old && old.Source.SameIntent(route) && old.Lookups.SequenceEqual(lookups, ReferenceComparer<object>.Instance))
            {
                next.Add(route.Key, old);
                continue;
            }
            counts.Routes++;
            next.Add(route.Key, new MeshConnectionRoute(route, parents, backends, lookups));
        }
        return next.ToImmutable();
    }

    public static ImmutableSortedDictionary<ServicePortKey, MeshConnectionTable> Tables(
        ImmutableSortedDictionary<ResourceKey, MeshConnectionRoute> routes, ImmutableSortedDictionary<ServicePortKey, MeshConnectionTable>? previous, RebuildCounter counts)
    {
        var next = ImmutableSortedDictionary.CreateBuilder<ServicePortKey, MeshConnectionTable>();
        // The order of Gateway API between routes that say the same: the oldest, then by name. One that the store has not dated yet is the youngest.
        var attached = routes.Values
            .OrderBy(r => r.Source.Metadata.CreationTimestamp ?? DateTimeOffset.MaxValue).ThenBy(r => r.Name, StringComparer.Ordinal)
            .SelectMany(r => r.Parents.SelectMany(p => p.Ports).Distinct(ReferenceComparer<MeshServicePort>.Instance).Select(p => (Port: p, Route: r)));
        foreach (var group in attached.GroupBy(a => a.Port, ReferenceComparer<MeshServicePort>.Instance))
        {
            ImmutableArray<MeshConnectionRoute> sources = [.. group.Select(a => a.Route)];
            if (previous?.GetValueOrDefault(group.Key.Key) is { } old && ReferenceEquals(old.Port, group.Key) && old.Routes.SequenceEqual(sources, ReferenceComparer<MeshConnectionRoute>.Instance))
            {
                next.Add(group.Key.Key, old);
                continue;
            }
            counts.RouteTables++;
            next.Add(group.Key.Key, new MeshConnectionTable(group.Key, sources));
        }
        return next.ToImmutable();
    }
}
