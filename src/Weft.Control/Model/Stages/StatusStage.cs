using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Control.Model.Stages;

/// <summary>Last stage: what every object is told about itself.</summary>
internal static class StatusStage
{
    public static ImmutableSortedDictionary<ResourceKey, ResourceStatus> Run(
        ImmutableSortedDictionary<ResourceKey, MeshService> services, ImmutableSortedDictionary<ResourceKey, MeshWorkload> workloads,
        ImmutableSortedDictionary<ServicePortKey, MeshEndpoints> endpoints, ImmutableSortedDictionary<ResourceKey, MeshRoute> routes,
        ImmutableSortedDictionary<ResourceKey, MeshConnectionRoute> connectionRoutes, ImmutableSortedDictionary<ServicePortKey, MeshConnectionTable> connectionTables,
        ImmutableSortedDictionary<ResourceKey, ResourceStatus>? previous, RebuildCounter counts)
    {
        var selected = endpoints.Values.SelectMany(e => e.Sources.Workloads).ToHashSet(ReferenceComparer<MeshWorkload>.Instance);
        var statuses = services.Values.Select(s => new ResourceStatus(s.Source, OfService(s, endpoints), []))
            .Concat(workloads.Values.Select(w => new ResourceStatus(w.Source, [OfWorkload(w, selected.Contains(w))], [])))
            .Concat(routes.Values.Select(r => new ResourceStatus(r.Source, [], RouteStatus.Of(r))))
            .Concat(connectionRoutes.Values.Select(r => new ResourceStatus(r.Source, [], RouteStatus.Of(r, connectionTables))));
        var next = ImmutableSortedDictionary.CreateBuilder<ResourceKey, ResourceStatus>();
        // An object that Weft has nothing to tell is left alone; a route may have had a parent in the mesh and lost it.
        foreach (var status in statuses.Where(s => !s.Conditions.IsEmpty || s.Source is RouteObject))
        {
            if (previous?.GetValueOrDefault(status.Source.Key) is { } old && old.Says(status))
            {
                next.Add(status.Source.Key, old);
                continue;
            }
            counts.Statuses++;
            next.Add(status.Source.Key, status);
        }
        return next.ToImmutable();
    }

    private static ImmutableArray<Condition> OfService(MeshService service, ImmutableSortedDictionary<ServicePortKey, MeshEndpoints> endpoints)
    {
        if (service.Ports.IsEmpty) return [];
        // The number of endpoints is no part of the message: each start and stop of a process would write to the Service.
        var empty = service.Ports.Where(p => endpoints[p.Key].Endpoints.IsEmpty).ToList();
        if (empty.Count == 0) return [new Condition(ConditionTypes.HasEndpoints, true, "EndpointsFound", "every port has endpoints that take requests")];
        var reason = empty.Exists(p => !endpoints[p.Key].Sources.Workloads.IsEmpty || !endpoints[p.Key].Sources.Slices.IsEmpty) ? "NoneTakesRequests" : "NothingSelected";
        var why = reason == "NothingSelected"
            ? "no Workload has the labels of the selector and no EndpointSlice names the Service"
            : "those selected are unhealthy, draining, without sign of life, or do not serve the port";
        return [new Condition(ConditionTypes.HasEndpoints, false, reason, $"no endpoint for {string.Join(", ", empty.Select(p => p.Key))}: {why}")];
    }

    private static Condition OfWorkload(MeshWorkload workload, bool selected) => workload switch
    {
        { Live: false } => new Condition(ConditionTypes.Ready, false, "LeaseExpired", "the Lease of the same name was not renewed in time"),
        { Source.Health: WorkloadHealth.Unhealthy } => new Condition(ConditionTypes.Ready, false, "Unhealthy", "spec.health says Unhealthy"),
        { Source.Health: WorkloadHealth.Draining } => new Condition(ConditionTypes.Ready, false, "Draining", "it finishes what it has and takes nothing new"),
        _ when !selected => new Condition(ConditionTypes.Ready, false, "NotSelected", "no Service of its namespace selects its labels"),
        _ => new Condition(ConditionTypes.Ready, true, "TakesRequests", "it is an endpoint of the Services that select it"),
    };
}
