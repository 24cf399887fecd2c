using System.Collections.Immutable;
using System.Net;

namespace Weft.Routing.Listeners;

/// <summary>Which connections a chain takes (envoy.config.listener.v3.FilterChainMatch). An empty part takes all. Immutable; equal content is equal.</summary>
public sealed record FilterChainMatch
{
    public static FilterChainMatch Any { get; } = new();

    /// <summary>Port that the client wanted to reach (before a redirect, where the listener looks for one); 0 takes every port.</summary>
    public ushort DestinationPort { get; init; }

    /// <summary>Addresses that the client wanted to reach (prefix_ranges).</summary>
    public ImmutableArray<IPNetwork> Destinations { get; init; } = [];

    /// <summary>Lower case; exact (<c>a.example</c>) or suffix (<c>*.example</c>).</summary>
    public ImmutableArray<string> ServerNames { get; init; } = [];

    /// <summary>Empty, <c>tls</c> or <c>raw_buffer</c>.</summary>
    public string TransportProtocol { get; init; } = "";

    /// <summary>ALPN names; one offered by the client is enough.</summary>
    public ImmutableArray<string> ApplicationProtocols { get; init; } = [];

    /// <summary>Addresses of the socket's peer, also where that is a proxy which tells another address (direct_source_prefix_ranges).</summary>
    public ImmutableArray<IPNetwork> DirectSources { get; init; } = [];

    public ConnectionSourceType SourceType { get; init; }

    /// <summary>Addresses of the client (source_prefix_ranges).</summary>
    public ImmutableArray<IPNetwork> Sources { get; init; } = [];

    /// <summary>Ports of the client.</summary>
    public ImmutableArray<ushort> SourcePorts { get; init; } = [];

    /// <summary>Only the client's first bytes can tell whether it matches.</summary>
    public bool NeedsFirstBytes => TransportProtocol.Length > 0 || !ApplicationProtocols.IsEmpty || !ServerNames.IsEmpty;

    public bool Equals(FilterChainMatch? other) =>
        other is not null && DestinationPort == other.DestinationPort && TransportProtocol == other.TransportProtocol && SourceType == other.SourceType
        && Destinations.AsSpan().SequenceEqual(other.Destinations.AsSpan()) && ServerNames.AsSpan().SequenceEqual(other.ServerNames.AsSpan())
        && ApplicationProtocols.AsSpan().SequenceEqual(other.ApplicationProtocols.AsSpan()) && DirectSources.AsSpan().SequenceEqual(other.DirectSources.AsSpan())
        && Sources.AsSpan().SequenceEqual(other.Sources.AsSpan()) && SourcePorts.AsSpan().SequenceEqual(other.SourcePorts.AsSpan());

    public override int GetHashCode() =>
        HashCode.Combine(DestinationPort, TransportProtocol, SourceType, Destinations.Length, ServerNames.Length, ApplicationProtocols.Length, Sources.Length, SourcePorts.Length);
}

/// <summary>Where a connection comes from (envoy FilterChainMatch.ConnectionSourceType).</summary>
public enum ConnectionSourceType : byte
{
    Any,

    /// <summary>The client's address is a loopback address, or the one that it connected to.</summary>
    SameIpOrLoopback,

    External,
}
