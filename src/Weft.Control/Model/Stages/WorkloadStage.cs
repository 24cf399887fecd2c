using System.Collections.Immutable;
using Weft.Identity;
using Weft.Resources;

namespace Weft.Control.Model.Stages;

/// <summary>Second stage: who each workload is and whether it lives.</summary>
internal static class WorkloadStage
{
    public static ImmutableSortedDictionary<ResourceKey, MeshWorkload> Run(
        IEnumerable<Workload> workloads, ImmutableHashSet<ResourceKey> expiredLeases, MeshSettings settings,
        ImmutableSortedDictionary<ResourceKey, MeshWorkload>? previous, RebuildCounter counts)
    {
        var next = ImmutableSortedDictionary.CreateBuilder<ResourceKey, MeshWorkload>();
        foreach (var workload in workloads)
        {
            var live = !expiredLeases.Contains(LeaseOf(workload));
            if (previous?.GetValueOrDefault(workload.Key) is { } old && old.Live == live && old.Identity.TrustDomain.Equals(settings.TrustDomain) && old.Source.SameIntent(workload))
            {
                next.Add(workload.Key, old);
                continue;
            }
            counts.Workloads++;
            var identity = SpiffeId.ForServiceAccount(settings.TrustDomain, workload.Metadata.Namespace, workload.ServiceAccount);
            next.Add(workload.Key, new MeshWorkload(workload, identity, live));
        }
        return next.ToImmutable();
    }

    /// <summary>The Lease that keeps a Workload alive has its name and namespace.</summary>
    private static ResourceKey LeaseOf(Workload workload) =>
        new(ResourceKinds.Lease.Group, ResourceKinds.Lease.Kind, workload.Metadata.Namespace, workload.Metadata.Name);
}
