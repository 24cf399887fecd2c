using System.Globalization;
using System.Text;
using Weft.Proxy.Configuration;
using Weft.Proxy.Http1;
using Weft.Proxy.Http2;
using Weft.Proxy.Http2.Hpack;
using Weft.Proxy.Mesh;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Tcp;
using Weft.Proxy.Transport;
using Weft.Routing.Requests;
using Weft.Telemetry.Outcomes;
using HttpVersion = Weft.Proxy.Pipelines.HttpVersion;

namespace Weft.Proxy.Listening;

/// <summary>
/// One HTTP/2 request and its response. The exchange starts when everything that came with one read was looked at, so that a short body goes on together with its head,
/// and a request that its client reset in the same breath costs nothing.
/// </summary>
/// <remarks>Two things end separately, the stream and the exchange; when both have, the object waits for the next request. An exception in the exchange resets its stream, never
/// the connection.</remarks>
internal sealed class Http2ServerStream : DownstreamStream, IHttp2StreamEvents
{
    private readonly WorkerContext _context;
    private readonly DownstreamConnection _connection;
    private readonly Http2ServerConnection _owner;
    private readonly Exchange _exchange;
    private readonly FieldBlock _fields = new();
    private Http2TunnelChannel? _inner; // after CONNECT: the stream's bytes are a connection of their own
    private RequestMessage _message;
    private byte[] _normalizedPath = [];
    private PathStatus _normalized;
    private int _normalizedLength;
    private int _unsentBytes;
    private bool _starts; // a head has come and its exchange has not begun
    private bool _serving;
    private bool _headHeld;
    private bool _headTooLarge;
    private bool _hasBody;
    private bool _bodyBegun;
    private bool _withoutBody;
    private string? _malformed;

    public Http2ServerStream(WorkerContext context, DownstreamConnection connection, Http2ServerConnection owner)
    {
        _context = context;
        _connection = connection;
        _owner = owner;
        _exchange = new Exchange(context, connection, this);
        Stream = new Http2Stream(this) { Fields = _fields };
    }

    public Http2Stream Stream { get; }

    /// <summary>It stands in its connection's list of streams whose exchange has ended before their last byte was sent.</summary>
    public bool IsLeaving { get; set; }

    public long LeavingSinceMs { get; set; }

    /// <summary>When the stream has been without progress for <paramref name="limitMs"/>, asked now and then.</summary>
    public long DueAfterProgress(long nowMs, long limitMs)
    {
        if (Stream.UnsentBytes < _unsentBytes) LeavingSinceMs = nowMs;
        _unsentBytes = Stream.UnsentBytes;
        return LeavingSinceMs + limitMs;
    }

    // ---- what the stream tells

    void IHttp2StreamEvents.OnHead(FieldBlock fields, bool endStream)
    {
        _starts = _headHeld = true;
        _bodyBegun = _headTooLarge = false;
        _malformed = RequestMessage.TryRead(fields, endStream, _connection.Chain.Http2.EnableConnectProtocol, out _message, out var error) ? null : error;
        Stream.DeclaredLength = _message.Kind == RequestKind.Connect ? -1 : _message.ContentLength; // RFC 9110 section 9.3.6: it means nothing on CONNECT
        _hasBody = !endStream && _message.Kind != RequestKind.Connect; // what follows a CONNECT is the tunnel's, if there will be one
        _withoutBody = _message.Kind == RequestKind.Head;
    }

    void IHttp2StreamEvents.OnHeadTooLarge(bool endStream)
    {
        _starts = _headTooLarge = true;
        _hasBody = !endStream;
        _bodyBegun = _withoutBody = false;
        _malformed = null;
        _message = default;
    }

    void IHttp2StreamEvents.OnReceived()
    {
        try
        {
            if (_starts) Start();
            if (_serving) _exchange.FlushUpstream();
        }
        catch (Exception e)
        {
            Contain("received", e);
        }
    }

    bool IHttp2StreamEvents.OnData(ReadOnlySpan<byte> data)
    {
        try
        {
            if (_inner is { } inner) return inner.OnData(data);
            if (!_serving) return true;
            BeginBody();
            return _exchange.OnRequestBody(data);
        }
        catch (Exception e)
        {
            Contain("body", e);
            return false;
        }
    }

    void IHttp2StreamEvents.OnEnd(in Trailers trailers)
    {
        _inner?.OnEnd();
        if (!_serving || !_hasBody) return;
        try
        {
            if (!trailers.IsEmpty) BeginBody(); // they are not kept for another attempt
            _exchange.OnRequestEnd(trailers);
        }
        catch (Exception e)
        {
            Contain("end of body", e);
        }
    }

    void IHttp2StreamEvents.OnWritable()
    {
        _inner?.OnWritable();
        try
        {
            if (_serving) _exchange.OnDownstreamWritable();
        }
        catch (Exception e)
        {
            Contain("writable", e);
        }
    }

    void IHttp2StreamEvents.OnAborted(in StreamAbort abort)
    {
        _starts = false;
        try
        {
            _inner?.OnBroken(abort.Detail);
            if (!_serving) RecycleWhenDone();
            else if (_malformed is not null) return; // the exchange is about to end
            else if (abort.Violation) _exchange.OnRequestMalformed(abort.Detail);
            else _exchange.OnDownstreamClosed();
        }
        catch (Exception e)
        {
            Contain("aborted", e);
        }
    }

    void IHttp2StreamEvents.OnClosed() => RecycleWhenDone();

    private void BeginBody()
    {
        if (_bodyBegun) return;
        _bodyBegun = true;
        if (!_exchange.OnBodyBegins()) ReleaseHead();
    }

    private void Contain(string step, Exception e)
    {
        _context.Worker.Report("exchange", $"stream {Stream.Id} of {_connection.Remote}, {step}", e);
        if (_serving) _exchange.Break();
    }

    // ---- serving

    private void Start()
    {
        _starts = false;
        _serving = true;
        // What ended with an empty DATA frame that came along has no body to wait for.
        _hasBody &= !Stream.IsEmptySoFar;
        if (_malformed is not null) _exchange.Refuse(400, Fault.BadRequest, _malformed);
        else if (_headTooLarge) _exchange.Refuse(431, Fault.HeaderTooLarge, string.Create(CultureInfo.InvariantCulture,
            $"the request head passes the limit of {_connection.Limits.Http1.MaxHeadBytes} bytes (SETTINGS_MAX_HEADER_LIST_SIZE) or {_connection.Limits.Http1.MaxFields} fields"));
        else if (!IsServed(out var status, out var detail)) _exchange.Refuse(status, Fault.BadRequest, detail);
        else if (_normalized == PathStatus.Redirected) _exchange.RedirectToNormalPath();
        else _exchange.Start();
        if (_serving && !_hasBody && Stream.IsEmptySoFar) Stream.Resume(); // nobody else asks for its end
    }

    private bool IsServed(out int status, out string detail)
    {
        (status, detail) = (0, "");
        if (_message.IsTunnel)
        {
            _normalized = PathStatus.Unchanged;
            _normalizedLength = -1;
            if (!_connection.TakesConnect) (status, detail) = (501, "CONNECT is not served here");
        }
        else if (_connection.Peer is null && _message.Scheme(_fields).SequenceEqual("https"u8)) (status, detail) = (400, "an https target came over a connection that is not TLS");
        else Normalize(out status, out detail);
        return status == 0;
    }

    private void Normalize(out int status, out string detail)
    {
        (status, detail) = (0, "");
        _normalized = PathStatus.Unchanged;
        _normalizedLength = -1;
        var path = _message.Path(_fields);
        if (path is [(byte)'*']) return;
        if (_normalizedPath.Length < path.Length + 1) _normalizedPath = new byte[Math.Max(256, (path.Length + 1) * 2)];
        _normalized = PathNormalizer.Normalize(path, _normalizedPath, _connection.Chain.PathPolicy, out var written, out var error);
        switch (_normalized)
        {
            case PathStatus.Rewritten or PathStatus.Redirected: _normalizedLength = written; break;
            case PathStatus.Rejected: (status, detail) = (400, error.Reason); break;
        }
    }

    private void RecycleWhenDone()
    {
        if (_serving || _starts || Stream.IsOpen) return;
        _inner?.OnStreamGone();
        _inner = null;
        _owner.Recycle(this);
    }

    // ---- the exchange's side

    public override RequestHead Head
    {
        get
        {
            if (!_headHeld) throw new InvalidOperationException("the head was asked for after its bytes were given away");
            var path = _normalizedLength >= 0 ? _normalizedPath.AsSpan(0, _normalizedLength) : _message.Path(_fields);
            var method = _message.IsExtendedConnect ? MethodOfUpgrade : _message.Method(_fields);
            return new RequestHead(method, _message.Scheme(_fields), _message.Authority(_fields), path, _fields.Buffer, _message.Fields(_fields));
        }
    }

    /// <summary>What the request's method would be in HTTP/1, where an upgrade has one.</summary>
    private ReadOnlySpan<byte> MethodOfUpgrade
    {
        get
        {
            if (!_connection.IsMesh) return "GET"u8;
            foreach (ref readonly var said in _message.Fields(_fields))
            {
                if (said.Known == KnownHeader.XWeft && Ascii.EqualsIgnoreCase(_fields.Name(said), MeshFields.Method) && IsMethodOfUpgrade(_fields.Value(said))) return _fields.Value(said);
            }
            return "GET"u8;
        }
    }

    /// <summary>HEAD has no body to switch from, and CONNECT is another request altogether.</summary>
    private static bool IsMethodOfUpgrade(ReadOnlySpan<byte> method) => Octets.IsToken(method) && !method.SequenceEqual("CONNECT"u8) && !method.SequenceEqual("HEAD"u8);

    public override HttpVersion Version => HttpVersion.Http2;

    public override void RestoreNames(in MessageForm form) => form.Restore(_fields.WritableBuffer, _fields.Fields);

    public override bool HasBody => _hasBody;

    public override long DeclaredLength => _message.Kind == RequestKind.Connect ? -1 : _message.ContentLength;

    public override bool ExpectsContinue => _message.ExpectsContinue;

    public override bool AcceptsTrailers => _message.TeTrailers;

    /// <inheritdoc/>
    /// <remarks>Extended CONNECT (RFC 8441) means what Upgrade means in HTTP/1, and is routed and answered as that: a GET that switches protocols.</remarks>
    public override ReadOnlySpan<byte> UpgradeProtocol => _headHeld ? _message.Protocol(_fields) : default;

    /// <inheritdoc/>
    public override bool IsExtendedConnect => _message.IsExtendedConnect;

    /// <inheritdoc/>
    public override bool IsConnect => _message.IsTunnel;

    public override DownstreamConnection ConnectInside() => _connection.Inside(ConnectTarget.Parse(_message.Authority(_fields)));

    public override void AcceptConnect() => Connect(new Http1ServerConnection(_context, ConnectInside()));

    public override void AcceptConnect(IConnectServer server) => Connect(server);

    private void Connect(IChannelHandler inner)
    {
        var writer = Stream.BeginHead();
        WriteStatus(ref writer, 200);
        Stream.EndHead(ref writer, endStream: false);
        _inner = new Http2TunnelChannel(_context.Worker, this, _owner, Stream, _owner.Under, inner);
        if (Stream.EndDelivered) _inner.OnEnd(); // before there was anybody to hear it
        _owner.ScheduleFlush();
    }

    public override void BeginTunnel()
    {
        ReleaseHead();
        _hasBody = true;
        var told = Stream.EndDelivered;
        Stream.Resume();
        if (told) _exchange.OnRequestEnd(default); // the client ended its side before there was a tunnel
    }

    public override void ReleaseHead()
    {
        if (!_headHeld) return;
        _headHeld = false;
        _fields.Clear();
    }

    public override void ResumeBody() => Stream.Resume();

    public override void PauseBody() => Stream.Pause();

    public override void WriteInterim(in ResponseHead head)
    {
        if (!Stream.IsOpen) return;
        var writer = Stream.BeginHead();
        WriteStatus(ref writer, head.Status);
        ResponseFields.WriteInterim(ref writer, head, _exchange);
        Stream.EndHead(ref writer, endStream: false);
        _owner.ScheduleFlush();
    }

    public override bool WriteHead(in ResponseHead head, Exchange exchange)
    {
        if (!Stream.IsOpen) return true; // it is being told so
        var framing = exchange.IsTunnel ? Http1BodyFraming.Tunnel : Http1BodyFraming.ForResponse(head, HttpVersion.Http2);
        _withoutBody |= framing.Kind == BodyKind.None;
        var writer = Stream.BeginHead();
        var says = exchange.IsTunnel ? 200 : StatusFor(head.Status);
        WriteStatus(ref writer, says);
        ResponseFields.Write(ref writer, head, exchange);
        if (!exchange.IsTunnel && says != head.Status) writer.Field(MeshFields.Status, Digits(head.Status, stackalloc byte[3]));
        if (framing.Length >= 0) writer.ContentLength(framing.Length);
        var written = Stream.EndHead(ref writer, endStream: false); // the end comes onto it when nothing follows
        _owner.ScheduleFlush();
        return written;
    }

    public override bool WriteBody(ReadOnlySpan<byte> data) => _withoutBody || Stream.Write(data);

    public override void WriteEnd(in Trailers trailers)
    {
        Stream.WriteEnd(trailers);
        _owner.ScheduleFlush();
    }

    public override void WriteLocalReply(in LocalReply reply)
    {
        if (!Stream.IsOpen) return;
        if (_malformed is not null)
        {
            Stream.Malformed(_malformed);
            return;
        }
        // Between mesh proxies: nothing of the request has reached the application, another instance may have it.
        if (_connection.IsMesh && reply.Fault.SequenceEqual(Fault.Unprocessed.CodeUtf8()))
        {
            Stream.Reset(Http2ErrorCode.RefusedStream);
            _owner.ScheduleFlush(); // the stream has ended with this: nobody else asks for it
            return;
        }
        var writer = Stream.BeginHead();
        var says = StatusFor(reply.Status);
        WriteStatus(ref writer, says);
        ResponseFields.Write(ref writer, reply, _exchange);
        if (says != reply.Status) writer.Field(MeshFields.Status, Digits(reply.Status, stackalloc byte[3]));
        if (reply.Status is not (204 or 304)) writer.ContentLength(reply.Body.Length);
        if (!Stream.EndHead(ref writer, endStream: false)) return;
        if (!_withoutBody && reply.Status is not (204 or 304)) Stream.Write(reply.Body);
        Stream.WriteEnd(default);
        _owner.ScheduleFlush();
    }

    public override void Flush() => _owner.ScheduleFlush();

    public override void Abort()
    {
        Stream.Reset(Http2ErrorCode.InternalError);
        _owner.ScheduleFlush();
    }

    public override void OnExchangeEnded()
    {
        _serving = false;
        ReleaseHead();
        if (_inner is not null && Stream.IsOpen) return; // it goes on until the connection inside has ended
        if (Stream.IsOpen)
        {
            Stream.Leave();
            _owner.ScheduleFlush();
        }
        else RecycleWhenDone();
        WatchLeaving();
    }

    /// <summary>Our part is done, and what was written may never be taken: from now on somebody looks at the time.</summary>
    public void WatchLeaving()
    {
        if (!Stream.IsOpen) return;
        _unsentBytes = Stream.UnsentBytes;
        _owner.AddLeaving(this);
    }

    private static void WriteStatus(ref FieldBlockWriter writer, int status)
    {
        writer.Pseudo(":status"u8, Digits(status, stackalloc byte[3]));
    }

    private static Span<byte> Digits(int status, Span<byte> into)
    {
        (into[0], into[1], into[2]) = ((byte)('0' + status / 100), (byte)('0' + status / 10 % 10), (byte)('0' + status % 10));
        return into;
    }

    /// <summary>What stands for the status of an answer that switches nothing: to extended CONNECT a 2xx would say that it did. Other clients than a mesh peer are given none.</summary>
    private int StatusFor(int status) => status is >= 200 and < 300 && _message.IsExtendedConnect && _connection.IsMesh ? MeshFields.NotSwitched : status;
}
