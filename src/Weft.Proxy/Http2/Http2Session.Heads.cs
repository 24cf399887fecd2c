using Weft.Proxy.Buffers;
using Weft.Proxy.Http2.Hpack;
using Weft.Proxy.Mesh;
using Weft.Proxy.Pipelines;

namespace Weft.Proxy.Http2;

/// <content>
/// Heads and trailers in: HEADERS with its CONTINUATION frames becomes one field block, and what that means depends on the stream. Every block is decoded, also one that nobody
/// wants: the table of the connection depends on all of them.
/// </content>
internal sealed partial class Http2Session
{
    /// <summary>A field block may be this much longer than the list that it may come to, so that a head that is somewhat too long can be answered (431) instead of ending
    /// the connection.</summary>
    private const int BlockMarginBytes = 64 << 10;

    /// <summary>A fragment shorter than this that is not the last is no honest sender's.</summary>
    private const int ShortFragmentBytes = 1024;

    private int _blockStreamId; // CONTINUATION is owed for it
    private bool _blockEndsStream;
    private bool _blockDependsOnItself;
    private ByteBuffer? _block;

    private void OnHeaders(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.StreamId == 0)
        {
            ConnectionError(Http2ErrorCode.ProtocolError, "HEADERS on stream 0");
            return;
        }
        var padding = 0;
        if (header.Has(FrameFlags.Padded))
        {
            if (payload.IsEmpty)
            {
                ConnectionError(Http2ErrorCode.FrameSizeError, "HEADERS is too short for its flags");
                return;
            }
            padding = payload[0];
            payload = payload[1..];
        }
        _blockDependsOnItself = false;
        if (header.Has(FrameFlags.Priority))
        {
            if (payload.Length < 5)
            {
                ConnectionError(Http2ErrorCode.FrameSizeError, "HEADERS is too short for its flags");
                return;
            }
            _blockDependsOnItself = StreamIdAt(payload) == header.StreamId;
            payload = payload[5..];
        }
        if (padding > payload.Length)
        {
            ConnectionError(Http2ErrorCode.ProtocolError, "the padding is longer than its frame");
            return;
        }
        payload = payload[..^padding];
        _blockEndsStream = header.Has(FrameFlags.EndStream);
        if (header.Has(FrameFlags.EndHeaders)) OnFieldBlock(header.StreamId, payload);
        else
        {
            _blockStreamId = header.StreamId;
            Keep(payload, last: false);
        }
    }

    private void OnContinuation(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (_blockStreamId == 0)
        {
            ConnectionError(Http2ErrorCode.ProtocolError, "CONTINUATION without HEADERS before it");
            return;
        }
        var last = header.Has(FrameFlags.EndHeaders);
        Keep(payload, last);
        if (!last || IsFailed) return;
        _blockStreamId = 0;
        OnFieldBlock(header.StreamId, _block!.Readable);
        ReturnBlock();
    }

    /// <summary>Joins the fragments. What they may come to is bounded, and so is their number (CONTINUATION flood, CVE-2024-27316 and its kin).</summary>
    private void Keep(ReadOnlySpan<byte> fragment, bool last)
    {
        if (!last && fragment.Length < ShortFragmentBytes) Spend(FaultBudget.Fault);
        _block ??= _buffers.Rent();
        var limit = Math.Min(_settings.MaxHeaderListBytes + BlockMarginBytes, BufferPool.LargestBlockBytes);
        if (_block.Length + fragment.Length > limit)
        {
            ConnectionError(Http2ErrorCode.EnhanceYourCalm, "a field block is far longer than SETTINGS_MAX_HEADER_LIST_SIZE");
            return;
        }
        while (!_block.TryAppend(fragment)) _block.Grow(BufferPool.LargestBlockBytes);
    }

    private void ReturnBlock()
    {
        _blockStreamId = 0;
        if (_block is null) return;
        _buffers.Return(_block);
        _block = null;
    }

    private void OnFieldBlock(int id, ReadOnlySpan<byte> block)
    {
        var stream = _streams.Find(id);
        if (stream is null && _role == Http2Role.Server && id > _lastPeerId) OnRequest(id, block);
        else if (!TryDecode(block, _fields, out var status)) return;
        else if (stream is null) OnLateFrame(id, isHead: true);
        else if (stream.RemoteEnded) StreamError(stream, Http2ErrorCode.StreamClosed, "HEADERS after END_STREAM");
        else if (stream.HeadReceived) OnTrailers(stream, status);
        else OnResponse(stream, status);
    }

    private void OnRequest(int id, ReadOnlySpan<byte> block)
    {
        if ((id & 1) == 0)
        {
            ConnectionError(Http2ErrorCode.ProtocolError, "a client's stream has an even id");
            return;
        }
        _lastPeerId = id;
        _history.Opened(id);
        var accepted = id <= _acceptUpTo && _streams.Count < _settings.MaxConcurrentStreams ? _events.Accept() : null;
        if (!TryDecode(block, accepted?.Fields ?? _fields, out var status)) return;
        if (accepted is null)
        {
            if (id > _acceptUpTo)
            {
                _history.Ended(id, StreamEnd.ResetByUs);
                return; // GOAWAY has told that it is not taken
            }
            FrameWriter.RstStream(Output, id, Http2ErrorCode.RefusedStream);
            _history.Ended(id, StreamEnd.ResetByUs);
            Spend(FaultBudget.Fault);
            return;
        }
        Attach(accepted, id);
        accepted.HeadReceived = true;
        accepted.RemoteEnded = accepted.EndDelivered = _blockEndsStream;
        if (_blockDependsOnItself) StreamError(accepted, Http2ErrorCode.ProtocolError, "a stream depends on itself");
        else Tell(accepted, accepted.Fields ?? _fields, status);
    }

    private void OnResponse(Http2Stream stream, HpackStatus status)
    {
        var interim = status == HpackStatus.Ok && _fields.Fields.Length > 0 && _fields.Value(_fields.Fields[0]) is [(byte)'1', ..];
        if (interim && _blockEndsStream)
        {
            StreamError(stream, Http2ErrorCode.ProtocolError, "an interim response with END_STREAM");
            return;
        }
        stream.HeadReceived = !interim;
        stream.RemoteEnded = stream.EndDelivered = _blockEndsStream;
        Tell(stream, _fields, status);
        if (_blockEndsStream) CloseIfComplete(stream);
    }

    private void Tell(Http2Stream stream, FieldBlock fields, HpackStatus status)
    {
        Touch(stream);
        if (status == HpackStatus.Ok) stream.Events.OnHead(fields, _blockEndsStream);
        else stream.Events.OnHeadTooLarge(_blockEndsStream);
    }

    private void OnTrailers(Http2Stream stream, HpackStatus status)
    {
        var form = default(MessageForm);
        var hasForm = MeshForm is not null && MeshFields.TryReadForm(_fields.Buffer, _fields.Fields, out form);
        if (!_blockEndsStream) StreamError(stream, Http2ErrorCode.ProtocolError, "a second head without END_STREAM");
        else if (status == HpackStatus.TooLarge) StreamError(stream, Http2ErrorCode.EnhanceYourCalm, "the trailers pass SETTINGS_MAX_HEADER_LIST_SIZE");
        else if (!FieldRules.TryTrailers(_fields, out var error)) StreamError(stream, Http2ErrorCode.ProtocolError, error);
        else if (stream.DeclaredLength >= 0 && stream.Received != stream.DeclaredLength) StreamError(stream, Http2ErrorCode.ProtocolError, LengthError);
        else
        {
            if (hasForm) form.Restore(_fields.WritableBuffer, _fields.Fields);
            OnRemoteEnd(stream, new Trailers(_fields.Buffer, _fields.Fields));
        }
    }

    private bool TryDecode(ReadOnlySpan<byte> block, FieldBlock into, out HpackStatus status)
    {
        status = _decoder.Decode(block, into);
        if (status != HpackStatus.Error) return true;
        ConnectionError(Http2ErrorCode.CompressionError, _decoder.Reason);
        return false;
    }

    /// <summary>A frame for a stream that is not open.</summary>
    private void OnLateFrame(int id, bool isHead)
    {
        if (IsIdle(id))
        {
            ConnectionError(Http2ErrorCode.ProtocolError, "a frame on a stream that was never opened");
            return;
        }
        switch (_history[id])
        {
            case StreamEnd.ResetByUs:
                Spend(FaultBudget.Noise); // it was on its way when we reset the stream; but nothing is on its way for ever
                break;
            case StreamEnd.ResetByPeer:
                FrameWriter.RstStream(Output, id, Http2ErrorCode.StreamClosed);
                _history.Ended(id, StreamEnd.ResetByUs);
                Spend(FaultBudget.Fault);
                break;
            case StreamEnd.Complete:
                ConnectionError(Http2ErrorCode.StreamClosed, "a frame on a stream that both sides had ended");
                break;
            default:
                if (isHead) ConnectionError(Http2ErrorCode.ProtocolError, "the id of a new stream is not above all before it");
                else Spend(FaultBudget.Fault);
                break;
        }
    }

    private bool IsIdle(int id) => _role == Http2Role.Server ? id > _lastPeerId || (id & 1) == 0 : (id & 1) == 0 || _nextId > 0 && id >= _nextId;
}
