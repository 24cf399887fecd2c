using System.Net;

namespace Weft.Routing.Listeners;

/// <summary>What is known of an accepted connection when its filter chain is chosen. IPv4 addresses are never written as IPv6.</summary>
public readonly ref struct ConnectionFacts
{
    public ConnectionFacts()
    {
    }

    /// <summary>Where the client wanted to go: the address before a redirect or in front of the proxies on its way, where that was told; else the socket's own.</summary>
    public required IPEndPoint Destination { get; init; }

    /// <summary>The client, as far as proxies in front tell (PROXY protocol); else the socket's peer.</summary>
    public required IPEndPoint Source { get; init; }

    /// <summary>The socket's peer.</summary>
    public required IPAddress DirectSource { get; init; }

    /// <summary><c>tls</c> or <c>raw_buffer</c>, which is also what is said where nobody looked.</summary>
    public string TransportProtocol { get; init; } = "raw_buffer";

    /// <summary>SNI in lower case; empty when there is none.</summary>
    public string ServerName { get; init; } = "";

    /// <summary>The client's ALPN offers in its order.</summary>
    public ReadOnlySpan<string> ApplicationProtocols { get; init; }

    /// <summary>As <see cref="ConnectionSourceType.SameIpOrLoopback"/> has it.</summary>
    public bool IsLocal => IPAddress.IsLoopback(Source.Address) || Source.Address.Equals(Destination.Address);
}
