using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Control.Model.Stages;

/// <summary>What the references of a route lead to.</summary>
/// <param name="route">The route.</param>
/// <param name="services">Every Service.</param>
internal sealed class RouteReferences(RouteObject route, ImmutableSortedDictionary<ResourceKey, MeshService> services)
{
    private static readonly object Nothing = new();
    private static readonly object Unfit = new();
    private static readonly object EndOfParent = new();

    /// <summary>The parents in the mesh.</summary>
    /// <param name="attaches">Whether a route of this kind can attach to a port.</param>
    public ImmutableArray<MeshParent> Parents(Func<MeshServicePort, bool> attaches) => [.. route.ParentRefs.Where(p => p.IsService).Select(p => Parent(p, attaches))];

    /// <param name="references">As written.</param>
    /// <param name="takes">Whether a port takes what a route of this kind sends.</param>
    public ImmutableArray<MeshBackend> Backends(ImmutableArray<BackendRef> references, Func<MeshServicePort, bool> takes) => [.. references.Select(r => Backend(r, takes))];

    /// <summary>What was found, in a fixed order: the ports of a Service are what matters of it, not its labels.</summary>
    public static ImmutableArray<object> Lookups(ImmutableArray<MeshParent> parents, IEnumerable<MeshBackend> backends) =>
        [.. parents.SelectMany(Lookup), .. backends.Select(b => b.Port ?? (b.Problem == BackendProblem.UnsupportedProtocol ? Unfit : Nothing))];

    // The last item tells no parent from one without the port, and one parent's ports from the next one's.
    private static IEnumerable<object> Lookup(MeshParent parent) =>
        parent.Ports.Concat(parent.Refusing).AsEnumerable<object>().Append(parent.Service is null ? Nothing : EndOfParent);

    private MeshParent Parent(ParentRef reference, Func<MeshServicePort, bool> attaches)
    {
        var ns = reference.Namespace.Length > 0 ? reference.Namespace : route.Metadata.Namespace;
        var service = services.GetValueOrDefault(new ResourceKey("", "Service", ns, reference.Name));
        var named = (service?.Ports ?? [])
            .Where(p => (reference.Port is null || p.Key.Port == reference.Port) && (reference.SectionName.Length == 0 || p.Name == reference.SectionName)).ToLookup(attaches);
        return new MeshParent(reference, service, [.. named[true]], [.. named[false]]);
    }

    private MeshBackend Backend(BackendRef reference, Func<MeshServicePort, bool> takes)
    {
        if (reference.Group is not ("" or "core") || reference.Kind != "Service") return new MeshBackend(reference, null, BackendProblem.InvalidKind);
        var ns = reference.Namespace.Length > 0 ? reference.Namespace : route.Metadata.Namespace;
        if (ns != route.Metadata.Namespace && !IsParent(reference.Name, ns)) return new MeshBackend(reference, null, BackendProblem.RefNotPermitted);
        var port = services.GetValueOrDefault(new ResourceKey("", "Service", ns, reference.Name))?.Port(reference.Port ?? 0);
        if (port is null) return new MeshBackend(reference, null, BackendProblem.BackendNotFound);
        return takes(port) ? new MeshBackend(reference, port, BackendProblem.None) : new MeshBackend(reference, null, BackendProblem.UnsupportedProtocol);
    }

    /// <summary>A consumer's route may send on to the very Service that was called: its callers go there without any route, so nothing is granted by it.
    /// Every other Service of another namespace needs a ReferenceGrant, which this version does not read.</summary>
    private bool IsParent(string name, string ns) => route.ParentRefs.Any(p => p.IsService && p.Name == name && p.Namespace == ns);
}
