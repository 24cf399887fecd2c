using System.Collections.Immutable;
using System.Net;

namespace Weft.Routing.Listeners;

/// <summary>One listening address and what happens to the connections it accepts (envoy.config.listener.v3.Listener). Immutable.</summary>
public sealed class Listener
{
    public required string Name { get; init; }

    /// <summary>Where it listens; port 0 asks the system for a free one.</summary>
    public required IPEndPoint Address { get; init; }

    public TrafficDirection Direction { get; init; }

    /// <summary>False for a listener that only receives what another one hands over. Default true.</summary>
    public bool BindToPort { get; init; } = true;

    public required ImmutableArray<FilterChain> FilterChains { get; init; }

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
    /// The chain for a connection. Envoy's order: server name, then transport protocol, then application protocol; at each
    /// step only the chains with the most specific match stay, and a later step never brings back one that an earlier dropped.
    /// </summary>
    /// <param name="transportProtocol"><c>tls</c> or <c>raw_buffer</c>.</param>
    /// <param name="serverName">SNI in lower case; empty when there is none.</param>
    /// <param name="applicationProtocols">The client's ALPN offers in its order.</param>
    /// <returns>Null when nothing matches and there is no default: the connection is closed.</returns>
    public FilterChain? Select(string transportProtocol, string serverName, ReadOnlySpan<string> applicationProtocols) =>
        FilterChainSelection.Select(FilterChains.AsSpan(), transportProtocol, serverName, applicationProtocols) ?? DefaultFilterChain;
}

public enum TrafficDirection : byte
{
    Unspecified,
    Inbound,
    Outbound,
}
