using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Weft.Routing.Clusters;

/// <summary>Where a cluster is now: one endpoint assignment in the form that balancing reads. Immutable.</summary>
public sealed class EndpointSet
{
    /// <summary>Groups <paramref name="endpoints"/> by priority and health.</summary>
    public EndpointSet(string name, ImmutableArray<Endpoint> endpoints)
    {
        Name = name;
        Endpoints = endpoints;
        Priorities = Group(endpoints);
    }

    /// <summary>Name of the assignment (the cluster's EDS service name, or the cluster's name for inline endpoints).</summary>
    public string Name { get; }

    /// <summary>All of them, in the order received.</summary>
    public ImmutableArray<Endpoint> Endpoints { get; }

    /// <summary>Most wanted first; priorities without endpoints are absent.</summary>
    public ImmutableArray<EndpointPriority> Priorities { get; }

    public static EndpointSet Empty(string name) => new(name, []);

    private static ImmutableArray<EndpointPriority> Group(ImmutableArray<Endpoint> endpoints)
    {
        if (endpoints.IsEmpty) return [];
        // One priority is the rule; it shares the array.
        if (endpoints.All(e => e.Priority == endpoints[0].Priority)) return [new EndpointPriority(ImmutableCollectionsMarshal.AsArray(endpoints)!)];
        return [.. endpoints.GroupBy(e => e.Priority).OrderBy(g => g.Key).Select(g => new EndpointPriority([.. g]))];
    }
}

/// <summary>The endpoints of one priority: all of them, and those that may be chosen while there is no panic.</summary>
public sealed class EndpointPriority
{
    internal EndpointPriority(Endpoint[] endpoints)
    {
        All = new EndpointGroup(endpoints);
        if (Array.TrueForAll(endpoints, IsHealthy))
        {
            Usable = All;
            return;
        }
        var usable = Array.FindAll(endpoints, IsHealthy);
        // Degraded endpoints serve when no healthy one is left.
        if (usable.Length == 0) usable = Array.FindAll(endpoints, e => e.Health is EndpointHealth.Degraded);
        Usable = new EndpointGroup(usable);
    }

    public EndpointGroup All { get; }

    public EndpointGroup Usable { get; }

    private static bool IsHealthy(Endpoint endpoint) => endpoint.Health is EndpointHealth.Unknown or EndpointHealth.Healthy;
}
