using Weft.Proxy.Http2.Hpack;
using Weft.Proxy.Mesh;
using Weft.Proxy.Pipelines;

namespace Weft.Proxy.Http2;

/// <content>Frames out: heads, bodies as far as the windows of both levels and the output allow, and the end of each message on its last frame.</content>
internal sealed partial class Http2Session
{
    private WaitingStreams _waiting;
    private bool _pumping;

    internal FieldBlockWriter BeginHead() => new(Output, _encoder);

    internal bool EndHead(Http2Stream stream, scoped ref FieldBlockWriter writer, bool endStream)
    {
        var refused = writer.IsRefused;
        if (refused) writer.Spoil();
        var flags = endStream ? FrameFlags.EndStream : FrameFlags.None;
        stream.LastFrameAt = Output.Position;
        var length = writer.Length - FrameHeader.Size;
        if (length <= PeerSettings.SmallestFrame)
        {
            new FrameHeader(length, FrameType.Headers, flags | FrameFlags.EndHeaders, stream.Id).Write(writer.Room);
            Output.Commit(writer.Length);
        }
        else Split(stream.Id, ref writer, length, flags);
        if (refused)
        {
            Reset(stream, Http2ErrorCode.InternalError);
            return false;
        }
        if (endStream) OnLocalEnd(stream);
        return true;
    }

    /// <summary>A block that is longer than a frame: moved apart from its end, to make room for the headers of its CONTINUATION frames.</summary>
    private void Split(int streamId, scoped ref FieldBlockWriter writer, int length, FrameFlags flags)
    {
        const int most = PeerSettings.SmallestFrame;
        var frames = (length + most - 1) / most;
        var total = length + frames * FrameHeader.Size;
        var room = writer.Room;
        if (room.Length < total) room = Output.Enlarge(writer.Length, total);
        if (room.IsEmpty)
        {
            ConnectionError(Http2ErrorCode.InternalError, "a head of ours is longer than 1 MiB"); // the peer's table can no longer follow ours
            return;
        }
        for (var i = frames - 1; i >= 0; i--)
        {
            var size = Math.Min(most, length - i * most);
            var at = i * (most + FrameHeader.Size);
            room.Slice(FrameHeader.Size + i * most, size).CopyTo(room[(at + FrameHeader.Size)..]);
            var last = i == frames - 1 ? FrameFlags.EndHeaders : FrameFlags.None;
            new FrameHeader(size, i == 0 ? FrameType.Headers : FrameType.Continuation, i == 0 ? flags | last : last, streamId).Write(room[at..]);
        }
        Output.Commit(total);
    }

    internal bool Write(Http2Stream stream, ReadOnlySpan<byte> data)
    {
        if (stream.LocalEnded || stream.EndWanted || data.IsEmpty) return true;
        if (stream.Outbox is null) data = data[Send(stream, data)..];
        if (!data.IsEmpty)
        {
            stream.Outbox ??= _buffers.Rent(Math.Min(data.Length, Buffers.BufferPool.LargestBlockBytes));
            if (stream.Outbox.Length + data.Length > Buffers.BufferPool.LargestBlockBytes) throw new InvalidOperationException("more than 1 MiB was written to a stream at once");
            while (!stream.Outbox.TryAppend(data))
            {
                if (!stream.Outbox.Grow(Buffers.BufferPool.LargestBlockBytes)) throw new InvalidOperationException("a stream was written to although it had answered false");
            }
            stream.Blocked = true;
            if (stream.SendWindow.Open > 0) _waiting.Add(stream);
            return false;
        }
        if (HasRoom()) return true;
        stream.Blocked = true;
        _waiting.Add(stream);
        return false;
    }

    internal void WriteEnd(Http2Stream stream, in Trailers trailers)
    {
        if (stream.LocalEnded || stream.EndWanted) return;
        if (stream.Outbox is null)
        {
            SendEnd(stream, trailers);
            return;
        }
        stream.EndWanted = true;
        if (trailers.IsEmpty) return;
        stream.OutboxTrailers ??= new FieldBlock();
        Copy(trailers, stream.OutboxTrailers);
        stream.HasOutboxTrailers = true;
    }

    /// <summary>The output has been written out: streams that waited for it go on.</summary>
    public void OnOutputDrained() => Pump();

    /// <summary>Sends as much as both windows allow; the number of bytes.</summary>
    private int Send(Http2Stream stream, ReadOnlySpan<byte> data)
    {
        var sent = 0;
        Output.Expect(Math.Min(data.Length, Math.Min(stream.SendWindow.Open, _sendWindow.Open)));
        while (sent < data.Length)
        {
            var size = Math.Min(Math.Min(data.Length - sent, PeerSettings.SmallestFrame), Math.Min(stream.SendWindow.Open, _sendWindow.Open));
            if (size <= 0) break;
            stream.SendWindow.Take(size);
            _sendWindow.Take(size);
            stream.LastFrameAt = Output.Position;
            new FrameHeader(size, FrameType.Data, FrameFlags.None, stream.Id).Write(Output.Reserve(FrameHeader.Size));
            Output.Commit(FrameHeader.Size);
            Output.Append(data.Slice(sent, size));
            sent += size;
            AllowNoise(2);
        }
        return sent;
    }

    private void SendEnd(Http2Stream stream, in Trailers trailers)
    {
        if (!trailers.IsEmpty)
        {
            var writer = BeginHead();
            MeshForm?.Begin(null);
            foreach (ref readonly var field in trailers.Fields)
            {
                writer.Field(trailers.Buffer, field, keepCase: true);
                MeshForm?.Add(trailers.Buffer, field);
            }
            if (MeshForm is { } form) MeshFields.WriteForm(ref writer, form);
            EndHead(stream, ref writer, endStream: true);
            return;
        }
        if (!Output.TryAddFlags(stream.LastFrameAt, FrameFlags.EndStream))
        {
            new FrameHeader(0, FrameType.Data, FrameFlags.EndStream, stream.Id).Write(Output.Reserve(FrameHeader.Size));
            Output.Commit(FrameHeader.Size);
        }
        OnLocalEnd(stream);
    }

    /// <summary>Streams that wait send one frame each in turn, until the connection's window or the output is full again. A stream whose own window is shut does not
    /// stand in the line; its WINDOW_UPDATE brings it back.</summary>
    private void Pump()
    {
        if (_pumping || IsFailed) return;
        _pumping = true;
        try
        {
            while (_waiting.Count > 0 && HasRoom())
            {
                _waiting.TryTake(out var stream);
                if (stream.Outbox is { } outbox)
                {
                    outbox.Consume(Send(stream, outbox.Readable[..Math.Min(outbox.Length, PeerSettings.SmallestFrame)]));
                    if (!outbox.IsEmpty)
                    {
                        if (stream.SendWindow.Open > 0) _waiting.Add(stream);
                        if (_sendWindow.Open <= 0) break;
                        continue;
                    }
                    stream.Outbox = null;
                    _buffers.Return(outbox);
                }
                Unblock(stream);
            }
        }
        finally
        {
            _pumping = false;
        }
    }

    /// <summary>The output takes more; when it is full, what can be written out is, so that a long body does not gather in it.</summary>
    private bool HasRoom()
    {
        if (Output.Length >= _settings.OutputBytes) _events.OnOutputFull();
        return Output.Length < _settings.OutputBytes;
    }

    private void Unblock(Http2Stream stream)
    {
        if (stream.EndWanted)
        {
            stream.EndWanted = false;
            if (stream.HasOutboxTrailers) SendEnd(stream, new Trailers(stream.OutboxTrailers!.Buffer, stream.OutboxTrailers.Fields));
            else SendEnd(stream, default);
            return;
        }
        if (!stream.Blocked) return;
        stream.Blocked = false;
        stream.Events.OnWritable();
    }

    private void MoveSendWindows(int by)
    {
        _streams.CopyTo(_scratchList);
        foreach (var stream in _scratchList)
        {
            if (!stream.SendWindow.TryMove(by))
            {
                ConnectionError(Http2ErrorCode.FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE makes a window pass 2^31-1");
                return;
            }
            if (stream.Outbox is not null && stream.SendWindow.Open > 0) _waiting.Add(stream);
        }
        Pump();
    }
}
