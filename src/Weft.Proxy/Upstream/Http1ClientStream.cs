using System.Text;
using Weft.Proxy.Buffers;
using Weft.Proxy.Http1;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Transport;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Upstream;

/// <summary>The one stream of an HTTP/1 connection: writes an exchange's request, parses its response, and is used again by the next exchange.</summary>
internal sealed class Http1ClientStream(Http1ClientConnection connection) : UpstreamStream
{
    private readonly Http1Head _head = new();
    private Exchange? _exchange;
    private BodyReader _body;
    private Http1BodyFraming _framing;
    private RequestKind _requestKind;
    private int _interims;
    private bool _processing;
    private bool _headDone;
    private bool _paused;
    private bool _isTunnel;

    public override bool IsReused => connection.IsReused;

    public override bool TellsUnprocessed => connection.Transport.IsMesh;

    /// <summary>An exchange has it.</summary>
    public bool IsLent => _exchange is not null;

    /// <summary>The next exchange begins.</summary>
    public void Begin()
    {
        _interims = 0;
        _headDone = _paused = false;
    }

    // ---- request

    public override void WriteHead(Exchange exchange)
    {
        _exchange = exchange;
        _framing = Http1BodyFraming.ForRequest(exchange.Downstream.HasBody, exchange.Downstream.DeclaredLength);
        var method = exchange.Downstream.Head.Method;
        _requestKind = method.SequenceEqual("HEAD"u8) ? RequestKind.Head : RequestKind.Other;
        if (Http1Heads.WriteRequest(ref connection.Output, exchange, _framing)) return;
        connection.Output.Drop();
        End(Fault.BadRequest, "the request cannot be written as HTTP/1.1 after the route's rewrites");
    }

    public override bool WriteBody(ReadOnlySpan<byte> data)
    {
        var status = connection.WriteBody(_framing, data);
        if (status == IoStatus.Failed) Broken();
        return status != IoStatus.WouldBlock;
    }

    public override void WriteEnd(in Trailers trailers)
    {
        _framing.WriteEnd(ref connection.Output, trailers);
        if (_isTunnel) connection.EndTunnel();
    }

    public override bool HasUnsent => !connection.Output.IsEmpty;

    public override void Flush()
    {
        if (!connection.Flush()) Broken();
    }

    /// <summary>The connection takes bytes again.</summary>
    public void OnWritable() => _exchange?.OnUpstreamWritable();

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
        if (!connection.IsClosed) connection.Return(requestComplete && responseComplete && (_isTunnel || _head.KeepAlive));
    }

    /// <summary>Goes on with the response until input ends or the exchange takes no more.</summary>
    public void Process()
    {
        if (_processing || connection.IsClosed) return;
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

    /// <summary>The channel broke.</summary>
    public void Broken() =>
        End(Fault.UpstreamReset, $"endpoint {connection.Endpoint}: {(connection.FailureText.Length > 0 ? connection.FailureText : "connection reset")}");

    private bool Step()
    {
        if (!_headDone) return ReadHead();
        if (_isTunnel && connection.PeerEnded) return false; // the other direction may go on
        var status = _body.Read(connection.Input, out var consumed, out var data);
        switch (status)
        {
            case BodyStatus.Data:
                var exchange = _exchange!;
                if (!exchange.OnResponseBody(data)) _paused = true;
                // The exchange may have let go of us, and the buffer with us.
                if (ReferenceEquals(_exchange, exchange)) connection.Consume(consumed);
                return true;
            case BodyStatus.End:
                return Complete(consumed, data);
            case BodyStatus.NeedMore:
                connection.Consume(consumed);
                return Fill(BufferPool.BlockBytes);
            default:
                End(Fault.UpstreamProtocol, $"endpoint {connection.Endpoint}: {_body.Error.Reason}");
                return false;
        }
    }

    private bool ReadHead()
    {
        var limits = connection.Limits;
        if (connection.Input.IsEmpty) return Fill(limits.MaxHeadBytes + BufferPool.BlockBytes);
        switch (Http1Parser.ParseResponse(connection.Input, _requestKind, limits, _head, out var error))
        {
            case ParseStatus.NeedMore:
                return Fill(limits.MaxHeadBytes + BufferPool.BlockBytes);
            case ParseStatus.Invalid:
                End(Fault.UpstreamProtocol, $"endpoint {connection.Endpoint}: {Http1Faults.Describe(error, connection.Input.Length)}");
                return false;
        }
        var exchange = _exchange!;
        var buffer = connection.Input;
        if (_head.Status == 101)
        {
            var asked = exchange.UpgradeProtocol;
            if (asked.IsEmpty || !Ascii.EqualsIgnoreCase(asked, _head.UpgradeProtocol(buffer)))
            {
                End(Fault.UpstreamProtocol, $"endpoint {connection.Endpoint} switched protocols without being asked");
                return false;
            }
            _isTunnel = true;
            _framing = Http1BodyFraming.Tunnel;
            connection.BecomeTunnel();
        }
        var head = new ResponseHead(_head.Status, _head.Reason(buffer), buffer, _head.Fields, _head.Body, _head.ContentLength);
        if (_head.IsInterim)
        {
            if (++_interims > connection.MaxInterimResponses)
            {
                End(Fault.UpstreamProtocol, $"endpoint {connection.Endpoint} sent more than {connection.MaxInterimResponses} interim responses");
                return false;
            }
            exchange.OnInterimResponse(head);
            if (ReferenceEquals(_exchange, exchange)) NextHead();
            return true;
        }
        _headDone = true;
        _body = _isTunnel ? BodyReader.Tunnel : new BodyReader(_head, limits);
        connection.NoteKeepAlive(buffer, _head.Fields);
        exchange.OnResponseHead(head);
        if (ReferenceEquals(_exchange, exchange)) connection.Consume(_head.Length);
        return true;
    }

    private void NextHead()
    {
        connection.Consume(_head.Length);
        _head.Reset();
    }

    /// <summary>Consumed first: the exchange lets go of us in its last step, and only an empty input lets the connection live on. The trailers' bytes
    /// stay where they are until then.</summary>
    private bool Complete(int consumed, ReadOnlySpan<byte> trailers)
    {
        connection.Consume(consumed);
        if (_head.ConnectionClose && !connection.Input.IsEmpty)
        {
            // It said that this was its last message and then sent more: one of the two is not its own (response splitting).
            End(Fault.UpstreamProtocol, $"endpoint {connection.Endpoint} sent bytes behind a response that closes the connection");
            return false;
        }
        _exchange!.OnResponseEnd(new Trailers(trailers, trailers.IsEmpty ? [] : _head.Trailers.Fields));
        return true;
    }

    /// <summary>Reads once. False: nothing came, or the exchange has been told what came instead.</summary>
    private bool Fill(int limit)
    {
        switch (connection.Fill(limit))
        {
            case FillStatus.Data:
                return true;
            case FillStatus.End:
                return EndOfStream();
            case FillStatus.Broken:
                Broken();
                return false;
            default:
                return false;
        }
    }

    private bool EndOfStream()
    {
        if (_headDone && _body.OnEndOfStream() == BodyStatus.End) return Complete(0, default);
        if (!_headDone) connection.NoteLateClose();
        End(Fault.UpstreamClosed, _headDone
            ? $"endpoint {connection.Endpoint} closed the connection inside its response body"
            : $"endpoint {connection.Endpoint} closed the connection before it answered{(IsReused ? $" (request {connection.RequestNumber} on this connection)" : "")}");
        return false;
    }

    private void End(Fault fault, string detail)
    {
        var exchange = _exchange;
        _exchange = null;
        connection.Close();
        exchange?.OnUpstreamFailed(fault, detail);
    }
}
