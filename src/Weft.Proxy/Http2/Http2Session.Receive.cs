using System.Buffers.Binary;

namespace Weft.Proxy.Http2;

/// <content>Frames in: their form (RFC 9113 sections 4 and 6) and the states in which they may come (section 5.1).</content>
internal sealed partial class Http2Session
{
    private long _nowMs;
    private int _prefaceLeft;
    private bool _firstFrameSeen;

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
