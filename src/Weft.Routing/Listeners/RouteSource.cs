using System.Collections.Immutable;
using System.Net;
using Weft.Routing.Routes;

namespace Weft.Routing.Listeners;

/// <summary>Where a connection manager finds its routes. Closed: the four cases below.</summary>
public abstract record RouteSource
{
    private RouteSource() { }

    /// <summary>Written in the listener itself.</summary>
    public sealed record Inline(RouteTable Table) : RouteSource;

    /// <summary>A RouteConfiguration asked for by name (rds).</summary>
    public sealed record Named(string Name) : RouteSource;

    /// <summary>Chosen per request by its authority (filter weft.v1.ForwardProxy).</summary>
    /// <param name="DefaultNamespace">Namespace of a name with one label.</param>
    /// <param name="DomainSuffixes">Removed before labels are counted; longest first, lower case, without leading dot.</param>
    /// <param name="LookupTimeout">How long a request waits for its routes the first time. Default 2 s.</param>
    /// <param name="Egress">What becomes of what is not in the mesh.</param>
    public sealed record ForwardProxy(string DefaultNamespace, ImmutableArray<string> DomainSuffixes, TimeSpan LookupTimeout, Egress Egress) : RouteSource;

    /// <summary>Chosen per connection by the address that the client wanted to reach (filter weft.v1.Transparent).</summary>
    /// <param name="LookupTimeout">How long a connection waits, the first time, for the name behind its destination and for its routes, each. Default 2 s.</param>
    /// <param name="Egress">What becomes of what is not in the mesh.</param>
    /// <param name="DenialGrace">How long the client of a connection that is denied has to show that it speaks HTTP. Default 1 s.</param>
    /// <param name="VirtualAddresses">Where the mesh takes its services' addresses from: nothing in there is outside of the mesh, whether a service has it or not.</param>
    public sealed record Transparent(TimeSpan LookupTimeout, Egress Egress, TimeSpan DenialGrace, ImmutableArray<IPNetwork> VirtualAddresses) : RouteSource
    {
        public bool IsVirtual(IPAddress address) => VirtualAddresses.Any(range => range.Contains(address));
    }
}
