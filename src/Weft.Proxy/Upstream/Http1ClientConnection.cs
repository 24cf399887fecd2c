using Weft.Proxy.Buffers;
using Weft.Proxy.Http1;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Transport;
using Weft.Routing.Protocols;
using Weft.Routing.Requests;

namespace Weft.Proxy.Upstream;

/// <summary>How <see cref="Http1ClientConnection.Fill"/> ended.</summary>
internal enum FillStatus : byte
{
    /// <summary>At least one byte came.</summary>
    Data,

    /// <summary>Nothing now; the connection calls when there is.</summary>
    Wait,

    /// <summary>The peer has ended its direction.</summary>
    End,

    /// <summary>The channel broke.</summary>
    Broken,
}

/// <summary>
/// One HTTP/1 connection: bytes in and out for its one <see cref="Http1ClientStream"/>, lent to one exchange after the other.
/// Bytes that arrive while it is idle belong to no request and end it (RFC 9112 section 9.3.1).
/// </summary>
internal sealed class Http1ClientConnection : ClientConnection, IChannelHandler
{
    private readonly Channel _channel;
    private readonly Http1ClientStream _stream;
    private ByteBuffer? _input;
    private bool _readable;
    private bool _blocked;
    private bool _peerEnded;
    private bool _isTunnel;
    private bool _finWanted;
    private long _announcedIdleMs = long.MaxValue;

    public Http1ClientConnection(EndpointPool pool, Connector opened, Channel channel) : base(pool, opened, channel)
    {
        _channel = channel;
        channel.Handler = this;
        Output = new OutputQueue(pool.Context.Worker.Buffers);
        _stream = new Http1ClientStream(this);
    }

    /// <summary>A mutable struct: used through this field alone.</summary>
    public OutputQueue Output;

    /// <summary>What has arrived and was not consumed.</summary>
    public ReadOnlySpan<byte> Input => _input is null ? default : _input.Readable;

    public bool IsReused => Requests > 1;

    public int RequestNumber => Requests;

    public Http1Limits Limits => Pool.Limits;

    public int MaxInterimResponses => Context.UpstreamSettings.MaxInterimResponses;

    public string FailureText => _channel.FailureText;

    public bool PeerEnded => _peerEnded;

    protected override int MaxStreams => 1;

    protected override bool TakesRequests => true;

    /// <summary>Idle connections are used only while the endpoint is not about to close them: as the cluster says, as the endpoint said, as was learned.</summary>
    protected override long IdleLimitMs
    {
        get
        {
            var endpointMs = Math.Min(_announcedIdleMs, Pool.IdleCloseMs);
            return endpointMs == long.MaxValue ? base.IdleLimitMs : Math.Min(base.IdleLimitMs, (long)(endpointMs * Context.UpstreamSettings.SafeIdleShare));
        }
    }

    public override bool Speaks(UpstreamProtocol protocol) => protocol is UpstreamProtocol.Http1 or UpstreamProtocol.Negotiated;

    // ---- the channel's events

    /// <remarks>It was open before this took it over.</remarks>
    public void OnOpen(Channel channel) { }

    public void OnReadable(Channel channel)
    {
        _readable = true;
        if (_stream.IsLent) _stream.Process();
        else if (!IsClosed && !IsQuiet()) Close();
    }

    public void OnWritable(Channel channel)
    {
        if (IsClosed) return;
        switch (Output.Flush(_channel))
        {
            case IoStatus.Ok:
                SendWantedFin();
                if (!_blocked && !_isTunnel) break;
                _blocked = false;
                _stream.OnWritable();
                break;
            case IoStatus.Failed:
                _stream.Broken();
                break;
        }
    }

    public void OnFailed(Channel channel)
    {
        if (!IsClosed) _stream.Broken();
    }

    // ---- the stream's side

    public void Consume(int bytes) => _input?.Consume(bytes);

    /// <summary>Reads once, behind what is there.</summary>
    /// <param name="limit">Bytes of input that may lie unconsumed.</param>
    public FillStatus Fill(int limit)
    {
        if (!_readable) return Wait();
        _input ??= Context.Worker.Buffers.Rent(BufferPool.BulkBytes);
        if (_input.Writable.IsEmpty && !_input.Grow(limit)) throw new InvalidOperationException("the input buffer passed its limit before the parser's");
        switch (_channel.Read(_input.Writable, out var read))
        {
            case IoStatus.Ok:
                _input.Advance(read);
                return FillStatus.Data;
            case IoStatus.WouldBlock:
                _readable = false;
                return Wait();
            case IoStatus.EndOfStream:
                _readable = false;
                _peerEnded = true;
                return FillStatus.End;
            default:
                return FillStatus.Broken;
        }
    }

    /// <summary>Takes all of <paramref name="data"/>, framed. WouldBlock: the stream hears when there is room.</summary>
    public IoStatus WriteBody(in Http1BodyFraming framing, ReadOnlySpan<byte> data)
    {
        var status = framing.WriteBody(ref Output, _channel, data);
        if (status == IoStatus.WouldBlock) _blocked = true;
        return status;
    }

    /// <summary>False: the channel broke.</summary>
    public bool Flush()
    {
        if (IsClosed || _blocked) return true;
        var status = Output.Flush(_channel);
        if (status == IoStatus.Ok) SendWantedFin();
        return status != IoStatus.Failed;
    }

    /// <summary>From here on the bytes are the application's, without framing, and the connection ends with them.</summary>
    public void BecomeTunnel() => _isTunnel = true;

    /// <summary>The client's end of a tunnel: our direction ends once everything before it has left.</summary>
    public void EndTunnel() => _finWanted = true;

    /// <summary>Learns from a response's fields how long the endpoint keeps idle connections.</summary>
    public void NoteKeepAlive(ReadOnlySpan<byte> buffer, ReadOnlySpan<HeaderField> fields)
    {
        foreach (ref readonly var field in fields)
        {
            if (field.Known == KnownHeader.KeepAlive && KeepAliveField.TryTimeout(buffer.Slice(field.ValueStart, field.ValueLength), out var seconds))
                _announcedIdleMs = seconds * 1000L;
        }
    }

    /// <summary>The request that was just sent met a close: what was sent had come too late.</summary>
    public void NoteLateClose()
    {
        if (IsReused) Pool.ClosedIdle(Context.Worker.NowMs - IdleSinceMs);
    }

    /// <summary>The stream is free again.</summary>
    /// <param name="whole">Both messages were whole, and the peer lets the connection live; a tunnel: both sides have ended.</param>
    public void Return(bool whole)
    {
        if (_isTunnel && !whole) _channel.Abort(); // without framing a reset is the only way to say that it was cut
        var reusable = !_isTunnel && whole && !_peerEnded && Output.IsEmpty && Input.IsEmpty;
        ReturnInput();
        _blocked = false;
        GiveBack(reusable && IsQuiet());
    }

    protected override UpstreamStream TakeStream()
    {
        _stream.Begin();
        return _stream;
    }

    protected override void Shut()
    {
        _channel.Close();
        ReturnInput();
        Output.Drop();
    }

    /// <summary>False when the peer has ended, or has sent bytes that no request asked for; what an idle connection says is never an answer.
    /// Asking also arms the channel: only after "would block" does it call again.</summary>
    private bool IsQuiet()
    {
        if (IsClosed) return false;
        if (!_readable) return true;
        Span<byte> one = stackalloc byte[1];
        var status = _channel.Read(one, out _);
        if (status == IoStatus.WouldBlock)
        {
            _readable = false;
            return true;
        }
        if (status != IoStatus.Ok && Streams == 0) Pool.ClosedIdle(Context.Worker.NowMs - IdleSinceMs);
        return false;
    }

    private void SendWantedFin()
    {
        if (!_finWanted) return;
        _finWanted = false;
        _channel.ShutdownWrite();
    }

    private FillStatus Wait()
    {
        if (_input is { IsEmpty: true }) ReturnInput();
        return FillStatus.Wait;
    }

    private void ReturnInput()
    {
        if (_input is null) return;
        Context.Worker.Buffers.Return(_input);
        _input = null;
    }
}
