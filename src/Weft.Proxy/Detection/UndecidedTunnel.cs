using Weft.Proxy.Access;
using Weft.Proxy.Buffers;
using Weft.Proxy.Listening;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Tcp;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;
using Weft.Routing.Routes;

namespace Weft.Proxy.Detection;

/// <summary>
/// What a CONNECT to a port that declares nothing asks for, as the client of an <see cref="UndecidedConnection"/>. The CONNECT is answered first: until then its client says nothing, and
/// nobody knows yet whether a failure can be told in HTTP.
/// </summary>
/// <remarks>Its bytes cannot be peeked at, since they are a stream of HTTP/2 perhaps, or came in one read with the CONNECT. They are read, one block at most, and go on with the connection.</remarks>
/// <param name="connection">The connection that the CONNECT asks for.</param>
/// <param name="table">Where it would go; has a route for bytes without a server name.</param>
/// <param name="limits">Of a ClientHello, where server names decide.</param>
internal sealed class UndecidedTunnel(WorkerContext context, DownstreamConnection connection, RouteTable table, DetectorSettings limits) : IUndecidedClient, IServerConnection, IConnectServer, ITimerHandler
{
    private Channel _channel = null!;
    private UndecidedConnection _undecided = null!;
    private TimerNode _timer = null!;
    private ByteBuffer? _input;
    private byte[] _unanswered = []; // what the channel has not taken of the answer to an HTTP/1 CONNECT
    private bool _broken;

    public int ListIndex { get; set; } = -1;

    public DownstreamConnection Connection => connection;

    public Worker Worker => context.Worker;

    public bool IsOpen { get; private set; }

    public bool HasEnded { get; private set; }

    // ---- beginning

    /// <inheritdoc/>
    /// <remarks>A stream of HTTP/2, whose CONNECT is answered.</remarks>
    public void OnOpen(Channel channel)
    {
        connection.Opened(channel);
        Begin(channel);
    }

    /// <inheritdoc/>
    public void TakeOver(Channel channel, ByteBuffer? received, ReadOnlySpan<byte> answer)
    {
        channel.Handler = this;
        _input = received;
        _unanswered = answer.ToArray();
        Begin(channel);
    }

    private void Begin(Channel channel)
    {
        _channel = channel;
        IsOpen = true;
        _timer = new TimerNode(this);
        context.Connections.Add(this);
        _undecided = new UndecidedConnection(context.Detection, this, UndecidedSettings.Of(table, limits));
        Answer();
        if (IsOpen) _undecided.Start();
    }

    public void Watch(UndecidedConnection undecided, TimeSpan timeout)
    {
        Worker.Timers.Schedule(_timer, (long)timeout.TotalMilliseconds);
        undecided.OnClient(); // what came behind the CONNECT
    }

    private void Answer()
    {
        while (_unanswered.Length > 0)
        {
            switch (_channel.Write(_unanswered, out var written))
            {
                case IoStatus.Ok:
                    _unanswered = _unanswered[written..];
                    break;
                case IoStatus.WouldBlock:
                    return; // it has not read the answers to what it asked before
                default:
                    CloseNow();
                    return;
            }
        }
    }

    // ---- the channel's events

    public void OnReadable(Channel channel) => _undecided.OnClient();

    public void OnWritable(Channel channel) => Answer();

    public void OnFailed(Channel channel) => CloseNow();

    public void OnPeerEnding(Channel channel, bool reset)
    {
        if (reset) CloseNow();
    }

    public void OnTimer(TimerNode node) => _undecided.OnClientTimeout();

    public void OnTimerFault(TimerNode node) => CloseNow();

    public int Peek(Span<byte> into)
    {
        while (!HasEnded && !_broken && Fill()) { }
        if (_broken) return -2;
        if (_input is null) return HasEnded ? 0 : -1;
        var count = Math.Min(into.Length, _input.Length);
        _input.Readable[..count].CopyTo(into);
        return count;
    }

    /// <summary>Reads once. False: there is nothing, or no room.</summary>
    private bool Fill()
    {
        _input ??= Worker.Buffers.Rent();
        if (_input.Writable.IsEmpty && !_input.Grow(BufferPool.BlockBytes)) return false;
        var status = _channel.Read(_input.Writable, out var read);
        _input.Advance(read);
        HasEnded = status == IoStatus.EndOfStream;
        _broken = status == IoStatus.Failed;
        if (_input.IsEmpty) ReturnInput();
        return status == IoStatus.Ok;
    }

    // ---- what becomes of it

    public ByteServerConnection AsBytes() => new(context, connection, table.Bytes!.Any!);

    public void OnBytes(ByteServerConnection bytes)
    {
        Leave();
        bytes.TakeOver(_channel, _input, _unanswered);
    }

    public void OnHttp(ClientProtocol protocol, DownstreamConnection? asBytes)
    {
        Leave();
        new Http1ServerConnection(context, connection).Continue(_channel, _input, _unanswered);
    }

    public bool IsForBytes(ClientHello hello) => ReferenceEquals(table.Bytes!.Find(hello.ServerName), table.Bytes.Any);

    public void OnTls(ClientHello hello)
    {
        Leave();
        new TunnelDial(context, connection, table.Bytes!.Find(hello.ServerName)!, _channel, _input, _unanswered).Start();
    }

    // ---- ends

    /// <inheritdoc/>
    /// <remarks>It is decided within the limit, and told then.</remarks>
    public void BeginDrain() { }

    public void EndDrain() => CloseNow();

    /// <inheritdoc/>
    /// <remarks>Nothing was begun that could be completed.</remarks>
    public void Withdraw(Withdrawals ending) => CloseNow();

    public void CloseNow()
    {
        if (IsOpen) _undecided.Break();
    }

    public void Abort()
    {
        if (!IsOpen) return;
        Leave();
        _channel.Abort();
        if (_input is not null) ReturnInput();
        connection.Closed();
    }

    private void Leave()
    {
        IsOpen = false;
        Worker.Timers.Cancel(_timer);
        context.Connections.Remove(this);
    }

    private void ReturnInput()
    {
        Worker.Buffers.Return(_input!);
        _input = null;
    }
}
