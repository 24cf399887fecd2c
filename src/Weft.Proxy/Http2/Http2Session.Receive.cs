using System.Buffers.Binary;
using Weft.Proxy.Buffers;
using Weft.Proxy.Http2.Hpack;
using Weft.Proxy.Mesh;
using Weft.Proxy.Pipelines;

namespace Weft.Proxy.Http2;

/// <content>Frames in: their form (RFC 9113 sections 4 and 6) and the states in which they may come (section 5.1).</content>
internal sealed partial class Http2Session
{
    /// <summary>A field block may be this much longer than the list that it may come to, so that a head that is somewhat too long can be answered (431) instead of ending
    /// the connection.</summary>
    private const int BlockMarginBytes = 64 << 10;

    /// <summary>A fragment shorter than this that is not the last is no honest sender's.</summary>
    private const int ShortFragmentBytes = 1024;

    private long _nowMs;
    private int _prefaceLeft;
    private bool _firstFrameSeen;

    private int _blockStreamId; // CONTINUATION is owed for it
    private bool _blockEndsStream;
    private bool _blockDependsOnItself;
    private ByteBuffer? _block;

    /// <summary>Takes what it can of <paramref name="input"/>: whole frames, and DATA as far as it is there.</summary>
    /// <returns>Bytes taken. Call again with the rest and more behind it; at most a frame header and <see cref="PeerSettings.SmallestFrame"/> bytes are left.</returns>
    public int Receive(ReadOnlySpan<byte> input, long nowMs)
    {
        _nowMs = nowMs;
        var rest = input;
        while (!IsFailed && TakeOne(ref rest)) { }
        return IsFailed ? input.Length : input.Length - rest.Length;
    }

    /// <summary>To be called when nothing more is read for now: streams go on with what they have heard.</summary>
    public void EndReceive()
    {
        for (var i = 0; i < _touched.Count; i++)
        {
            var stream = _touched[i];
            if (!stream.Touched) continue;
            stream.Touched = false;
            stream.Events.OnReceived();
        }
        _touched.Clear();
    }

    /// <summary>False: more bytes are needed.</summary>
    private bool TakeOne(ref ReadOnlySpan<byte> input)
    {
        if (_dataLeft + _paddingLeft > 0) return TakeData(ref input);
        if (_prefaceLeft > 0) return TakePreface(ref input);
        if (input.Length < FrameHeader.Size) return false;
        var header = FrameHeader.Read(input);
        if (header.Length > PeerSettings.SmallestFrame)
        {
            ConnectionError(Http2ErrorCode.FrameSizeError, "a frame is longer than SETTINGS_MAX_FRAME_SIZE");
            return false;
        }
        if (!_firstFrameSeen && (header.Type != FrameType.Settings || header.Has(FrameFlags.Ack)))
        {
            ConnectionError(Http2ErrorCode.ProtocolError, "the first frame is not SETTINGS");
            return false;
        }
        _firstFrameSeen = true;
        if (_blockStreamId != 0 && (header.Type != FrameType.Continuation || header.StreamId != _blockStreamId))
        {
            ConnectionError(Http2ErrorCode.ProtocolError, "a field block is interrupted");
            return false;
        }
        if (header.Type == FrameType.Data) return BeginData(header, ref input);
        if (input.Length < FrameHeader.Size + header.Length) return false;
        Take(header, input.Slice(FrameHeader.Size, header.Length));
        input = input[(FrameHeader.Size + header.Length)..];
        return true;
    }

    private bool TakePreface(ref ReadOnlySpan<byte> input)
    {
        var preface = FrameWriter.Preface;
        var expected = preface[(preface.Length - _prefaceLeft)..];
        var count = Math.Min(expected.Length, input.Length);
        if (!input[..count].SequenceEqual(expected[..count]))
        {
            ConnectionError(Http2ErrorCode.ProtocolError, "the connection does not begin with the HTTP/2 preface");
            return false;
        }
        _prefaceLeft -= count;
        input = input[count..];
        return count > 0;
    }

    private void Take(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        switch (header.Type)
        {
            case FrameType.Headers: OnHeaders(header, payload); break;
            case FrameType.Continuation: OnContinuation(header, payload); break;
            case FrameType.Priority: OnPriority(header, payload); break;
            case FrameType.RstStream: OnRstStream(header, payload); break;
            case FrameType.Settings: OnSettings(header, payload); break;
            case FrameType.Ping: OnPing(header, payload); break;
            case FrameType.GoAway: OnGoAway(header, payload); break;
            case FrameType.WindowUpdate: OnWindowUpdate(header, payload); break;
            case FrameType.PushPromise: ConnectionError(Http2ErrorCode.ProtocolError, "PUSH_PROMISE, which nobody may send here"); break;
            default: Spend(FaultBudget.Noise); break; // RFC 9113 section 5.5
        }
    }

    // ---- heads

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
            if (id > _acceptUpTo) return; // GOAWAY has told that it is not taken
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

    // ---- the other frames

    private void OnPriority(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        Spend(FaultBudget.Noise);
        var bad = payload.Length != 5;
        if (header.StreamId == 0) ConnectionError(Http2ErrorCode.ProtocolError, "PRIORITY on stream 0");
        else if (!bad && StreamIdAt(payload) != header.StreamId) return; // RFC 9113 section 5.3.2: nobody goes by it
        else
        {
            var code = bad ? Http2ErrorCode.FrameSizeError : Http2ErrorCode.ProtocolError;
            var detail = bad ? "PRIORITY is not five octets long" : "a stream depends on itself";
            if (_streams.Find(header.StreamId) is { } stream) StreamError(stream, code, detail);
            else if (IsIdle(header.StreamId)) ConnectionError(code, detail); // there is no stream to reset
            else
            {
                FrameWriter.RstStream(Output, header.StreamId, code);
                Spend(FaultBudget.Fault);
            }
        }
    }

    private void OnRstStream(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.StreamId == 0)
        {
            ConnectionError(Http2ErrorCode.ProtocolError, "RST_STREAM on stream 0");
            return;
        }
        if (payload.Length != 4)
        {
            ConnectionError(Http2ErrorCode.FrameSizeError, "RST_STREAM is not four octets long");
            return;
        }
        var code = (Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload);
        if (_streams.Find(header.StreamId) is not { } stream)
        {
            if (IsIdle(header.StreamId)) ConnectionError(Http2ErrorCode.ProtocolError, "RST_STREAM on a stream that was never opened");
            else Spend(FaultBudget.Fault);
            return;
        }
        if (_role == Http2Role.Client && code == Http2ErrorCode.NoError && stream.RemoteEnded)
        {
            // The answer is whole and the rest of our body is not wanted (RFC 9113 section 8.1).
            OnLocalEnd(stream);
            return;
        }
        Abort(stream, new StreamAbort(code, "the peer reset the stream", Unprocessed: _role == Http2Role.Client && code == Http2ErrorCode.RefusedStream));
        if (code != Http2ErrorCode.RefusedStream) Spend(FaultBudget.Fault);
        _events.OnCapacity();
    }

    private void OnSettings(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.StreamId != 0)
        {
            ConnectionError(Http2ErrorCode.ProtocolError, "SETTINGS on a stream");
            return;
        }
        if (header.Has(FrameFlags.Ack) ? payload.Length != 0 : payload.Length % 6 != 0)
        {
            ConnectionError(Http2ErrorCode.FrameSizeError, "SETTINGS has a length that it cannot have");
            return;
        }
        if (header.Has(FrameFlags.Ack))
        {
            OnSettingsAcknowledged();
            return;
        }
        if (HavePeerSettings) Spend(FaultBudget.Fault);
        var window = _peer.InitialWindow;
        var error = _peer.Apply(payload, fromServer: _role == Http2Role.Client);
        if (error != Http2ErrorCode.NoError)
        {
            ConnectionError(error, "a setting has a value that it cannot have");
            return;
        }
        HavePeerSettings = true;
        _encoder.SetPeerTableBytes(_peer.SmallestHeaderTableSize);
        _encoder.SetPeerTableBytes(_peer.HeaderTableSize);
        FrameWriter.SettingsAck(Output);
        if (_peer.InitialWindow != window) MoveSendWindows(_peer.InitialWindow - window);
        _events.OnCapacity();
    }

    private void OnSettingsAcknowledged()
    {
        if (_settingsAcknowledged)
        {
            Spend(FaultBudget.Fault);
            return;
        }
        _settingsAcknowledged = true;
        _decoder.SetMaxTableBytes(_settings.HeaderTableBytes);
        if (_settings.StreamWindowBytes >= PeerSettings.DefaultWindow) return;
        _streams.CopyTo(_scratchList);
        foreach (var stream in _scratchList) stream.ReceiveWindow.Resize(_settings.StreamWindowBytes);
    }

    private void OnPing(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.StreamId != 0) ConnectionError(Http2ErrorCode.ProtocolError, "PING on a stream");
        else if (payload.Length != 8) ConnectionError(Http2ErrorCode.FrameSizeError, "PING is not eight octets long");
        else
        {
            var opaque = BinaryPrimitives.ReadUInt64BigEndian(payload);
            Spend(FaultBudget.Noise);
            if (header.Has(FrameFlags.Ack)) _events.OnPong(opaque);
            else FrameWriter.Ping(Output, opaque, ack: true);
        }
    }

    private void OnGoAway(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.StreamId != 0)
        {
            ConnectionError(Http2ErrorCode.ProtocolError, "GOAWAY on a stream");
            return;
        }
        if (payload.Length < 8)
        {
            ConnectionError(Http2ErrorCode.FrameSizeError, "GOAWAY is shorter than eight octets");
            return;
        }
        Spend(FaultBudget.Noise);
        IsPeerGoingAway = true;
        var last = StreamIdAt(payload);
        var code = (Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload[4..]);
        if (_role == Http2Role.Client)
        {
            var open = new List<Http2Stream>(); // once per connection, or its peer pays
            _streams.CopyTo(open);
            foreach (var stream in open)
            {
                if (stream.Id > last) Abort(stream, new StreamAbort(code, "the peer went away before it processed the stream", Unprocessed: true));
            }
        }
        _events.OnGoAway(code);
    }

    private void OnWindowUpdate(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (payload.Length != 4)
        {
            ConnectionError(Http2ErrorCode.FrameSizeError, "WINDOW_UPDATE is not four octets long");
            return;
        }
        Spend(FaultBudget.Noise);
        var increment = StreamIdAt(payload);
        if (header.StreamId == 0)
        {
            if (increment == 0) ConnectionError(Http2ErrorCode.ProtocolError, "WINDOW_UPDATE by nothing");
            else if (!_sendWindow.TryMove(increment)) ConnectionError(Http2ErrorCode.FlowControlError, "a window passes 2^31-1");
            else Pump();
            return;
        }
        if (_streams.Find(header.StreamId) is not { } stream)
        {
            if (IsIdle(header.StreamId)) ConnectionError(Http2ErrorCode.ProtocolError, "WINDOW_UPDATE on a stream that was never opened");
            return;
        }
        if (increment == 0) StreamError(stream, Http2ErrorCode.ProtocolError, "WINDOW_UPDATE by nothing");
        else if (!stream.SendWindow.TryMove(increment)) StreamError(stream, Http2ErrorCode.FlowControlError, "a window passes 2^31-1");
        else if (stream.Outbox is not null)
        {
            _waiting.Add(stream);
            Pump();
        }
    }

    private void Touch(Http2Stream stream)
    {
        if (stream.Touched) return;
        stream.Touched = true;
        _touched.Add(stream);
    }

    private static int StreamIdAt(ReadOnlySpan<byte> payload) => (int)(BinaryPrimitives.ReadUInt32BigEndian(payload) & int.MaxValue);
}
