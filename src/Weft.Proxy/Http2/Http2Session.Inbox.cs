using Weft.Proxy.Buffers;
using Weft.Proxy.Http2.Hpack;
using Weft.Proxy.Pipelines;

namespace Weft.Proxy.Http2;

/// <content>
/// Bodies in. DATA goes to its stream's user straight from the input as it arrives; when the user does not take it, it waits in the stream's inbox. A stream's window opens when
/// its user took its bytes; the connection's opens on arrival while little lies unread, so that a stream that nobody reads does not stop the others.
/// </content>
internal sealed partial class Http2Session
{
    private const string LengthError = "DATA does not come to Content-Length";

    /// <summary>Most bytes handed over in one call, so that a user who writes them on with one system call stays within one block.</summary>
    private const int PieceBytes = BufferPool.BlockBytes;

    private Http2Stream? _dataStream; // of the DATA frame at hand; null: nobody gets it
    private int _dataStreamId;
    private int _dataLeft;
    private int _paddingLeft;
    private bool _dataEndsStream;
    private int _unread;   // bytes in all inboxes
    private int _withheld; // credit of the connection's window that waits for them to be taken

    /// <summary>False: more bytes are needed, or the connection has failed.</summary>
    private bool BeginData(in FrameHeader header, ref ReadOnlySpan<byte> input)
    {
        if (header.StreamId == 0)
        {
            ConnectionError(Http2ErrorCode.ProtocolError, "DATA on stream 0");
            return false;
        }
        var padded = header.Has(FrameFlags.Padded) ? 1 : 0;
        if (header.Length < padded)
        {
            ConnectionError(Http2ErrorCode.FrameSizeError, "DATA is too short for its flags");
            return false;
        }
        if (input.Length < FrameHeader.Size + padded) return false;
        var padding = padded == 0 ? 0 : input[FrameHeader.Size];
        if (padding + padded > header.Length)
        {
            ConnectionError(Http2ErrorCode.ProtocolError, "the padding is longer than its frame");
            return false;
        }
        if (!_receiveWindow.TryTake(header.Length))
        {
            ConnectionError(Http2ErrorCode.FlowControlError, "DATA beyond the connection's window");
            return false;
        }
        input = input[(FrameHeader.Size + padded)..];
        _dataStreamId = header.StreamId;
        _dataLeft = header.Length - padding - padded;
        _paddingLeft = padding;
        _dataEndsStream = header.Has(FrameFlags.EndStream);
        _dataStream = JudgeData(header);
        if (IsFailed) return false;
        if (_dataLeft == 0 && !_dataEndsStream) Spend(FaultBudget.Fault);
        else if (_dataStream is not null) AllowNoise(1);
        if (padding + padded > 0)
        {
            ReturnToConnection(padding + padded);
            if (_dataStream is not null) ReturnToStream(_dataStream, padding + padded);
        }
        if (_dataLeft + _paddingLeft == 0) FinishData();
        return true;
    }

    /// <summary>The stream that gets the frame's bytes; null: they are dropped.</summary>
    private Http2Stream? JudgeData(in FrameHeader header)
    {
        var stream = _streams.Find(header.StreamId);
        if (stream is null)
        {
            OnLateFrame(header.StreamId, isHead: false);
            return null;
        }
        if (stream.Left)
        {
            // Nobody wants it, and its window is not opened again: an honest peer stops.
            stream.RemoteEnded |= _dataEndsStream;
            Spend(FaultBudget.Noise);
            return null;
        }
        stream.Received += _dataLeft;
        var excess = stream.DeclaredLength >= 0 && (_dataEndsStream ? stream.Received != stream.DeclaredLength : stream.Received > stream.DeclaredLength);
        if (stream.RemoteEnded) StreamError(stream, Http2ErrorCode.StreamClosed, "DATA after END_STREAM");
        else if (!stream.HeadReceived) StreamError(stream, Http2ErrorCode.ProtocolError, "DATA before the head");
        else if (!stream.ReceiveWindow.TryTake(header.Length)) StreamError(stream, Http2ErrorCode.FlowControlError, "DATA beyond the stream's window");
        else if (excess) StreamError(stream, Http2ErrorCode.ProtocolError, LengthError);
        else return stream;
        return null;
    }

    /// <summary>The frame's payload, as much of it as is there.</summary>
    private bool TakeData(ref ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty) return false;
        if (_dataLeft > 0)
        {
            var data = input[..Math.Min(_dataLeft, input.Length)];
            input = input[data.Length..];
            _dataLeft -= data.Length;
            if (DataStream is { } stream) OnData(stream, data);
            else ReturnToConnection(data.Length);
        }
        else
        {
            var padding = Math.Min(_paddingLeft, input.Length);
            input = input[padding..];
            _paddingLeft -= padding;
        }
        if (_dataLeft + _paddingLeft == 0) FinishData();
        return true;
    }

    /// <summary>Its object may have ended, and serve another stream already, since the frame began.</summary>
    private Http2Stream? DataStream => _dataStream is { } stream && stream.Id == _dataStreamId && ReferenceEquals(stream.Session, this) ? stream : null;

    private void FinishData()
    {
        if (_dataEndsStream && DataStream is { } stream) OnRemoteEnd(stream, default);
        _dataStream = null;
    }

    private void OnData(Http2Stream stream, ReadOnlySpan<byte> data)
    {
        Touch(stream);
        if (stream.Wanted && !stream.Delivering && stream.Inbox is null)
        {
            var id = stream.Id;
            stream.Delivering = true;
            if (!stream.Events.OnData(data)) Stop(stream, id);
            ReturnToConnection(data.Length);
            if (stream.Id != id || !ReferenceEquals(stream.Session, this)) return;
            stream.Delivering = false;
            ReturnToStream(stream, data.Length);
            return;
        }
        stream.Inbox ??= _buffers.Rent();
        while (!stream.Inbox.TryAppend(data))
        {
            if (!stream.Inbox.Grow(BufferPool.LargestBlockBytes)) throw new InvalidOperationException("a stream's inbox passed its window");
        }
        _unread += data.Length;
        if (_unread <= _settings.MaxUnreadBytes) ReturnToConnection(data.Length);
        else _withheld += data.Length;
    }

    private void OnRemoteEnd(Http2Stream stream, in Trailers trailers)
    {
        Touch(stream);
        stream.RemoteEnded = true;
        if (stream.Wanted && stream.Inbox is null && !stream.Delivering)
        {
            DeliverEnd(stream, trailers);
            return;
        }
        if (trailers.IsEmpty) return;
        stream.InboxTrailers ??= new FieldBlock();
        Copy(trailers, stream.InboxTrailers);
        stream.HasInboxTrailers = true;
    }

    internal void Resume(Http2Stream stream)
    {
        stream.Wanted = true;
        if (stream.Delivering) return;
        var id = stream.Id;
        if (stream.Inbox is not null && !DeliverInbox(stream, id)) return;
        if (!stream.Wanted || !stream.RemoteEnded || stream.EndDelivered) return;
        if (stream.HasInboxTrailers) DeliverEnd(stream, new Trailers(stream.InboxTrailers!.Buffer, stream.InboxTrailers.Fields));
        else DeliverEnd(stream, default);
    }

    /// <summary>False: something is left, or the stream is gone.</summary>
    private bool DeliverInbox(Http2Stream stream, int id)
    {
        stream.Delivering = true;
        while (stream.Wanted && stream.Inbox is { IsEmpty: false } inbox)
        {
            var piece = inbox.Readable[..Math.Min(inbox.Length, PieceBytes)];
            if (!stream.Events.OnData(piece)) Stop(stream, id);
            if (stream.Id != id || !ReferenceEquals(stream.Session, this)) return false;
            inbox.Consume(piece.Length);
            ReturnToStream(stream, piece.Length);
            Taken(piece.Length);
        }
        stream.Delivering = false;
        if (stream.Inbox is not { IsEmpty: true }) return stream.Inbox is null;
        _buffers.Return(stream.Inbox);
        stream.Inbox = null;
        return true;
    }

    private void DeliverEnd(Http2Stream stream, in Trailers trailers)
    {
        stream.EndDelivered = true;
        stream.Events.OnEnd(trailers);
        CloseIfComplete(stream);
    }

    private void DropInbox(Http2Stream stream)
    {
        if (stream.Inbox is null) return;
        Taken(stream.Inbox.Length);
        _buffers.Return(stream.Inbox);
        stream.Inbox = null;
    }

    /// <summary>The user refused more; unless it ended the stream in the same call.</summary>
    private void Stop(Http2Stream stream, int id)
    {
        if (stream.Id == id && ReferenceEquals(stream.Session, this)) stream.Wanted = false;
    }

    /// <summary>Bytes have left an inbox.</summary>
    private void Taken(int count)
    {
        _unread -= count;
        var credit = Math.Min(_withheld, count);
        _withheld -= credit;
        if (credit > 0) ReturnToConnection(credit);
    }

    private void ReturnToConnection(int count)
    {
        var increment = _receiveWindow.Return(count);
        if (increment <= 0 || IsFailed) return;
        FrameWriter.WindowUpdate(Output, 0, increment);
        _events.OnOutput();
    }

    private void ReturnToStream(Http2Stream stream, int count)
    {
        if (stream.RemoteEnded || _dataEndsStream && ReferenceEquals(stream, DataStream)) return; // it needs no more
        var increment = stream.ReceiveWindow.Return(count);
        if (increment <= 0) return;
        FrameWriter.WindowUpdate(Output, stream.Id, increment);
        _events.OnOutput();
    }

    private static void Copy(in Trailers from, FieldBlock into)
    {
        into.Clear();
        foreach (ref readonly var field in from.Fields) into.Add(from.Name(field), from.Value(field));
    }
}
