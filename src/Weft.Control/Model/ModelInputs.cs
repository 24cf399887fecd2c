using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Control.Model;

/// <summary>All that the model is a function of. Time enters as data: who decides that a Lease has expired puts its key here.</summary>
/// <param name="Resources">Every object of the mesh, in any order, each key once. Objects that did not change should be the same instances as
/// before: then finding that out costs nothing.</param>
/// <param name="ExpiredLeases">Keys of Leases whose time is over.</param>
/// <param name="Revision">Grows with every build; for Weft the store's revision.</param>
public sealed record ModelInputs(IReadOnlyCollection<ResourceObject> Resources, ImmutableHashSet<ResourceKey> ExpiredLeases, long Revision)
{
    /// <summary>Ports that declare nothing and whose clients speak HTTP, as proxies have found out; the same instance while that does not change.</summary>
    public ImmutableHashSet<ServicePortKey> HttpPorts { get; init; } = [];
}
