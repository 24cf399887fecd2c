using System.Net;

namespace Weft.Proxy.ProxyProtocol;

/// <summary>What a PROXY protocol header says of the connection that it opens (haproxy.org, proxy-protocol.txt).</summary>
/// <param name="Version">1 or 2.</param>
/// <param name="Length">Bytes of the header, TLVs included: the application's begin behind them.</param>
/// <param name="Source">The client; null where the sender speaks for itself (LOCAL) or cannot tell (UNKNOWN, UNSPEC, a UNIX socket): the socket's own addresses hold.</param>
/// <param name="Destination">What the client wanted to reach; null exactly when <paramref name="Source"/> is.</param>
internal readonly record struct ProxyHeader(int Version, int Length, IPEndPoint? Source = null, IPEndPoint? Destination = null);

/// <summary>What the first bytes of a connection are.</summary>
public enum ProxyHeaderStatus : byte
{
    /// <summary>More bytes must come before it can be told.</summary>
    NeedMore,

    /// <summary>They are not a header, of none of the versions that are read.</summary>
    Absent,

    /// <summary>A whole header.</summary>
    Valid,

    /// <summary>They begin as a header does and break its rules.</summary>
    Malformed,
}
