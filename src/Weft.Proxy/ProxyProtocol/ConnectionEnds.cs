using System.Net;
using Weft.Routing.Listeners;

namespace Weft.Proxy.ProxyProtocol;

/// <summary>Whom a connection to an endpoint serves, and what that client wanted to reach: what a PROXY header in front of it says. Equal content is equal.</summary>
internal sealed record ConnectionEnds(IPEndPoint Client, IPEndPoint Destination)
{
    /// <summary>The header; empty where none is to be written.</summary>
    /// <param name="version">One version, or none.</param>
    public ReadOnlyMemory<byte> Header(ProxyProtocolVersions version)
    {
        if (version == ProxyProtocolVersions.None) return default;
        var bytes = new byte[ProxyHeaderWriter.MaxBytes];
        var length = version == ProxyProtocolVersions.V1 ? ProxyHeaderWriter.WriteV1(Client, Destination, bytes) : ProxyHeaderWriter.WriteV2(Client, Destination, bytes);
        return bytes.AsMemory(0, length);
    }
}
