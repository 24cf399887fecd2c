using Weft.Proxy.Names.Dns;
using Weft.Proxy.Transport;

namespace Weft.Proxy.Names.Serving;

/// <summary>The way back to a client.</summary>
internal interface IReplyPath
{
    /// <summary>Bytes of the largest response that <paramref name="query"/> may get this way; more is truncated.</summary>
    int MaxBytes(in DnsQuery query);

    /// <summary>Sends the response to a question that had to wait; its client may be gone by then.</summary>
    void Reply(ReadOnlySpan<byte> response, in SocketAddress client);
}
