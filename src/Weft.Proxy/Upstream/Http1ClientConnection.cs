using System.Diagnostics.CodeAnalysis;
using System.Text;
using Weft.Proxy.Buffers;
using Weft.Proxy.Configuration;
using Weft.Proxy.Http1;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Security;
using Weft.Proxy.Transport;
using Weft.Routing.Clusters;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Upstream;

/// <summary>
/// One HTTP/1 connection to an endpoint. States: opening (a waiter stands by) -> busy (one exchange) -> idle (in its pool) -> busy … -> closed.
/// Bytes that arrive while it is idle belong to no request and end it (RFC 9112 section 9.3.1).
/// </summary>
internal sealed class Http1ClientConnection : UpstreamStream, IChannelHandler
{
    /// <summary>A mesh connection lives at most one hour, and stops taking requests this long before either certificate ends.</summary>
    private const long MeshMaxAgeMs = 3_600_000, CertificateMarginMs = 1000;

    /// <summary>Interim responses (1xx) that one request may get; a peer that goes on is stopped.</summary>
    private const int MaxInterims = 32;

    private readonly EndpointPool _pool;
    private readonly BoundCluster _cluster;
    private readonly Endpoint _endpoint;
    private readonly TransportBinding _transport;
    private readonly Http1Head _head = new();
    private IConnectionWaiter? _waiter;
    private Exchange? _exchange;
    private Channel _channel = null!;
    private ByteBuffer? _input;
    private OutputQueue _output;
    private BodyReader _body;
    private Http1BodyFraming _framing;
    private RequestKind _requestKind;
    private long _expiresMs = long.MaxValue;
    private long _idleSinceMs;
    private int _requests;
    private int _interims;
    private bool _open;
    private bool _closed;
    private bool _readable;
    private bool _processing;
    private bool _headDone;
    private bool _paused;
    private bool _peerEnded;
    private bool _blocked;
    private bool _isTunnel;
    private bool _finWanted;

    public Http1ClientConnection(EndpointPool pool, BoundCluster cluster, Endpoint endpoint, TransportBinding transport, IConnectionWaiter waiter)
    {
        _pool = pool;
        _cluster = cluster;
        _endpoint = endpoint;
        _transport = transport;
        _waiter = waiter;
        _output = new OutputQueue(pool.Context.Worker.Buffers);
    }

    public ClientTls? Tls => _transport.Context;

    public override bool IsReused => _requests > 1;

    private WorkerContext Context => _pool.Context;

    public void Connect() => _channel = Context.Worker.Connect(_endpoint.Address, _transport.Context, _transport.ServerName, _cluster.Cluster.ConnectTimeout, this);

    /// <summary>Serves <paramref name="waiter"/> next.</summary>
    public void Lend(IConnectionWaiter waiter)
    {
        _requests++;
        _interims = 0;
        _headDone = _paused = false;
        waiter.OnConnection(this);
    }

    /// <summary>Stops serving a waiter that has gone while the connection opens; it goes on opening, for the next one.</summary>
    public bool Abandon(IConnectionWaiter waiter)
    {
        if (!ReferenceEquals(_waiter, waiter)) return false;
        _waiter = null;
        return true;
    }

    public bool IsExpired(long now) =>
        now >= _expiresMs || now - _idleSinceMs >= IdleMs
        || _cluster.Cluster.MaxRequestsPerConnection > 0 && _requests >= _cluster.Cluster.MaxRequestsPerConnection;

    private long IdleMs => _cluster.Cluster.IdleTimeout == Timeout.InfiniteTimeSpan ? long.MaxValue : (long)_cluster.Cluster.IdleTimeout.TotalMilliseconds;

    // ---- the channel's events

    public void OnOpen(Channel channel)
    {
        if (_endpoint.SpiffeId.Length > 0 && _transport.IsTls && channel.Peer?.SpiffeId != _endpoint.SpiffeId)
        {
            FailOpening(Fault.TlsFailure, $"endpoint {_endpoint} is {channel.Peer?.SpiffeId ?? "without an identity"} but {_endpoint.SpiffeId} was expected");
            return;
        }
        _open = true;
        _expiresMs = Expiry(channel);
        _idleSinceMs = Context.Worker.NowMs;
        _pool.Opened(this);
        if (_waiter is { } waiter)
        {
            _waiter = null;
            Lend(waiter);
        }
        else _pool.Return(this);
    }

    public void OnReadable(Channel channel)
    {
        _readable = true;
        if (_exchange is not null) Process();
        else if (!_closed && !IsQuiet()) Close();
    }

    public void OnWritable(Channel channel)
    {
        if (_closed) return;
        switch (_output.Flush(_channel))
        {
            case IoStatus.Ok:
                SendWantedFin();
                if (!_blocked && !_isTunnel) break;
                _blocked = false;
                _exchange?.OnUpstreamWritable();
                break;
            case IoStatus.Failed:
                Broken();
                break;
        }
    }

    public void OnFailed(Channel channel)
    {
        if (_closed) return;
        if (!_open) FailOpening(FaultOf(channel.Failure), $"endpoint {_endpoint}: {channel.FailureText}");
        else Broken();
    }

    // ---- request

    public override void WriteHead(Exchange exchange)
    {
        _exchange = exchange;
        _framing = Http1BodyFraming.ForRequest(exchange.Downstream.HasBody, exchange.Downstream.DeclaredLength);
        var method = exchange.Downstream.Head.Method;
        _requestKind = method.SequenceEqual("HEAD"u8) ? RequestKind.Head : RequestKind.Other;
        if (Http1Heads.WriteRequest(ref _output, exchange, _framing)) return;
        _output.Drop();
        End(Fault.BadRequest, "the request cannot be written as HTTP/1.1 after the route's rewrites");
    }

    public override bool WriteBody(ReadOnlySpan<byte> data)
    {
        switch (_framing.WriteBody(ref _output, _channel, data))
        {
            case IoStatus.WouldBlock:
                _blocked = true;
                return false;
            case IoStatus.Failed:
                Broken();
                return true;
            default:
                return true;
        }
    }

    public override void WriteEnd(in Trailers trailers)
    {
        _framing.WriteEnd(ref _output, trailers);
        _finWanted = _isTunnel;
    }

    public override void Flush()
    {
        if (_closed || _blocked) return;
        switch (_output.Flush(_channel))
        {
            case IoStatus.Ok: SendWantedFin(); break;
            case IoStatus.Failed: Broken(); break;
        }
    }

    public override bool HasUnsent => !_output.IsEmpty;

    /// <summary>The client's end of a tunnel, once everything before it has left.</summary>
    private void SendWantedFin()
    {
        if (!_finWanted) return;
        _finWanted = false;
        _channel.ShutdownWrite();
    }

    // ---- response

    public override void ResumeBody()
    {
        if (!_paused) return;
        _paused = false;
        Process();
    }

    public override void Release(bool requestComplete, bool responseComplete)
    {
        _exchange = null;
        if (_closed) return;
        var reusable = !_isTunnel && requestComplete && responseComplete && _head.KeepAlive && !_peerEnded && _output.IsEmpty && _input is null or { IsEmpty: true };
        ReturnInput();
        _idleSinceMs = Context.Worker.NowMs;
        if (reusable && _pool.IsCurrent(Tls) && !Context.Draining && !IsExpired(_idleSinceMs) && IsQuiet()) _pool.Return(this);
        else if (_isTunnel && !(requestComplete && responseComplete)) Close(abort: true); // without framing a reset is the only way to say that it was cut
        else Close();
    }

    /// <summary>Closes without a word to the exchange.</summary>
    public void Close() => Close(abort: false);

    private void Close(bool abort)
    {
        if (_closed) return;
        _closed = true;
        if (abort) _channel.Abort();
        else _channel.Close();
        Forget();
    }

    private void Process()
    {
        if (_processing || _closed) return;
        _processing = true;
        var exchange = _exchange;
        try
        {
            while (_exchange is not null && !_paused && Step()) { }
        }
        finally
        {
            _processing = false;
        }
        exchange?.FlushDownstream();
    }

    private bool Step()
    {
        if (!_headDone) return ReadHead();
        if (_isTunnel && _peerEnded) return false; // the other direction may go on
        var status = _body.Read(_input is null ? default : _input.Readable, out var consumed, out var data);
        switch (status)
        {
            case BodyStatus.Data:
                var exchange = _exchange!;
                if (!exchange.OnResponseBody(data)) _paused = true;
                // The exchange may have let go of us, and the buffer with us.
                if (ReferenceEquals(_exchange, exchange)) _input?.Consume(consumed);
                return true;
            case BodyStatus.End:
                return Complete(consumed, data);
            case BodyStatus.NeedMore:
                _input?.Consume(consumed);
                return Fill(BufferPool.BlockBytes);
            default:
                End(Fault.UpstreamProtocol, $"endpoint {_endpoint}: {_body.Error.Reason}");
                return false;
        }
    }

    private bool ReadHead()
    {
        if (_input is not { IsEmpty: false }) return Fill(_pool.Limits.MaxHeadBytes + BufferPool.BlockBytes);
        switch (Http1Parser.ParseResponse(_input.Readable, _requestKind, _pool.Limits, _head, out var error))
        {
            case ParseStatus.NeedMore:
                return Fill(_pool.Limits.MaxHeadBytes + BufferPool.BlockBytes);
            case ParseStatus.Invalid:
                End(Fault.UpstreamProtocol, $"endpoint {_endpoint}: {error.Reason}");
                return false;
        }
        var exchange = _exchange!;
        var buffer = _input.Readable;
        if (_head.Status == 101)
        {
            var asked = exchange.UpgradeProtocol;
            if (asked.IsEmpty || !Ascii.EqualsIgnoreCase(asked, _head.UpgradeProtocol(buffer)))
            {
                End(Fault.UpstreamProtocol, $"endpoint {_endpoint} switched protocols without being asked");
                return false;
            }
            _isTunnel = true;
            _framing = Http1BodyFraming.Tunnel;
        }
        var head = new ResponseHead(_head.Status, _head.Reason(buffer), buffer, _head.Fields, _head.Body, _head.ContentLength);
        if (_head.IsInterim)
        {
            if (++_interims > MaxInterims)
            {
                End(Fault.UpstreamProtocol, $"endpoint {_endpoint} sent more than {MaxInterims} interim responses");
                return false;
            }
            exchange.OnInterimResponse(head);
            if (ReferenceEquals(_exchange, exchange)) NextHead();
            return true;
        }
        _headDone = true;
        _body = _isTunnel ? BodyReader.Tunnel : new BodyReader(_head, _pool.Limits);
        exchange.OnResponseHead(head);
        if (ReferenceEquals(_exchange, exchange)) _input?.Consume(_head.Length);
        return true;
    }

    private void NextHead()
    {
        _input!.Consume(_head.Length);
        _head.Reset();
    }

    /// <summary>Consumed first: the exchange lets go of us in its last step, and only an empty input lets the connection live on. The trailers' bytes
    /// stay where they are until then.</summary>
    private bool Complete(int consumed, ReadOnlySpan<byte> trailers)
    {
        _input?.Consume(consumed);
        if (_head.ConnectionClose && _input is { IsEmpty: false })
        {
            // It said that this was its last message and then sent more: one of the two is not its own (response splitting).
            End(Fault.UpstreamProtocol, $"endpoint {_endpoint} sent bytes behind a response that closes the connection");
            return false;
        }
        _exchange!.OnResponseEnd(new Trailers(trailers, trailers.IsEmpty ? [] : _head.Trailers.Fields));
        return true;
    }

    /// <summary>Reads once. False: nothing came, or the exchange has been told what came instead.</summary>
    private bool Fill(int limit)
    {
        if (!_readable) return ReturnIdleInput();
        _input ??= Context.Worker.Buffers.Rent();
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
                _peerEnded = true;
                return EndOfStream();
            default:
                Broken();
                return false;
        }
    }

    private bool EndOfStream()
    {
        if (_headDone && _body.OnEndOfStream() == BodyStatus.End) return Complete(0, default);
        End(Fault.UpstreamClosed, _headDone
            ? $"endpoint {_endpoint} closed the connection inside its response body"
            : $"endpoint {_endpoint} closed the connection before it answered{(IsReused ? $" (request {_requests} on this connection)" : "")}");
        return false;
    }

    /// <summary>False when the peer has ended, or has sent bytes that no request asked for; what an idle connection says is never an answer.
    /// Asking also arms the channel: only after "would block" does it call again.</summary>
    private bool IsQuiet()
    {
        if (!_readable) return true;
        Span<byte> one = stackalloc byte[1];
        if (_channel.Read(one, out _) != IoStatus.WouldBlock) return false;
        _readable = false;
        return true;
    }

    private bool ReturnIdleInput()
    {
        if (_input is { IsEmpty: true }) ReturnInput();
        return false;
    }

    private void ReturnInput()
    {
        if (_input is null) return;
        Context.Worker.Buffers.Return(_input);
        _input = null;
    }

    // ---- ends

    private void Broken() => End(Fault.UpstreamReset, $"endpoint {_endpoint}: {(_channel.FailureText.Length > 0 ? _channel.FailureText : "connection reset")}");

    private void End(Fault fault, string detail)
    {
        var exchange = _exchange;
        _exchange = null;
        Close();
        exchange?.OnUpstreamFailed(fault, detail);
    }

    private void FailOpening(Fault fault, string detail)
    {
        var waiter = _waiter;
        _waiter = null;
        Close();
        waiter?.OnNoConnection(fault, detail);
    }

    private void Forget()
    {
        ReturnInput();
        _output.Drop();
        _pool.Closed(this, _cluster.State);
    }

    [SuppressMessage("Style", "IDE0046", Justification = "two bounds, two statements")]
    private long Expiry(Channel channel)
    {
        var now = Context.Worker.NowMs;
        var limit = _cluster.Cluster.MaxConnectionDuration == Timeout.InfiniteTimeSpan ? long.MaxValue : now + (long)_cluster.Cluster.MaxConnectionDuration.TotalMilliseconds;
        if (!_transport.IsMesh) return limit;
        limit = Math.Min(limit, now + MeshMaxAgeMs);
        var wall = Context.Worker.Time.GetUtcNow();
        if (channel.Peer?.NotAfter is { } peerEnds) limit = Math.Min(limit, now + (long)(peerEnds - wall).TotalMilliseconds - CertificateMarginMs);
        if (_transport.Context?.Certificate?.NotAfter is { } ownEnds) limit = Math.Min(limit, now + (long)(ownEnds - wall).TotalMilliseconds - CertificateMarginMs);
        return limit;
    }

    private static Fault FaultOf(ChannelFailure failure) => failure switch
    {
        ChannelFailure.ConnectTimeout => Fault.ConnectTimeout,
        ChannelFailure.TlsHandshake or ChannelFailure.TlsTimeout or ChannelFailure.TlsIdentity => Fault.TlsFailure,
        _ => Fault.ConnectFailure,
    };
}
