using System.Collections.Immutable;
using Weft.Routing.Matching;
using Weft.Routing.Requests;

namespace Weft.Routing.Routes;

/// <summary>One RouteConfiguration in the form that requests are matched against. Immutable.</summary>
public sealed class RouteTable
{
    private readonly DomainIndex _domains;

    internal RouteTable(string name, ImmutableArray<VirtualHost> virtualHosts, bool ignorePort)
    {
        Name = name;
        VirtualHosts = virtualHosts;
        ClusterNames = [.. virtualHosts.SelectMany(h => h.Routes).Select(r => r.Action).OfType<ForwardAction>()
            .SelectMany(f => f.Clusters).Select(c => c.Name).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        _domains = new DomainIndex(virtualHosts, ignorePort);
    }

    public string Name { get; }

    public ImmutableArray<VirtualHost> VirtualHosts { get; }

    /// <summary>Every cluster that some route of this table may send to, sorted.</summary>
    public ImmutableArray<string> ClusterNames { get; }

    /// <summary>The virtual host by authority, then its first route that matches. Allocates nothing.</summary>
    public RouteMatch Match(in RequestHead head)
    {
        var host = _domains.Find(head.Authority);
        if (host is null) return new RouteMatch(null, null, RouteMiss.NoVirtualHost);
        var route = host.Find(head);
        return route is null ? new RouteMatch(host, null, RouteMiss.NoRoute) : new RouteMatch(host, route, RouteMiss.None);
    }
}

/// <summary>What matching found. <paramref name="Route"/> is null exactly when <paramref name="Miss"/> says why.</summary>
public readonly record struct RouteMatch(VirtualHost? VirtualHost, Route? Route, RouteMiss Miss);

public enum RouteMiss : byte
{
    /// <summary>A route was found.</summary>
    None,

    /// <summary>No virtual host has a domain for the request's authority.</summary>
    NoVirtualHost,

    /// <summary>The virtual host has no route for this request.</summary>
    NoRoute,
}
