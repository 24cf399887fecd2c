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
            var parents = route.ParentRefs.Where(p => p.IsService).Select(p => Parent(p, route, services)).ToImmutableArray();
            var rules = route.Rules.Select((r, i) => Rule(r, i, route, services)).ToImmutableArray();
            // What the references led to; the ports of a Service are what matters of it, not its labels.
            ImmutableArray<object> lookups = [.. parents.SelectMany(Lookup), .. rules.SelectMany(r => r.Backends).Select(b => (object?)b.Port ?? Nothing)];
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

    private static readonly object Nothing = new();
    private static readonly object EndOfParent = new();

    // The last item tells no parent from one without the port, and one parent's ports from the next one's.
    private static IEnumerable<object> Lookup(MeshParent parent) => parent.Ports.AsEnumerable<object>().Append(parent.Service is null ? Nothing : EndOfParent);

    private static MeshParent Parent(ParentRef reference, HttpRoute route, ImmutableSortedDictionary<ResourceKey, MeshService> services)
    {
        var ns = reference.Namespace.Length > 0 ? reference.Namespace : route.Metadata.Namespace;
        var service = services.GetValueOrDefault(new ResourceKey("", "Service", ns, reference.Name));
        var ports = service?.Ports.Where(p => (reference.Port is null || p.Key.Port == reference.Port) && (reference.SectionName.Length == 0 || p.Name == reference.SectionName));
        return new MeshParent(reference, service, [.. ports ?? []]);
    }

    private static MeshRule Rule(HttpRouteRule rule, int index, HttpRoute route, ImmutableSortedDictionary<ResourceKey, MeshService> services) =>
        new(route.Key, index, rule, [.. rule.BackendRefs.Select(b => Backend(b, route, services))], UnsupportedParts.Of(rule));

    private static MeshBackend Backend(HttpBackendRef reference, HttpRoute route, ImmutableSortedDictionary<ResourceKey, MeshService> services)
    {
        if (reference.Group is not ("" or "core") || reference.Kind != "Service") return new MeshBackend(reference, null, BackendProblem.InvalidKind);
        var ns = reference.Namespace.Length > 0 ? reference.Namespace : route.Metadata.Namespace;
        if (ns != route.Metadata.Namespace && !IsParent(reference.Name, ns, route)) return new MeshBackend(reference, null, BackendProblem.RefNotPermitted);
        var port = services.GetValueOrDefault(new ResourceKey("", "Service", ns, reference.Name))?.Port(reference.Port ?? 0);
        return new MeshBackend(reference, port, port is null ? BackendProblem.BackendNotFound : BackendProblem.None);
    }

    /// <summary>A consumer's route may send on to the very Service that was called: its callers go there without any route, so nothing is granted by it.
    /// Every other Service of another namespace needs a ReferenceGrant, which this version does not read.</summary>
    private static bool IsParent(string name, string ns, HttpRoute route) => route.ParentRefs.Any(p => p.IsService && p.Name == name && p.Namespace == ns);
}
