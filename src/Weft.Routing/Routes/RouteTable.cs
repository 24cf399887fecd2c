using System.Collections.Immutable;
using Weft.Routing.Matching;
using Weft.Routing.Requests;
using Weft.Routing.Tcp;

namespace Weft.Routing.Routes;

/// <summary>One RouteConfiguration in the form that requests are matched against. Immutable.</summary>
public sealed class RouteTable
{
    private readonly DomainIndex _domains;

    internal RouteTable(string name, ImmutableArray<VirtualHost> virtualHosts, bool ignorePort, ByteRoutes? bytes = null, bool clientsSpeakHttp = false)
    {
        Name = name;
        VirtualHosts = virtualHosts;
        Bytes = bytes;
        ClientsSpeakHttp = clientsSpeakHttp;
        IsHttp = virtualHosts.Any(h => !h.Routes.IsEmpty);
        ClusterNames = [.. virtualHosts.SelectMany(h => h.Routes).Select(r => r.Action).OfType<ForwardAction>()
            .SelectMany(f => f.Clusters).Select(c => c.Name)
            .Concat(bytes is null ? [] : bytes.All.SelectMany(r => r.Clusters).Select(c => c.Name)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        _domains = new DomainIndex(virtualHosts, ignorePort);
    }

    public string Name { get; }

    public ImmutableArray<VirtualHost> VirtualHosts { get; }

    /// <summary>Where connections go whose bytes are passed on unread; null: only HTTP is spoken here.</summary>
    public ByteRoutes? Bytes { get; }

    /// <summary>Some route takes requests. With <see cref="Bytes"/> as well nobody has declared what is spoken, and whoever speaks first shows it.</summary>
    public bool IsHttp { get; }

    /// <summary>Where nobody has declared what is spoken: others have found out that clients speak HTTP (metadata <c>weft.dev</c>, <c>clients: http</c>). A hint, which may be wrong.</summary>
    public bool ClientsSpeakHttp { get; }

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
