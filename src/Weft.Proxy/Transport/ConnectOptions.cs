using Weft.Proxy.Overload;
using Weft.Routing.Clusters;

namespace Weft.Proxy.Transport;

/// <summary>What an outgoing connection is made with, beside its address and its TLS.</summary>
/// <param name="Keepalive">When TCP gives the connection up; null leaves the kernel's ways.</param>
/// <param name="Preface">Bytes that go before everything else, TLS included: a PROXY header. At most a few hundred.</param>
/// <param name="NetworkNamespace">Path of the network namespace in which the address is reached; empty for the process's own.</param>
/// <param name="Own">Where the connection is listed while it is open; null for none.</param>
internal readonly record struct ConnectOptions(TcpKeepalive? Keepalive = null, ReadOnlyMemory<byte> Preface = default, string NetworkNamespace = "", OwnConnections? Own = null)
{
    public ConnectOptions() : this(null)
    {
    }
}
