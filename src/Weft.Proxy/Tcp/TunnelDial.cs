using Weft.Proxy.Access;
using Weft.Proxy.Buffers;
using Weft.Proxy.Listening;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Transport;
using Weft.Routing.Tcp;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Tcp;

/// <summary>A CONNECT that was granted, and of which its client's first bytes have shown where it goes, until there is a connection to there. Nothing more of it is read meanwhile.</summary>
internal sealed class TunnelDial : IServerConnection, IChannelHandler, IByteConnectWaiter
{
    private readonly WorkerContext _context;
    private readonly Channel _channel;
    private readonly ByteServerConnection _bytes;
    private ByteBuffer? _received;
    private byte[] _answer;
    private bool _over;

    /// <param name="channel">The client's, given up to this.</param>
    /// <param name="received">What was read of it; given up to this. Null for none.</param>
    /// <param name="answer">What the client is to get before anything else: what is left of the answer to its CONNECT.</param>
    public TunnelDial(WorkerContext context, DownstreamConnection connection, ByteRoute route, Channel channel, ByteBuffer? received, ReadOnlySpan<byte> answer)
    {
        (_context, Connection, _channel, _received, _answer) = (context, connection, channel, received, answer.ToArray());
        _bytes = new ByteServerConnection(context, connection, route);
    }

    /// <inheritdoc/>
    public int ListIndex { get; set; } = -1;

    /// <inheritdoc/>
    public DownstreamConnection Connection { get; }

    public void Start()
    {
        _channel.Handler = this;
        _context.Connections.Add(this);
        _bytes.DialFor(this);
    }

    /// <inheritdoc/>
    public void OnBytesConnected()
    {
        var received = _received;
        _received = null;
        _over = true;
        _context.Connections.Remove(this);
        _bytes.TakeOver(_channel, received, _answer);
    }

    /// <inheritdoc/>
    /// <remarks>Its client was told 200 already: what is left is the reset that any client of bytes gets.</remarks>
    public void OnBytesRefused(Fault fault, string detail) => End();

    // ---- the client's channel

    public void OnOpen(Channel channel) { }

    /// <remarks>It waits in the kernel.</remarks>
    public void OnReadable(Channel channel) { }

    public void OnWritable(Channel channel)
    {
        if (_answer.Length > 0 && channel.Write(_answer, out var written) == IoStatus.Ok) _answer = _answer[written..];
    }

    public void OnFailed(Channel channel) => CloseNow();

    /// <inheritdoc/>
    public void OnPeerEnding(Channel channel, bool reset)
    {
        if (reset) CloseNow();
    }

    // ---- ends

    /// <inheritdoc/>
    /// <remarks>Bytes have no word for it, and connecting has a limit of its own.</remarks>
    public void BeginDrain() { }

    /// <inheritdoc/>
    public void EndDrain() => CloseNow();

    /// <inheritdoc/>
    public void Withdraw(Withdrawals ending) => CloseNow();

    /// <inheritdoc/>
    public void CloseNow()
    {
        if (_over) return;
        _bytes.Cancel();
        End();
    }

    private void End()
    {
        if (_over) return;
        _over = true;
        _context.Connections.Remove(this);
        if (_received is not null) _context.Worker.Buffers.Return(_received);
        _received = null;
        _channel.Abort();
        Connection.Closed();
    }
}
