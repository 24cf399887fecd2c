using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Control.Model;

/// <summary>An HTTPRoute with its references looked up.</summary>
/// <param name="Source">The object.</param>
/// <param name="Parents">One per parentRef of kind Service, in the order written; other parents are not the mesh's business.</param>
/// <param name="Rules">Its rules, in the order written.</param>
/// <param name="Lookups">What each reference was found to be, in a fixed order; a change of one makes the route anew.</param>
public sealed record MeshRoute(
    HttpRoute Source, ImmutableArray<MeshParent> Parents, ImmutableArray<MeshRule> Rules, ImmutableArray<object> Lookups)
{
    /// <summary>False when no rule can be carried out: the route then attaches to nothing.</summary>
    public bool IsAccepted => Rules.IsEmpty || !Rules.All(r => r.Unsupported.Length > 0);
}

/// <summary>One parentRef.</summary>
/// <param name="Reference">As written.</param>
/// <param name="Service">The Service; null when there is none of that name.</param>
/// <param name="Ports">The ports that the route attaches to.</param>
/// <param name="Refusing">Ports that the reference names and that carry what a route of its kind cannot speak of.</param>
public sealed record MeshParent(ParentRef Reference, MeshService? Service, ImmutableArray<MeshServicePort> Ports, ImmutableArray<MeshServicePort> Refusing);

/// <summary>One rule of a route.</summary>
/// <param name="Route">Key of the route.</param>
/// <param name="Index">Its place in the route, from 0.</param>
/// <param name="Source">As written.</param>
/// <param name="Backends">Its backends, in the order written.</param>
/// <param name="Unsupported">What this version cannot do, in words; empty when all can be done.</param>
public sealed record MeshRule(ResourceKey Route, int Index, HttpRouteRule Source, ImmutableArray<MeshBackend> Backends, string Unsupported)
{
    /// <summary><c>default/catalog/canary</c>: namespace, route, and the rule's name or place.</summary>
    public string Name => $"{Route.Namespace}/{Route.Name}/{(Source.Name.Length > 0 ? Source.Name : Index)}";
}

/// <summary>One backendRef.</summary>
/// <param name="Source">As written.</param>
/// <param name="Port">Where it leads; null when the reference is invalid.</param>
/// <param name="Problem">Why it is invalid.</param>
public sealed record MeshBackend(BackendRef Source, MeshServicePort? Port, BackendProblem Problem);

/// <summary>Why a backendRef leads nowhere; each is a reason of the condition ResolvedRefs.</summary>
public enum BackendProblem
{
    None,
    InvalidKind,
    RefNotPermitted,
    BackendNotFound,

    /// <summary>The port carries what a route of the kind does not send.</summary>
    UnsupportedProtocol,
}
