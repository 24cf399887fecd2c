using Weft.Proxy.Buffers;
using Weft.Proxy.Configuration;
using Weft.Proxy.Http1;
using Weft.Proxy.Http2;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Tcp;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;
using Weft.Routing.Listeners;
using Weft.Routing.Protocols;
using Weft.Routing.Requests;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Listening;

/// <summary>
/// One accepted HTTP/1 connection. It reads a request head, lends itself to an <see cref="Exchange"/> as that request's stream, and reads the
/// next head when the response is out: pipelined requests are answered in order because the second is not looked at before.
/// </summary>
/// <remarks>
/// States: Head (reading a head, or idle between two) -> Exchange (a request is being answered; its body is pumped when the exchange wants it)
/// -> Head, or -> Closing (the response is written out, our direction ends, and what the client still sends is read and dropped for a while: closing
/// at once would make the kernel answer unread input with a reset, and a reset may overtake the response) -> Closed.
/// Input is edge-triggered: <c>_readable</c> remembers that the channel may have bytes that were not asked for yet.
/// </remarks>
internal sealed class Http1ServerConnection : DownstreamStream, IServerConnection, IChannelHandler, ITimerHandler
{
    private enum State : byte { Head, Exchange, Closing, Closed }

    /// <summary>RFC 8446 section 5.1: ContentType handshake.</summary>
    private const byte TlsHandshakeRecord = 22;

    /// <summary>A record with the fatal alert handshake_failure (RFC 8446 sections 5.1 and 6).</summary>
    private static ReadOnlySpan<byte> TlsRefusal => [21, 3, 3, 0, 2, 2, 40];

    /// <summary>Of a connection that has read none; nobody writes to it.</summary>
    private static readonly Http1Head s_none = new();

    private readonly WorkerContext _context;
    private readonly DownstreamConnection _connection;
    private readonly Exchange _exchange;
    private readonly TimerNode _timer;
    private Channel _channel = null!;
    private ByteBuffer? _input;
    private ByteBuffer? _keptHead; // of a request whose body is on its way and which may be sent again
    private OutputQueue _output;
    private BodyReader _body;
    private Http1BodyFraming _framing;
    private HeadSpace? _space;
    private PathStatus _normalized;
    private int _normalizedLength = -1;
    private State _state;
    private bool _readable;
    private bool _processing;
    private bool _headHeld;
    private bool _bodyWanted;
    private bool _requestComplete;
    private bool _keepAlive;
    private bool _clientEnded;
    private bool _isTunnel;
    private bool _connected;
    private bool _mayBeHttp2;
    private bool _finWanted;
    private bool _finSent;

    public Http1ServerConnection(WorkerContext context, DownstreamConnection connection)
    {
        _context = context;
        _connection = connection;
        _output = new OutputQueue(context.Worker.Buffers);
        _timer = new TimerNode(this);
        _exchange = new Exchange(context, connection, this);
    }

    /// <inheritdoc/>
    public int ListIndex { get; set; } = -1;

    private ConnectionLimits Limits => _connection.Limits;

    /// <summary>The head that is being read or served.</summary>
    private Http1Head Parsed => _space?.Head ?? s_none;

    // ---- the channel's events

    public void OnOpen(Channel channel)
    {
        _channel = channel;
        _connection.Opened(channel);
        _mayBeHttp2 = _connection.MayBeHttp2;
        _connected = _connection.ConnectTarget is not null;
        _context.Connections.Add(this);
        SetTimer(IdleMs);
    }

    /// <summary>Goes on with a channel on which it was found out that HTTP is spoken.</summary>
    /// <param name="received">What was read of it meanwhile; given up to this connection. Null for none.</param>
    /// <param name="unsent">What the client is to get before anything else.</param>
    public void Continue(Channel channel, ByteBuffer? received, ReadOnlySpan<byte> unsent)
    {
        channel.Handler = this;
        if (!unsent.IsEmpty) _output.Append(unsent);
        _input = received;
        OnOpen(channel);
        if (received is not null && Limits.RequestHeadersMs != ConnectionLimits.None) SetTimer(Limits.RequestHeadersMs);
        OnReadable(channel);
    }

    public void OnReadable(Channel channel)
    {
        _readable = true;
        Process();
    }

    public void OnWritable(Channel channel)
    {
        var flushed = TryFlush();
        if (_state is State.Head or State.Closing) SetTimer(flushed ? IdleMs : Limits.StreamIdleMs); // the client has taken something: it lives
        if (!flushed) return;
        if (_state == State.Exchange) _exchange.OnDownstreamWritable();
        Process();
    }

    public void OnFailed(Channel channel)
    {
        if (ListIndex >= 0) Broken();
    }

    /// <inheritdoc/>
    /// <remarks>A client that ends its direction while it waits still reads; one that resets does not.</remarks>
    public void OnPeerEnding(Channel channel, bool broken)
    {
        if (broken) Broken();
    }

    public void OnTimer(TimerNode node)
    {
        switch (_state)
        {
            case State.Head when _output.IsEmpty && _input is { IsEmpty: false }:
                Refuse(Fault.HeaderTimeout, $"the request head did not arrive within {Limits.RequestHeadersMs} ms", 0);
                Process();
                break;
            case State.Head or State.Closing:
                Close(abort: !_output.IsEmpty); // a response that is cut must be seen to be cut
                break;
        }
    }

    /// <inheritdoc/>
    public DownstreamConnection Connection => _connection;

    private long IdleMs => _connection.IsEnding ? Math.Min(Limits.IdleMs, _context.IdleGraceMs) : Limits.IdleMs;

    private bool IsIdle => _state == State.Head && _output.IsEmpty && (_input is null || _input.IsEmpty);

    /// <inheritdoc/>
    /// <remarks>HTTP/1 can only say it with a response, and each response asks whether the connection is ending. One that is idle waits for a last request for a moment, and then closes.</remarks>
    public void BeginDrain()
    {
        if (IsIdle) SetTimer(IdleMs);
    }

    /// <inheritdoc/>
    public void CloseNow() => Broken();

    // ---- reading

    /// <summary>Goes on with whatever the state allows until input ends, the exchange holds us, or the client reads slowly.</summary>
    private void Process()
    {
        if (_processing) return;
        _processing = true;
        try
        {
            do
            {
                while (Step()) { }
            }
            while (!_output.IsEmpty && TryFlush() && _state is State.Head or State.Closing);
        }
        finally
        {
            _processing = false;
        }
    }

    private bool Step() => _state switch
    {
        State.Head => _output.IsEmpty && ReadHead(), // one response at a time: a client that does not read gets no second
        State.Exchange => _bodyWanted && !_requestComplete && PumpBody(),
        State.Closing => _output.IsEmpty && EndOurDirection(),
        _ => false,
    };

    private bool ReadHead()
    {
        if (_input is { IsEmpty: false })
        {
            if (_connected && !IsHttp1()) return true;
            if (_mayBeHttp2 && IsHttp2Preface(out var whole))
            {
                if (whole) BecomeHttp2();
                else if (Fill(BufferPool.BlockBytes)) return true;
                return false;
            }
            switch (Http1Parser.ParseRequest(_input.Readable, Limits.Http1, (_space ??= _context.HeadSpaces.Rent()).Head, out var error))
            {
                case ParseStatus.Done:
                    BeginExchange();
                    return true;
                case ParseStatus.Invalid:
                    Refuse(Http1Faults.Of(error.Kind), Http1Faults.Describe(error, _input.Length), Http1Faults.StatusOf(error.Kind));
                    return true;
            }
        }
        var hadBytes = _input is { IsEmpty: false };
        if (!Fill(Limits.Http1.MaxHeadBytes + BufferPool.BlockBytes)) return false;
        // The head's limit runs from its first byte: an idle connection is not a slow one.
        if (!hadBytes && Limits.RequestHeadersMs != ConnectionLimits.None) SetTimer(Limits.RequestHeadersMs);
        return true;
    }

    /// <summary>Looks at the first byte of what a client sends through its CONNECT. TLS to a service of the mesh is the application's own, and nobody here can end it: the client is
    /// told so in the language that it speaks.</summary>
    private bool IsHttp1()
    {
        _connected = false;
        if (_input!.Readable[0] != TlsHandshakeRecord) return true;
        _state = State.Exchange;
        _headHeld = _keepAlive = _requestComplete = false;
        _output.Append(TlsRefusal);
        _exchange.RefuseUnanswered(Fault.BadRequest);
        return false;
    }

    /// <summary>Whether what has come so far is HTTP/2's connection preface or its beginning (RFC 9113 section 3.4). No HTTP/1 request begins so; one glance per connection.</summary>
    private bool IsHttp2Preface(out bool whole)
    {
        var preface = FrameWriter.Preface;
        var bytes = _input!.Readable;
        whole = bytes.Length >= preface.Length;
        if (bytes.StartsWith(whole ? preface : preface[..bytes.Length])) return true;
        return _mayBeHttp2 = false;
    }

    private void BecomeHttp2() => new Http2ServerConnection(_context, _connection).Continue(_channel, LeaveChannel()!, _readable);

    /// <summary>Another handler goes on with the channel, and with the input that is returned; null when there is none.</summary>
    private ByteBuffer? LeaveChannel()
    {
        ReturnIdleInput();
        var input = _input;
        _input = null;
        _state = State.Closed;
        _context.Worker.Timers.Cancel(_timer);
        _context.Connections.Remove(this);
        return input;
    }

    private void BeginExchange()
    {
        _context.Worker.Timers.Cancel(_timer);
        _state = State.Exchange;
        _headHeld = true;
        _bodyWanted = false;
        _keepAlive = Parsed.KeepAlive;
        _requestComplete = Parsed.Body == BodyKind.None;
        _body = new BodyReader(Parsed, Limits.Http1);
        _normalizedLength = -1;
        _connection.CountRequest();
        if (!IsServed(out var status, out var detail)) _exchange.Refuse(status, Fault.BadRequest, detail);
        else if (_normalized == PathStatus.Redirected) _exchange.RedirectToNormalPath();
        else _exchange.Start();
    }

    private bool IsServed(out int status, out string detail)
    {
        var http = _connection.Chain.Http;
        (status, detail) = (0, "");
        if (Parsed.TargetForm == TargetForm.Authority)
        {
            // Old clients send it as HTTP/1.0; its version says nothing about what follows.
            if (!_connection.TakesConnect) (status, detail) = (501, "CONNECT is not served here");
        }
        else if (Parsed.MinorVersion == 0 && !http.AcceptHttp10) (status, detail) = (426, "this listener does not serve HTTP/1.0");
        else if (Parsed.AuthorityLength == 0 && DefaultHost.IsEmpty) (status, detail) = (400, "the request names no host");
        else if (Parsed.TargetForm == TargetForm.Absolute && !http.AllowAbsoluteUrl) (status, detail) = (400, "this listener does not serve absolute request targets");
        else if (Parsed.TargetIsHttps && _connection.Peer is null) (status, detail) = (400, "an https target came over a connection that is not TLS");
        if (status == 0) Normalize(out status, out detail);
        return status == 0;
    }

    private void Normalize(out int status, out string detail)
    {
        (status, detail) = (0, "");
        if (_space!.Path.Length < Parsed.PathLength + 1) _space.Path = new byte[Math.Max(256, (Parsed.PathLength + 1) * 2)];
        _normalized = Parsed.NormalizePath(_input!.Readable, _space.Path, _connection.Chain.PathPolicy, out var written, out var error);
        switch (_normalized)
        {
            case PathStatus.Rewritten or PathStatus.Redirected: _normalizedLength = written; break;
            case PathStatus.Rejected: (status, detail) = (400, error.Reason); break;
        }
    }

    /// <summary>Only HTTP/1.0 may leave the host away (RFC 9112 section 3.2); whoever forwards such a request must name one.</summary>
    private ReadOnlySpan<byte> DefaultHost => Parsed.MinorVersion == 0 ? _connection.Chain.DefaultHost.Span : default;

    private bool PumpBody()
    {
        var headBytes = _headHeld && _keptHead is null ? Parsed.Length : 0;
        if (!_body.IsComplete && (_input is null || _input.Length == headBytes))
        {
            // The head stays for a retry until there is a body byte to pass on; body bytes are read behind it.
            if (Fill(headBytes + BufferPool.BulkBytes, BufferPool.BulkBytes)) return true;
            if (_state == State.Exchange) _exchange.FlushUpstream();
            return false;
        }
        if (headBytes > 0)
        {
            // Reading the body gives away the bytes before it.
            if (_exchange.OnBodyBegins()) KeepHead();
            else ReleaseHead();
        }
        switch (_body.Read(_input is null ? default : _input.Readable, out var consumed, out var data))
        {
            case BodyStatus.Data:
                _bodyWanted = _exchange.OnRequestBody(data);
                if (_state == State.Exchange) _input!.Consume(consumed);
                return true;
            case BodyStatus.End:
                _requestComplete = true;
                _input?.Consume(consumed); // its bytes stay where they are until the next read
                _exchange.OnRequestEnd(new Trailers(data, data.IsEmpty ? [] : Parsed.Trailers.Fields));
                return true;
            case BodyStatus.NeedMore:
                _input!.Consume(consumed);
                if (Fill(BufferPool.BulkBytes, BufferPool.BulkBytes)) return true;
                if (_state == State.Exchange) _exchange.FlushUpstream();
                return false;
            default:
                _keepAlive = false;
                _exchange.OnRequestMalformed(_body.Error.Reason);
                return true;
        }
    }

    /// <summary>Reads once. False: nothing came (it would block, the client ended, or the connection broke).</summary>
    /// <param name="limit">Bytes of input that may lie unconsumed.</param>
    /// <param name="bytes">To read at most, when there is no input yet. Heads are read with the smaller block: any stranger may hold one half sent.</param>
    private bool Fill(int limit, int bytes = BufferPool.BlockBytes)
    {
        if (!_readable) return ReturnIdleInput();
        _input ??= _context.Worker.Buffers.Rent(bytes);
        if (_input.Writable.IsEmpty && !_input.Grow(limit)) throw new InvalidOperationException("the input buffer passed its limit before the parser's");
        switch (_channel.Read(_input.Writable, out var read))
        {
            case IoStatus.Ok:
                _input.Advance(read);
                return true;
            case IoStatus.WouldBlock:
                _readable = false;
                return ReturnIdleInput();
            case IoStatus.EndOfStream:
                _readable = false;
                _clientEnded = true;
                OnClientEnded();
                return false;
            default:
                Broken();
                return false;
        }
    }

    /// <summary>A client may end its direction after its request and still read the answer (RFC 9112 section 9.6); only a request that is cut by it is lost.</summary>
    private void OnClientEnded()
    {
        if (_state != State.Exchange) Close(abort: false);
        else if (_requestComplete) _keepAlive = false;
        else if (!_isTunnel) _exchange.OnRequestCut();
        else
        {
            _requestComplete = true;
            _exchange.OnRequestEnd(default);
        }
    }

    private bool ReturnIdleInput()
    {
        if (_input is { IsEmpty: true }) ReturnInput();
        if (_input is null && _state == State.Head && _space is not null)
        {
            // Here and nowhere else: whoever closes a connection may still be in the midst of its head.
            _context.HeadSpaces.Return(_space);
            _space = null;
        }
        return false;
    }

    private void ReturnInput()
    {
        if (_input is null) return;
        _context.Worker.Buffers.Return(_input);
        _input = null;
    }

    // ---- the exchange's side

    public override RequestHead Head
    {
        get
        {
            if (!_headHeld) throw new InvalidOperationException("the head was asked for after its bytes were given away");
            var buffer = HeadBytes;
            var head = Parsed.AsRequestHead(buffer, _normalizedLength >= 0 ? _space!.Path.AsSpan(0, _normalizedLength) : Parsed.Path(buffer), _connection.IsApplicationTls);
            return Parsed.AuthorityLength > 0 ? head : new RequestHead(head.Method, head.Scheme, DefaultHost, head.Path, head.Buffer, head.Fields);
        }
    }

    public override HttpVersion Version => Parsed.MinorVersion == 0 ? HttpVersion.Http10 : HttpVersion.Http11;

    public override bool HasBody => Parsed.Body != BodyKind.None;

    public override long DeclaredLength => Parsed.ContentLength;

    public override bool ExpectsContinue => Parsed.ExpectContinue && Parsed.MinorVersion >= 1;

    public override bool AcceptsTrailers => Parsed.TeTrailers;

    /// <inheritdoc/>
    /// <remarks>HEAD has no body to switch from: its wish is ignored, as any may be (RFC 9110 section 7.8). As extended CONNECT it would become a GET.</remarks>
    public override ReadOnlySpan<byte> UpgradeProtocol => _headHeld && Parsed.RequestKind != RequestKind.Head ? Parsed.UpgradeProtocol(HeadBytes) : default;

    public override bool IsConnect => Parsed.TargetForm == TargetForm.Authority;

    public override bool HasAbsoluteTarget => Parsed.TargetForm == TargetForm.Absolute;

    public override void AcceptConnect()
    {
        _connection.ConnectTarget = ConnectTarget.Parse(Parsed.Authority(_input!.Readable));
        _connected = _keepAlive = true;
        _mayBeHttp2 = _connection.Chain.Http.Codec != HttpCodec.Http1; // gRPC clients come so
        _output.Append(Http1Heads.Connected);
    }

    public override DownstreamConnection ConnectInside() => _connection;

    public override void AcceptConnect(IConnectServer server)
    {
        _connection.ConnectTarget = ConnectTarget.Parse(Parsed.Authority(HeadBytes));
        ReleaseHead(); // what lies behind it is the first of the bytes
        server.TakeOver(_channel, LeaveChannel(), Http1Heads.Connected);
    }

    public override void BeginTunnel()
    {
        ReleaseHead(); // what lies behind it, sent before the answer, is the tunnel's: it was never looked at as a request
        _isTunnel = true;
        _requestComplete = false;
        _body = BodyReader.Tunnel;
        ResumeBody();
    }

    public override void ReleaseHead()
    {
        if (!_headHeld) return;
        _headHeld = false;
        if (_keptHead is null)
        {
            _input!.Consume(Parsed.Length);
            return;
        }
        _context.Worker.Buffers.Return(_keptHead);
        _keptHead = null;
    }

    /// <summary>The head stays beside the input, whose bytes go on with the body.</summary>
    private void KeepHead()
    {
        _keptHead = _context.Worker.Buffers.Rent(Parsed.Length);
        _keptHead.TryAppend(_input!.Readable[..Parsed.Length]);
        _input.Consume(Parsed.Length);
    }

    private Span<byte> HeadBytes => (_keptHead ?? _input!).Readable;

    public override void ResumeBody()
    {
        _bodyWanted = true;
        Process();
    }

    public override void PauseBody() => _bodyWanted = false;

    public override void WriteInterim(in ResponseHead head)
    {
        if (Parsed.MinorVersion == 0) return; // RFC 9110 section 15.2: a 1.0 client does not know them
        Http1Heads.WriteInterim(ref _output, head, _exchange);
        TryFlush();
    }

    public override bool WriteHead(in ResponseHead head, Exchange exchange)
    {
        if (exchange.IsTunnel)
        {
            _framing = Http1BodyFraming.Tunnel;
            _keepAlive = false;
            return Http1Heads.WriteSwitch(ref _output, head, exchange);
        }
        _framing = Http1BodyFraming.ForResponse(head, Version);
        if (_connection.IsEnding || _framing.EndsWithConnection) _keepAlive = false;
        return Http1Heads.WriteResponse(ref _output, head, exchange, _framing, Version, _keepAlive);
    }

    public override bool WriteBody(ReadOnlySpan<byte> data)
    {
        switch (_framing.WriteBody(ref _output, _channel, data))
        {
            case IoStatus.Failed:
                Broken();
                return true;
            case IoStatus.WouldBlock:
                return false;
            default:
                return true;
        }
    }

    public override void WriteEnd(in Trailers trailers)
    {
        _framing.WriteEnd(ref _output, trailers);
        if (!_isTunnel) return;
        _finWanted = true;
        TryFlush();
    }

    public override void WriteLocalReply(in LocalReply reply)
    {
        // A body that was not read would be taken for the next request.
        if (!_requestComplete || _connection.IsEnding) _keepAlive = false;
        var withoutBody = Parsed.RequestKind == RequestKind.Head || reply.Status is 204 or 304;
        Http1Heads.WriteLocalReply(ref _output, reply, _exchange, _keepAlive, Version, withoutBody);
    }

    public override void Flush()
    {
        if (!_processing) Process(); // flushes, and goes on with what waited for the flush
    }

    public override void Abort() => Close(abort: true);

    public override void OnExchangeEnded()
    {
        if (_state != State.Exchange) return;
        ReleaseHead();
        if (!_keepAlive || !_requestComplete)
        {
            _state = State.Closing;
            SetTimer(Limits.StreamIdleMs); // for what is still to be written; the wait for the client's end begins at ours
        }
        else
        {
            _state = State.Head;
            SetTimer(_input is { IsEmpty: false } && Limits.RequestHeadersMs != ConnectionLimits.None ? Limits.RequestHeadersMs : IdleMs);
        }
        Process();
    }

    // ---- ending

    /// <summary>A head that cannot be served: there is no telling where the next one would start.</summary>
    private void Refuse(Fault fault, string detail, int status)
    {
        _context.Worker.Timers.Cancel(_timer);
        _state = State.Exchange;
        _headHeld = false;
        _keepAlive = false;
        _requestComplete = false;
        _exchange.Refuse(status, fault, detail);
    }

    private bool EndOurDirection()
    {
        // Nothing unread is known of: a plain close sends no reset.
        if (_clientEnded || !_finSent && _requestComplete && !_readable && _input is null or { IsEmpty: true })
        {
            Close(abort: false);
            return false;
        }
        if (!_finSent)
        {
            SendFin();
            SetTimer(Limits.DelayedCloseMs);
        }
        _input?.Clear();
        return Fill(BufferPool.BlockBytes);
    }

    /// <summary>False: the rest waits for the channel, or the connection broke.</summary>
    private bool TryFlush()
    {
        if (_state == State.Closed) return false;
        var status = _output.Flush(_channel);
        if (status == IoStatus.Failed) Broken();
        else if (status == IoStatus.WouldBlock && _state == State.Head) SetTimer(Limits.StreamIdleMs); // not idle: it is slow to take its answer
        else if (status == IoStatus.Ok && _finWanted) SendFin();
        return status == IoStatus.Ok;
    }

    private void SendFin()
    {
        if (_finSent) return;
        _finSent = true;
        _channel.ShutdownWrite();
    }

    private void Broken()
    {
        var serving = _state == State.Exchange;
        Close(abort: true);
        if (serving) _exchange.OnDownstreamClosed();
    }

    private void Close(bool abort)
    {
        if (_state == State.Closed) return;
        _state = State.Closed;
        if (abort) _channel.Abort();
        else _channel.Close();
        _context.Worker.Timers.Cancel(_timer);
        _context.Connections.Remove(this);
        _connection.Closed();
        _output.Drop();
        ReturnInput();
        if (_keptHead is null) return;
        _context.Worker.Buffers.Return(_keptHead);
        _keptHead = null;
        _headHeld = false;
    }

    private void SetTimer(long delayMs)
    {
        if (delayMs == ConnectionLimits.None) _context.Worker.Timers.Cancel(_timer);
        else _context.Worker.Timers.Schedule(_timer, delayMs);
    }
}
