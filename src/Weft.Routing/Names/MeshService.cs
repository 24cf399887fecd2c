using System.Collections.Immutable;
using System.Net;

namespace Weft.Routing.Names;

/// <summary>A service of the mesh and the addresses that its name stands for (weft.v1.Name). Immutable.</summary>
/// <param name="Service">Its name, lower case.</param>
/// <param name="Namespace">Its namespace, lower case.</param>
/// <param name="Addresses">Virtual ones, in the order in which they are told; of a headless service those of its endpoints. May be empty.</param>
/// <param name="IsHeadless">A connection to one of the addresses goes to that endpoint, not to the service.</param>
public sealed record MeshService(string Service, string Namespace, ImmutableArray<IPAddress> Addresses, bool IsHeadless)
{
    /// <summary><c>service.namespace</c>.</summary>
    public string Key { get; } = $"{Service}.{Namespace}";
}
