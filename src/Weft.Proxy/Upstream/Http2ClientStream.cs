using Weft.Proxy.Http1;
using Weft.Proxy.Http2;
using Weft.Proxy.Http2.Hpack;
using Weft.Proxy.Mesh;
using Weft.Proxy.Pipelines;
using Weft.Routing.Requests;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Upstream;

/// <summary>
/// One request and its response as a stream of an HTTP/2 connection. Two things end separately, the stream and the exchange's interest in it; when both have, the
/// object serves another request.
/// </summary>
internal sealed class Http2ClientStream : UpstreamStream, IHttp2StreamEvents
{
    private readonly Http2ClientConnection _connection;
    private readonly Http2Stream _stream;
    private Exchange? _exchange;
    private bool _isHead;
    private bool _isUpgrade;
    private bool _connectionLost;
    private int _interims;

    public Http2ClientStream(Http2ClientConnection connection)
    {
        _connection = connection;
        _stream = new Http2Stream(this);
    }

    /// <inheritdoc/>
    /// <remarks>For servers that close without the GOAWAY which tells what they have seen. A reset of this stream alone is an answer to it.</remarks>
    public override bool IsReused => _connectionLost && _connection.IsReused;

    public override bool TellsUnprocessed => true;

    /// <inheritdoc/>
    /// <remarks>What waits for a window is sent after the exchange has let go, too.</remarks>
    public override bool HasUnsent => false;

    // ---- request

    public override void WriteHead(Exchange exchange)
    {
        _exchange = exchange;
        _interims = 0;
        _connectionLost = false;
        _isHead = exchange.Downstream.Head.Method.SequenceEqual("HEAD"u8);
        if (!RequestFields.TryTarget(exchange, out var target))
        {
            Fail(Fault.BadRequest, "the request cannot be written as HTTP/2 after the route's rewrites");
            return;
        }
        var head = exchange.Downstream.Head;
        if (ListBytes(exchange) > _connection.Session.PeerMaxHeaderListBytes)
        {
            Fail(Fault.HeaderTooLarge, $"endpoint {_connection.Endpoint} takes heads of at most {_connection.Session.PeerMaxHeaderListBytes} bytes (SETTINGS_MAX_HEADER_LIST_SIZE)");
            return;
        }
        var protocol = exchange.UpgradeProtocol;
        _isUpgrade = !protocol.IsEmpty;
        if (_isUpgrade && !MayConnect(head)) return;
        _connection.Session.Open(_stream);
        var writer = _stream.BeginHead();
        writer.Pseudo(":method"u8, _isUpgrade ? "CONNECT"u8 : head.Method);
        if (_isUpgrade) writer.Pseudo(":protocol"u8, protocol);
        writer.Pseudo(":scheme"u8, SchemeOf(head));
        writer.Pseudo(":authority"u8, RequestFields.Authority(exchange));
        writer.Pseudo(":path"u8, target);
        RequestFields.Write(ref writer, exchange);
        if (_isUpgrade && exchange.ToMeshPeer && !head.Method.SequenceEqual("GET"u8)) writer.Field(MeshFields.Method, head.Method);
        if (exchange.Downstream.AcceptsTrailers) writer.Field("te"u8, "trailers"u8);
        if (exchange.Downstream.DeclaredLength >= 0) writer.ContentLength(exchange.Downstream.DeclaredLength);
        if (_stream.EndHead(ref writer, endStream: false)) _connection.ScheduleFlush(); // END_STREAM comes onto it when no body follows
        else Fail(Fault.BadRequest, "the request cannot be written as HTTP/2 after the route's rewrites");
    }

    /// <summary>
    /// Extended CONNECT is the upgrade of HTTP/2, and only for a peer that has announced it (RFC 8441 section 3). False: not now, or never, and the exchange knows.
    /// </summary>
    private bool MayConnect(in RequestHead head)
    {
        var session = _connection.Session;
        if (!session.HavePeerSettings) _connection.AwaitSettings(this);
        else if (!session.PeerTakesConnectProtocol)
            Fail(Fault.UpstreamProtocol, $"endpoint {_connection.Endpoint} speaks HTTP/2 and takes no extended CONNECT (RFC 8441), so that it can switch to no protocol");
        else if (!_connection.Transport.IsMesh && !head.Method.SequenceEqual("GET"u8)) Fail(Fault.BadRequest, "HTTP/2 knows no upgrade of a method other than GET");
        else return true;
        return false;
    }

    /// <summary>The peer's SETTINGS have come: what waited for them can be said, or never.</summary>
    public void OnSettings()
    {
        if (_exchange is not { } exchange || _stream.IsOpen) return;
        try
        {
            if (_connection.Session.CanOpen) WriteHead(exchange);
            else Unsaid("it takes no more streams");
        }
        catch (Exception e)
        {
            Contain("settings", exchange, e);
        }
    }

    /// <summary>What waited for the peer's SETTINGS will never be said: nothing of it has left.</summary>
    public void Unsaid(string why)
    {
        if (_exchange is not { } exchange || _stream.IsOpen) return;
        _exchange = null;
        RecycleWhenDone();
        exchange.OnUpstreamFailed(Fault.UpstreamClosed, $"endpoint {_connection.Endpoint}: {why}", unprocessed: true);
        exchange.FlushDownstream();
    }

    public override bool WriteBody(ReadOnlySpan<byte> data)
    {
        if (_stream.Write(data)) return true;
        _connection.ScheduleFlush(); // what fitted must leave although the client is not read any more: the window opens by nothing else
        return false;
    }

    public override void WriteEnd(in Trailers trailers) => _stream.WriteEnd(trailers);

    public override void Flush() => _connection.ScheduleFlush();

    /// <summary>As RFC 9113 section 6.5.2 counts, without the few fields of ours: enough to tell the person why instead of meeting the peer's refusal.</summary>
    private static long ListBytes(Exchange exchange)
    {
        var head = exchange.Downstream.Head;
        var size = 0L;
        foreach (ref readonly var field in head.Fields) size += field.NameLength + field.ValueLength + 32;
        return size;
    }

    /// <summary>Between Weft proxies the application's own; else what the connection is.</summary>
    private ReadOnlySpan<byte> SchemeOf(in RequestHead head) =>
        _connection.Transport.IsMesh ? head.Scheme : _connection.Transport.IsTls ? "https"u8 : "http"u8;

    // ---- response

    public override void ResumeBody()
    {
        var exchange = _exchange;
        _stream.Resume();
        exchange?.FlushDownstream();
        _connection.ScheduleFlush(); // the window that was opened
    }

    public override void Release(bool requestComplete, bool responseComplete)
    {
        _exchange = null;
        if (_stream.IsOpen)
        {
            if (responseComplete && _stream.IsLocalEnded) return; // the session closes it in this same call
            if (_isUpgrade && requestComplete && responseComplete) _stream.Leave(); // both sides of a tunnel have ended
            else _stream.Reset(Http2ErrorCode.Cancel); // also of what the endpoint has answered without waiting for its end
            _connection.ScheduleFlush();
        }
        else RecycleWhenDone();
    }

    void IHttp2StreamEvents.OnHead(FieldBlock fields, bool endStream)
    {
        if (_exchange is not { } exchange) return;
        try
        {
            OnHead(exchange, fields, endStream);
        }
        catch (Exception e)
        {
            Contain("head", exchange, e);
        }
    }

    private void OnHead(Exchange exchange, FieldBlock fields, bool endStream)
    {
        if (!ResponseMessage.TryRead(fields, out var message, out var error))
        {
            _stream.Malformed(error);
            return;
        }
        var switches = _isUpgrade && message.Status is >= 200 and < 300;
        if (_isUpgrade && _connection.Transport.IsMesh && message.Status == MeshFields.NotSwitched && MeshFields.TryReadStatus(fields.Buffer, fields.Fields, out var status)) message = message.With(status);
        var reason = RestoreForm(fields, message.Status);
        if (message.IsInterim)
        {
            OnInterim(exchange, fields, message.Status, reason);
            return;
        }
        if (switches)
        {
            OnSwitched(exchange, fields, endStream);
            return;
        }
        var bodiless = _isHead || message.Status is 204 or 304;
        if (!bodiless && endStream && message.ContentLength > 0)
        {
            _stream.Malformed("a response without a body that announces one");
            return;
        }
        _stream.DeclaredLength = bodiless ? 0 : message.ContentLength;
        var id = _stream.Id;
        exchange.OnResponseHead(HeadOf(fields, message, reason, bodiless, endStream));
        if (_stream.Id != id || !ReferenceEquals(_exchange, exchange)) return; // it has let go of us
        if (!endStream) return;
        exchange.OnResponseEnd(default);
        exchange.FlushDownstream();
    }

    /// <summary>Any 2xx grants an extended CONNECT. To the exchange it is what HTTP/1 says in that place.</summary>
    private void OnSwitched(Exchange exchange, FieldBlock fields, bool endStream)
    {
        _stream.DeclaredLength = -1; // a length in it means nothing (RFC 9110 section 9.3.6)
        exchange.OnResponseHead(new ResponseHead(101, ReasonPhrases.Of(101), fields.Buffer, ResponseMessage.Fields(fields), BodyKind.UntilClose, -1));
        if (!ReferenceEquals(_exchange, exchange)) return;
        if (endStream) exchange.OnResponseEnd(default);
        exchange.FlushDownstream();
    }

    void IHttp2StreamEvents.OnHeadTooLarge(bool endStream) => Refuse(
        $"endpoint {_connection.Endpoint} sent a head of more than {_connection.Cluster.Cluster.MaxResponseHeadersBytes} bytes or {_connection.Cluster.Cluster.MaxResponseHeadersCount} fields");

    bool IHttp2StreamEvents.OnData(ReadOnlySpan<byte> data)
    {
        if (_exchange is not { } exchange) return true;
        try
        {
            return exchange.OnResponseBody(data);
        }
        catch (Exception e)
        {
            Contain("body", exchange, e);
            return false;
        }
    }

    void IHttp2StreamEvents.OnEnd(in Trailers trailers)
    {
        if (_exchange is not { } exchange) return;
        try
        {
            exchange.OnResponseEnd(trailers);
            exchange.FlushDownstream();
        }
        catch (Exception e)
        {
            Contain("end of body", exchange, e);
        }
    }

    void IHttp2StreamEvents.OnReceived()
    {
        if (_exchange is not { } exchange) return;
        try
        {
            exchange.FlushDownstream();
        }
        catch (Exception e)
        {
            Contain("received", exchange, e);
        }
    }

    void IHttp2StreamEvents.OnWritable()
    {
        if (_exchange is not { } exchange) return;
        try
        {
            exchange.OnUpstreamWritable();
        }
        catch (Exception e)
        {
            Contain("writable", exchange, e);
        }
    }

    void IHttp2StreamEvents.OnAborted(in StreamAbort abort)
    {
        var exchange = _exchange;
        _exchange = null;
        _connectionLost = abort.ConnectionLost || abort.Unprocessed && abort.Code != Http2ErrorCode.RefusedStream; // GOAWAY
        var fault = abort.Violation ? Fault.UpstreamProtocol : abort.ConnectionLost && abort.Code == Http2ErrorCode.NoError ? Fault.UpstreamClosed : Fault.UpstreamReset;
        var code = abort.Code == Http2ErrorCode.NoError ? "" : $" ({abort.Code})";
        var detail = exchange is null ? "" : $"endpoint {_connection.Endpoint}: {abort.Detail}{code}";
        RecycleWhenDone();
        if (exchange is null) return;
        try
        {
            exchange.OnUpstreamFailed(fault, detail, abort.Unprocessed);
            exchange.FlushDownstream();
        }
        catch (Exception e)
        {
            Contain("aborted", exchange, e);
        }
    }

    void IHttp2StreamEvents.OnClosed() => RecycleWhenDone();

    private void OnInterim(Exchange exchange, FieldBlock fields, int status, ReadOnlySpan<byte> reason)
    {
        if (++_interims > _connection.MaxInterimResponses)
        {
            _connection.Retire(); // what is still on its way would end it under the next request
            Refuse($"endpoint {_connection.Endpoint} sent more than {_connection.MaxInterimResponses} interim responses");
            return;
        }
        exchange.OnInterimResponse(new ResponseHead(status, reason, fields.Buffer, ResponseMessage.Fields(fields), BodyKind.None, -1));
    }

    /// <summary>Between Weft proxies, the names take the case that the application wrote.</summary>
    /// <returns>The application's reason phrase; the usual one of the status where it said none, or could not.</returns>
    private ReadOnlySpan<byte> RestoreForm(FieldBlock fields, int status)
    {
        if (!_connection.Transport.IsMesh || !MeshFields.TryReadForm(fields.Buffer, fields.Fields, out var form)) return ReasonPhrases.Of(status);
        form.Restore(fields.WritableBuffer, fields.Fields);
        return form.HasReason ? form.Reason : ReasonPhrases.Of(status);
    }

    /// <summary>The head in the form that every protocol's client side is given. A response that ends with its head has no body, and says so where length is told.</summary>
    private static ResponseHead HeadOf(FieldBlock fields, in ResponseMessage message, ReadOnlySpan<byte> reason, bool bodiless, bool endStream)
    {
        var length = endStream && !bodiless ? 0 : message.ContentLength;
        var kind = bodiless || endStream ? BodyKind.None : length >= 0 ? BodyKind.Length : BodyKind.Chunked;
        return new ResponseHead(message.Status, reason, fields.Buffer, ResponseMessage.Fields(fields), kind, length);
    }

    // ---- ends

    /// <summary>The endpoint breaks a limit of ours: its stream ends, and the exchange hears why.</summary>
    private void Refuse(string detail) => Fail(Fault.UpstreamProtocol, detail);

    private void Fail(Fault fault, string detail)
    {
        var exchange = _exchange;
        _exchange = null;
        if (_stream.IsOpen)
        {
            _stream.Reset(Http2ErrorCode.Cancel);
            _connection.ScheduleFlush();
        }
        else RecycleWhenDone();
        exchange?.OnUpstreamFailed(fault, detail);
        exchange?.FlushDownstream();
    }

    /// <summary>An exception in one exchange ends that exchange; the connection serves others.</summary>
    private void Contain(string step, Exchange exchange, Exception e)
    {
        _connection.Report($"stream {_stream.Id} of {_connection.Endpoint}, {step}", e);
        exchange.Break();
    }

    private void RecycleWhenDone()
    {
        if (_exchange is null && !_stream.IsOpen) _connection.Recycle(this);
    }
}
