using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Control.Model.Stages;

/// <summary>Sixth stage: the rules of all routes that attach to one port, in the order in which they are tried.</summary>
internal static class RouteTableStage
{
    public static ImmutableSortedDictionary<ServicePortKey, MeshRouteTable> Run(
        ImmutableSortedDictionary<ResourceKey, MeshRoute> routes, ImmutableSortedDictionary<ServicePortKey, MeshRouteTable>? previous, RebuildCounter counts)
    {
        var attached = new SortedDictionary<ServicePortKey, (MeshServicePort Port, List<MeshRoute> Routes)>();
        foreach (var route in routes.Values.Where(r => r.IsAccepted))
        {
            foreach (var port in route.Parents.SelectMany(p => p.Ports).Distinct(ReferenceComparer<MeshServicePort>.Instance))
            {
                if (!attached.TryGetValue(port.Key, out var entry)) attached.Add(port.Key, entry = (port, []));
                entry.Routes.Add(route);
            }
        }
        var next = ImmutableSortedDictionary.CreateBuilder<ServicePortKey, MeshRouteTable>();
        foreach (var (key, (port, sources)) in attached)
        {
            if (previous?.GetValueOrDefault(key) is { } old && ReferenceEquals(old.Port, port) && old.Sources.SequenceEqual(sources, ReferenceComparer<MeshRoute>.Instance))
            {
                next.Add(key, old);
                continue;
            }
            counts.RouteTables++;
            next.Add(key, Make(port, sources));
        }
        return next.ToImmutable();
    }

    private static MeshRouteTable Make(MeshServicePort port, List<MeshRoute> sources)
    {
        var byNamespace = sources.ToLookup(r => r.Source.Metadata.Namespace);
        var consumers = byNamespace.Where(g => g.Key != port.Key.Namespace).ToImmutableSortedDictionary(g => g.Key, g => RulePrecedence.Order(g), StringComparer.Ordinal);
        return new MeshRouteTable(port, RulePrecedence.Order(byNamespace[port.Key.Namespace]), consumers, [.. sources]);
    }
}
