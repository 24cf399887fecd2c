using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Control.Model.Stages;

/// <summary>Fifth stage: each HTTPRoute with its parents and backends looked up.</summary>
internal static class RouteStage
{
    public static ImmutableSortedDictionary<ResourceKey, MeshRoute> Run(
        IEnumerable<HttpRoute> routes, ImmutableSortedDictionary<ResourceKey, MeshService> services,
        ImmutableSortedDictionary<ResourceKey, MeshRoute>? previous, RebuildCounter counts)
    {
        var next = ImmutableSortedDictionary.CreateBuilder<ResourceKey, MeshRoute>();
        foreach (var route in routes)
        {
            var references = new RouteReferences(route, services);
            var parents = references.Parents(p => p.CarriesHttp);
            ImmutableArray<MeshRule> rules = [.. route.Rules.Select((r, i) => new MeshRule(route.Key, i, r, references.Backends(r.BackendRefs, p => p.CarriesHttp), UnsupportedParts.Of(r)))];
            var lookups = RouteReferences.Lookups(parents, rules.SelectMany(r => r.Backends));
            if (previous?.GetValueOrDefault(route.Key) is { } old && old.Source.SameIntent(route) && old.Lookups.SequenceEqual(lookups, ReferenceComparer<object>.Instance))
            {
                next.Add(route.Key, old);
                continue;
            }
            counts.Routes++;
            next.Add(route.Key, new MeshRoute(route, parents, rules, lookups));
        }
        return next.ToImmutable();
    }
}
