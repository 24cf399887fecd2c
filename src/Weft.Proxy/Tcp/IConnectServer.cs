using Weft.Proxy.Buffers;
using Weft.Proxy.Transport;

namespace Weft.Proxy.Tcp;

/// <summary>Serves what comes behind a CONNECT that was granted: on a channel of its own (<see cref="IChannelHandler.OnOpen"/>), or on the one that the CONNECT came on.</summary>
internal interface IConnectServer : IChannelHandler
{
    /// <summary>Goes on with the channel of an HTTP/1 connection.</summary>
    /// <param name="received">What the client has sent behind its CONNECT; given up to this. Null for none.</param>
    /// <param name="answer">To the CONNECT, before anything else.</param>
    void TakeOver(Channel channel, ByteBuffer? received, ReadOnlySpan<byte> answer);
}
