using Weft.Proxy.Access;
using Weft.Proxy.Buffers;
using Weft.Proxy.Detection;
using Weft.Proxy.Listening;
using Weft.Proxy.Overload;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;
using Weft.Routing.Routes;
using Weft.Routing.Tcp;

namespace Weft.Proxy.Tcp;

/// <summary>
/// A CONNECT to a port whose bytes go by the server name that their TLS asks for, and by that alone. It is granted before anybody was dialled, because its client says the name only then;
/// what it sends is read until its ClientHello is whole or cannot be one, and goes on with the connection.
/// </summary>
/// <param name="table">Its routes of bytes are for names; it may have others, for requests.</param>
/// <param name="limits">Of the ClientHello: its size and its time.</param>
internal sealed class ServerNameConnection(WorkerContext context, DownstreamConnection connection, RouteTable table, DetectorSettings limits) : IServerConnection, IConnectServer, ITimerHandler
{
    private Channel _channel = null!;
    private TimerNode _timer = null!;
    private ByteBuffer? _hello;
    private byte[] _answer = []; // to the CONNECT, as far as it is not written
    private bool _over;

    /// <inheritdoc/>
    public int ListIndex { get; set; } = -1;

    /// <inheritdoc/>
    public DownstreamConnection Connection => connection;

    public void OnOpen(Channel channel)
    {
        connection.Opened(channel);
        Begin(channel);
    }

    /// <inheritdoc/>
    public void TakeOver(Channel channel, ByteBuffer? received, ReadOnlySpan<byte> answer)
    {
        _hello = received;
        _answer = answer.ToArray();
        channel.Handler = this;
        Begin(channel);
    }

    private void Begin(Channel channel)
    {
        _channel = channel;
        context.Connections.Add(this);
        _timer = new TimerNode(this);
        context.Worker.Timers.Schedule(_timer, (long)limits.Timeout.TotalMilliseconds);
        WriteAnswer();
        Read();
    }

    // ---- the channel's events

    public void OnReadable(Channel channel) => Read();

    public void OnWritable(Channel channel) => WriteAnswer();

    public void OnFailed(Channel channel) => CloseNow();

    /// <inheritdoc/>
    public void OnPeerEnding(Channel channel, bool reset)
    {
        if (reset) CloseNow();
    }

    private void WriteAnswer()
    {
        while (_answer.Length > 0 && !_over)
        {
            var status = _channel.Write(_answer, out var written);
            if (status == IoStatus.Failed) CloseNow();
            if (status != IoStatus.Ok) return;
            _answer = _answer[written..];
        }
    }

    private void Read()
    {
        while (!_over)
        {
            if (_hello is { IsEmpty: false } && IsDecidedBy(_hello.Readable)) return;
            _hello ??= context.Worker.Buffers.Rent();
            if (_hello.Writable.IsEmpty) _hello.Grow(limits.MaxClientHelloBytes * 2);
            switch (_channel.Read(_hello.Writable, out var read))
            {
                case IoStatus.Ok:
                    _hello.Advance(read);
                    break;
                case IoStatus.WouldBlock:
                    if (_hello.IsEmpty) DropHello(); // a silent client holds nothing
                    return;
                case IoStatus.EndOfStream:
                    Refuse("it ended before it had asked for a server name");
                    return;
                default:
                    CloseNow();
                    return;
            }
        }
    }

    private bool IsDecidedBy(ReadOnlySpan<byte> bytes)
    {
        switch (ClientHelloPeek.Inspect(bytes, out var hello, out var needed))
        {
            case PeekVerdict.ClientHello when table.Bytes!.Find(hello!.ServerName) is { } route:
                Dial(route);
                return true;
            case PeekVerdict.ClientHello:
                Refuse(RouteMisses.Describe(hello!));
                return true;
            case PeekVerdict.NotTls when table.IsHttp:
                Http();
                return true;
            case PeekVerdict.NotTls:
                Refuse(RouteMisses.NoTls);
                return true;
            case PeekVerdict.NeedMore when needed > limits.MaxClientHelloBytes:
                Refuse($"its ClientHello is longer than {limits.MaxClientHelloBytes} bytes (DetectorSettings.MaxClientHelloBytes)");
                return true;
            default:
                return false;
        }
    }

    // ---- what becomes of it

    private void Dial(ByteRoute route)
    {
        Leave();
        new TunnelDial(context, connection, route, _channel, _hello, _answer).Start();
    }

    private void Http()
    {
        Leave();
        new Http1ServerConnection(context, connection).Continue(_channel, _hello, _answer);
    }

    private void Refuse(string detail)
    {
        context.Admission.Refusals.Add(RefusalReason.NoRoute, connection.ListenerName, connection.Remote, detail);
        CloseNow();
    }

    /// <summary>A silent client of HTTP is an idle one, which has limits of its own.</summary>
    public void OnTimer(TimerNode node)
    {
        if (table.IsHttp && _hello is null) Http();
        else Refuse($"no ClientHello came within {limits.Timeout.TotalMilliseconds:0} ms (listener_filters_timeout)");
    }

    public void OnTimerFault(TimerNode node) => CloseNow();

    // ---- ends

    /// <inheritdoc/>
    /// <remarks>What is still to come is short, and bounded by its own time.</remarks>
    public void BeginDrain() { }

    /// <inheritdoc/>
    public void EndDrain() => CloseNow();

    /// <inheritdoc/>
    public void Withdraw(Withdrawals ending) => CloseNow();

    /// <inheritdoc/>
    public void CloseNow()
    {
        if (_over) return;
        Leave();
        DropHello();
        _channel.Abort();
        connection.Closed();
    }

    private void Leave()
    {
        _over = true;
        context.Worker.Timers.Cancel(_timer);
        context.Connections.Remove(this);
    }

    private void DropHello()
    {
        if (_hello is null) return;
        context.Worker.Buffers.Return(_hello);
        _hello = null;
    }
}
