using Weft.Proxy.Access;
using Weft.Proxy.Buffers;
using Weft.Proxy.Detection;
using Weft.Proxy.Listening;
using Weft.Proxy.Overload;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;
using Weft.Routing.Tcp;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Tcp;

/// <summary>
/// A CONNECT to a port whose connections go by the server name that their TLS asks for. It is granted before anybody was dialled, because its client says the name only then:
/// <code>
/// Hello      reads until the ClientHello is whole, or cannot be one
/// Dialling   to where the name leads; nothing more is read
/// Over       what was read goes first, and a <see cref="ByteServerConnection"/> has the channel; or it was reset
/// </code>
/// </summary>
/// <param name="limits">Of the ClientHello: its size and its time.</param>
internal sealed class ServerNameConnection(WorkerContext context, DownstreamConnection connection, ByteRoutes routes, DetectorSettings limits)
    : IServerConnection, IConnectServer, ITimerHandler, IByteConnectWaiter
{
    private enum Step : byte { Hello, Dialling, Over }

    private Step _step;
    private Channel? _channel;
    private TimerNode? _timer;
    private ByteBuffer? _hello;
    private byte[] _answer = []; // to the CONNECT, as far as it is not written
    private ByteServerConnection? _bytes;

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

    public void OnFailed(Channel channel) => End();

    /// <inheritdoc/>
    public void OnPeerEnding(Channel channel, bool reset)
    {
        if (reset) End();
    }

    private void WriteAnswer()
    {
        while (_answer.Length > 0 && _step != Step.Over)
        {
            var status = _channel!.Write(_answer, out var written);
            if (status == IoStatus.Failed) End();
            if (status != IoStatus.Ok) return;
            _answer = _answer[written..];
        }
    }

    private void Read()
    {
        while (_step == Step.Hello)
        {
            if (_hello is { IsEmpty: false } && Look(_hello.Readable) || _step != Step.Hello) return;
            _hello ??= context.Worker.Buffers.Rent();
            if (_hello.Writable.IsEmpty) _hello.Grow(limits.MaxClientHelloBytes * 2);
            switch (_channel!.Read(_hello.Writable, out var read))
            {
                case IoStatus.Ok:
                    _hello.Advance(read);
                    break;
                case IoStatus.WouldBlock:
                    if (_hello.IsEmpty) DropHello(); // a silent client holds nothing
                    return;
                case IoStatus.EndOfStream:
                    Go(routes.Any, "it ended before it asked for a server name");
                    return;
                default:
                    End();
                    return;
            }
        }
    }

    /// <summary>True when it is decided.</summary>
    private bool Look(ReadOnlySpan<byte> bytes)
    {
        switch (ClientHelloPeek.Inspect(bytes, out var hello, out var needed))
        {
            case PeekVerdict.ClientHello:
                Go(routes.Find(hello!.ServerName), RouteMisses.Describe(hello));
                return true;
            case PeekVerdict.NotTls:
                Go(routes.Any, RouteMisses.NoTls);
                return true;
            case PeekVerdict.NeedMore when needed > limits.MaxClientHelloBytes:
                Refuse($"its ClientHello is longer than {limits.MaxClientHelloBytes} bytes (DetectorSettings.MaxClientHelloBytes)");
                return true;
            default:
                return false;
        }
    }

    // ---- where it goes

    /// <param name="miss">Why there is no <paramref name="route"/>, if there is none.</param>
    private void Go(ByteRoute? route, string miss)
    {
        if (route is null)
        {
            Refuse(miss);
            return;
        }
        _step = Step.Dialling;
        context.Worker.Timers.Cancel(_timer!);
        _bytes = new ByteServerConnection(context, connection, route);
        _bytes.DialFor(this);
    }

    /// <inheritdoc/>
    public void OnBytesConnected()
    {
        var (bytes, hello) = (_bytes!, _hello);
        (_bytes, _hello) = (null, null);
        _step = Step.Over;
        context.Connections.Remove(this);
        bytes.TakeOver(_channel!, hello, _answer);
    }

    /// <inheritdoc/>
    /// <remarks>It was told 200 already: what is left is the reset that any client of bytes gets.</remarks>
    public void OnBytesRefused(Fault fault, string detail)
    {
        _bytes = null;
        End();
    }

    private void Refuse(string detail)
    {
        context.Admission.Refusals.Add(RefusalReason.NoRoute, connection.ListenerName, connection.Remote, detail);
        End();
    }

    // ---- time and ends

    public void OnTimer(TimerNode node) => Go(routes.Any, $"no ClientHello came within {limits.Timeout.TotalMilliseconds:0} ms (listener_filters_timeout)");

    public void OnTimerFault(TimerNode node) => End();

    /// <inheritdoc/>
    /// <remarks>What is still to come is short, and bounded by its own time.</remarks>
    public void BeginDrain() { }

    /// <inheritdoc/>
    public void EndDrain() => End();

    /// <inheritdoc/>
    public void Withdraw(Withdrawals ending) => End();

    /// <inheritdoc/>
    public void CloseNow() => End();

    private void End()
    {
        if (_step == Step.Over) return;
        _step = Step.Over;
        context.Worker.Timers.Cancel(_timer!);
        context.Connections.Remove(this);
        DropHello();
        var bytes = _bytes;
        _bytes = null;
        bytes?.Cancel();
        _channel!.Abort();
        connection.Closed();
    }

    private void DropHello()
    {
        if (_hello is null) return;
        context.Worker.Buffers.Return(_hello);
        _hello = null;
    }
}
