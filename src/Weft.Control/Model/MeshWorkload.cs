using Weft.Identity;
using Weft.Resources;

namespace Weft.Control.Model;

/// <summary>A Workload with what the mesh derives from it.</summary>
/// <param name="Source">The object.</param>
/// <param name="Identity">Who it must prove to be.</param>
/// <param name="Live">False when its Lease has expired; a Workload without Lease always lives.</param>
public sealed record MeshWorkload(Workload Source, SpiffeId Identity, bool Live)
{
    /// <summary>True when new requests may go there.</summary>
    public bool TakesRequests => Live && Source.Health == WorkloadHealth.Healthy;
}
