using System.Collections.Immutable;
using System.Net;
using Weft.Routing.Clusters;
using Weft.Routing.Names;

namespace Weft.Routing.Listeners;

/// <summary>One listening address and what happens to the connections it accepts (envoy.config.listener.v3.Listener). Immutable.</summary>
public sealed class Listener
{
    public required string Name { get; init; }

    /// <summary>Where it listens; port 0 asks the system for a free one.</summary>
    public required IPEndPoint Address { get; init; }

    /// <summary>On an IPv6 wildcard address, IPv4 too (ipv4_compat). Default false.</summary>
    public bool AcceptsIpv4 { get; init; }

    /// <summary>Further addresses of the same listener.</summary>
    public ImmutableArray<ListenAddress> AdditionalAddresses { get; init; } = [];

    /// <summary>Path of the network namespace that it listens in (metadata weft.dev, <c>network_namespace</c>); empty for the proxy's own.</summary>
    public string NetworkNamespace { get; init; } = "";

    /// <summary>Connections were redirected here: where each was meant to go is asked of the kernel. Default false.</summary>
    public bool RestoresDestination { get; init; }

    /// <summary>Proxies in front that say on whose behalf they connect; null reads no such headers.</summary>
    public ProxyProtocolFilter? ProxyProtocol { get; init; }

    public TrafficDirection Direction { get; init; }

    /// <summary>False for a listener that only receives what another one hands over. Default true.</summary>
    public bool BindToPort { get; init; } = true;

    /// <summary>Probing of silent clients by TCP (<c>socket_options</c>); null, the default, probes none.</summary>
    public TcpKeepalive? ClientKeepalive { get; init; }

    public required ImmutableArray<FilterChain> FilterChains { get; init; }

    /// <summary>Set for a listener that answers questions for names, over UDP and TCP; it has no filter chains. Null for every other.</summary>
    public DnsServer? Dns { get; init; }

    /// <summary>Takes the connections that no chain matches; null closes them.</summary>
    public FilterChain? DefaultFilterChain { get; init; }

    /// <summary>Soft limit in bytes on what is buffered per connection and direction. Default 1 MiB (Envoy's).</summary>
    public int PerConnectionBufferLimitBytes { get; init; } = 1024 * 1024;

    /// <summary>How long detection (transport protocol, ALPN, SNI) may wait for the client's first bytes;
    /// <see cref="Timeout.InfiniteTimeSpan"/> when unlimited. Default 15 s (Envoy's).</summary>
    public TimeSpan DetectionTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>True when some chain can only be chosen by looking at the client's first bytes.</summary>
    public bool NeedsDetection { get; init; }

    /// <summary>
    /// The chain for a connection, by Envoy's order of narrowing (<see cref="FilterChainSelection"/>).
    /// </summary>
    /// <returns>Null when nothing matches and there is no default: the connection is closed.</returns>
    public FilterChain? Select(in ConnectionFacts facts) => FilterChainSelection.Select(FilterChains.AsSpan(), facts) ?? DefaultFilterChain;
}

/// <summary>An address to listen on.</summary>
/// <param name="EndPoint">Port 0 asks the system for a free one.</param>
/// <param name="AcceptsIpv4">As <see cref="Listener.AcceptsIpv4"/>.</param>
public sealed record ListenAddress(IPEndPoint EndPoint, bool AcceptsIpv4);

public enum TrafficDirection : byte
{
    Unspecified,
    Inbound,
    Outbound,
}
