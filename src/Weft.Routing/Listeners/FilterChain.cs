using Weft.Routing.Security;

namespace Weft.Routing.Listeners;

/// <summary>What is done with the connections of a listener that its match selects: TLS or not, then HTTP. Immutable.</summary>
public sealed class FilterChain
{
    public string Name { get; init; } = "";

    public FilterChainMatch Match { get; init; } = FilterChainMatch.Any;

    /// <summary>Null for plaintext.</summary>
    public DownstreamTls? Tls { get; init; }

    /// <summary>Limit on the TLS handshake, from the connection's acceptance (transport_socket_connect_timeout). Default 10 s, where Envoy knows no limit; infinite when off.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    public required HttpConnectionManager Http { get; init; }
}
