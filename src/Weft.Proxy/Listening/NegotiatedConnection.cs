using Weft.Proxy.Configuration;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Tcp;
using Weft.Proxy.Transport;
using Weft.Routing.Protocols;

namespace Weft.Proxy.Listening;

/// <summary>A TLS connection until its handshake has agreed on a protocol (ALPN, RFC 7301); then it is HTTP/2's or HTTP/1's, or one of bytes.</summary>
/// <param name="connection">Null for a handshake that is meant to fail: should it succeed, the connection is closed before a byte is read.</param>
internal sealed class NegotiatedConnection(WorkerContext context, DownstreamConnection? connection) : IChannelHandler
{
    /// <summary>Its place among the handshakes in progress.</summary>
    public LinkedListNode<Channel>? Handshake { get; set; }

    public void OnOpen(Channel channel)
    {
        context.Handshakes.End(Handshake);
        if (connection is null)
        {
            channel.Close();
            return;
        }
        connection.Follow(context.Config.Current); // the rules of now, not those of before the handshake
        if (!connection.IsPermitted(channel))
        {
            channel.Abort();
            return;
        }
        channel.Handler = Speaker(connection, channel.Peer!.Alpn);
        channel.Handler.OnOpen(channel);
    }

    /// <summary>Where a chain has both, bytes are what was agreed on as bytes.</summary>
    private IChannelHandler Speaker(DownstreamConnection connection, string alpn)
    {
        var chain = connection.Chain;
        if (chain.Bytes is { } bytes && (chain.Chain.Http is null || alpn == Binder.ByteAlpn)) return new ByteServerConnection(context, connection, bytes);
        var http2 = alpn is "h2" or "weft-h2" || alpn.Length == 0 && chain.Http.Codec == HttpCodec.Http2;
        return http2 ? new Http2ServerConnection(context, connection) : new Http1ServerConnection(context, connection);
    }

    /// <inheritdoc/>
    /// <remarks>Never called: nothing is readable before it is open.</remarks>
    public void OnReadable(Channel channel) { }

    public void OnWritable(Channel channel) { }

    /// <summary>The handshake failed; a connection that never was is not counted.</summary>
    public void OnFailed(Channel channel) => context.Handshakes.End(Handshake);
}
