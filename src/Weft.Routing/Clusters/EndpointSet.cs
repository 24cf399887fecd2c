using System.Collections.Immutable;

namespace Weft.Routing.Clusters;

/// <summary>Where a cluster is now: one endpoint assignment in the form that balancing reads. Immutable.</summary>
public sealed class EndpointSet
{
    /// <summary>Groups <paramref name="endpoints"/> by priority and health.</summary>
    public EndpointSet(string name, ImmutableArray<Endpoint> endpoints)
    {
        Name = name;
        Endpoints = endpoints;
        Priorities = [.. endpoints.GroupBy(e => e.Priority).OrderBy(g => g.Key).Select(g => new EndpointPriority([.. g]))];
    }

    /// <summary>Name of the assignment (the cluster's EDS service name, or the cluster's name for inline endpoints).</summary>
    public string Name { get; }

    /// <summary>All of them, in the order received.</summary>
    public ImmutableArray<Endpoint> Endpoints { get; }

    /// <summary>Most wanted first; priorities without endpoints are absent.</summary>
    public ImmutableArray<EndpointPriority> Priorities { get; }

    public static EndpointSet Empty(string name) => new(name, []);
}

/// <summary>The endpoints of one priority: all of them, and those that may be chosen while there is no panic.</summary>
public sealed class EndpointPriority
{
    internal EndpointPriority(Endpoint[] endpoints)
    {
        All = new EndpointGroup(endpoints);
        var healthy = endpoints.Where(e => e.Health is EndpointHealth.Unknown or EndpointHealth.Healthy).ToArray();
        // Degraded endpoints serve when no healthy one is left.
        if (healthy.Length == 0) healthy = [.. endpoints.Where(e => e.Health is EndpointHealth.Degraded)];
        Usable = healthy.Length == endpoints.Length ? All : new EndpointGroup(healthy);
    }

    public EndpointGroup All { get; }

    public EndpointGroup Usable { get; }
}
