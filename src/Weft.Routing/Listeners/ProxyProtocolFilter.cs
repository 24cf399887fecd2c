using System.Collections.Immutable;
using System.Net;

namespace Weft.Routing.Listeners;

/// <summary>How a listener reads the PROXY protocol's headers (listener filter envoy.filters.listener.proxy_protocol, or weft.v1.ProxyProtocol). Immutable.</summary>
/// <param name="TrustedSources">Whose headers are believed, by the address of the socket's peer; null believes everybody's (Envoy's filter), empty nobody's.</param>
/// <param name="AllowsAbsent">A connection that does not begin with a header is served as it is, instead of closed. Default false.</param>
/// <param name="Versions">Versions that are read. Default both.</param>
/// <param name="MaxHeaderBytes">A longer header closes the connection. 108 to 16,384 bytes, default 4,096.</param>
public sealed record ProxyProtocolFilter(ImmutableArray<IPNetwork>? TrustedSources, bool AllowsAbsent, ProxyProtocolVersions Versions, int MaxHeaderBytes = 4096)
{
    public bool Trusts(IPAddress peer)
    {
        if (TrustedSources is not { } trusted) return true;
        foreach (var prefix in trusted)
        {
            if (prefix.Contains(peer)) return true;
        }
        return false;
    }
}

/// <summary>Versions of the PROXY protocol (haproxy.org, proxy-protocol.txt).</summary>
[Flags]
public enum ProxyProtocolVersions : byte
{
    None = 0,

    /// <summary>One line of text (section 2.1).</summary>
    V1 = 1,

    /// <summary>Binary (section 2.2).</summary>
    V2 = 2,

    Both = V1 | V2,
}
