using System.Collections.Immutable;
using Weft.Routing.Access;
using Weft.Routing.Security;
using Weft.Routing.Tcp;

namespace Weft.Routing.Listeners;

/// <summary>What is done with the connections of a listener that its match selects: TLS or not, then HTTP or bytes. Immutable.</summary>
public sealed class FilterChain
{
    public string Name { get; init; } = "";

    public FilterChainMatch Match { get; init; } = FilterChainMatch.Any;

    /// <summary>Null for plaintext.</summary>
    public DownstreamTls? Tls { get; init; }

    /// <summary>Limit on the TLS handshake, from the connection's acceptance (transport_socket_connect_timeout). Default 10 s, where Envoy knows no limit; infinite when off.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How HTTP is spoken; null on a chain that passes bytes on.</summary>
    public HttpConnectionManager? Http { get; init; }

    /// <summary>Where bytes go that nobody reads here; null on a chain that speaks HTTP. Exactly one of the two is set, or both on a chain that finds out what is spoken.</summary>
    public ByteRoute? Bytes { get; init; }

    /// <summary>Who may connect: asked in this order before anything is served, and again when they change. Empty: everybody.</summary>
    public ImmutableArray<NetworkRbac> Access { get; init; } = [];

    /// <summary>How it is found out which of <see cref="Http"/> and <see cref="Bytes"/> serves a connection; null where there is only one of them.</summary>
    public ProtocolDetection? Detection { get; init; }
}
