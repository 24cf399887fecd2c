using Weft.Proxy.Transport;

namespace Weft.Proxy.Buffers;

/// <summary>
/// Bytes on their way to one channel. Heads and framing gather here until the event that made them ends, so that they leave with the body in
/// one system call; bulk goes through untouched, and only what the channel does not take is copied and queued.
/// </summary>
/// <remarks>Bounded by its users: after <see cref="Write"/> answers false they give no more until the channel is writable, so it holds at most one
/// read's worth of body and its framing.</remarks>
internal struct OutputQueue(BufferPool pool)
{
    /// <summary>Bodies shorter than this are copied behind their head instead of gathered: one copy costs less than a second I/O vector.</summary>
    private const int CopyBelowBytes = 4096;

    private ByteBuffer? _buffer;

    public readonly bool IsEmpty => _buffer is null || _buffer.IsEmpty;

    public readonly int Length => _buffer?.Length ?? 0;

    /// <summary>Room for at least <paramref name="bytes"/> bytes, to be followed by <see cref="Commit"/>. At most <see cref="BufferPool.LargestBlockBytes"/> in all.</summary>
    public Span<byte> Reserve(int bytes)
    {
        _buffer ??= pool.Rent(bytes);
        while (_buffer.Writable.Length < bytes)
        {
            if (!_buffer.Grow(BufferPool.LargestBlockBytes)) throw new InvalidOperationException($"a head of more than {BufferPool.LargestBlockBytes} bytes");
        }
        return _buffer.Writable;
    }

    public readonly void Commit(int bytes) => _buffer!.Advance(bytes);

    public void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Reserve(bytes.Length));
        Commit(bytes.Length);
    }

    /// <summary>
    /// Takes all of <paramref name="data"/>. Short data waits for <see cref="Flush"/>; long data goes to the channel with what was queued before it.
    /// Blocked: the channel is full and the rest is queued.
    /// </summary>
    public IoStatus Write(Channel channel, ReadOnlySpan<byte> data)
    {
        if (data.Length < CopyBelowBytes && Length + data.Length <= BufferPool.BlockBytes)
        {
            Append(data);
            return IoStatus.Ok;
        }
        while (!data.IsEmpty)
        {
            var queued = Length;
            var status = queued == 0 ? channel.Write(data, out var written) : channel.Write(_buffer!.Readable, data, out written);
            if (status == IoStatus.Failed) return status;
            if (status == IoStatus.WouldBlock)
            {
                Append(data);
                return IoStatus.WouldBlock;
            }
            if (written < queued)
            {
                _buffer!.Consume(written);
                continue;
            }
            if (queued > 0) _buffer!.Consume(queued);
            data = data[(written - queued)..];
        }
        Rest();
        return IoStatus.Ok;
    }

    /// <summary>Hands everything to the channel. <see cref="IoStatus.WouldBlock"/>: the handler's OnWritable calls again.</summary>
    public IoStatus Flush(Channel channel)
    {
        while (!IsEmpty)
        {
            var status = channel.Write(_buffer!.Readable, out var written);
            if (status != IoStatus.Ok) return status;
            _buffer.Consume(written);
        }
        Rest();
        return IoStatus.Ok;
    }

    /// <summary>Forgets what is queued and gives the buffer back.</summary>
    public void Drop()
    {
        if (_buffer is null) return;
        pool.Return(_buffer);
        _buffer = null;
    }

    /// <summary>An idle connection holds no buffer.</summary>
    private void Rest()
    {
        if (_buffer is { IsEmpty: true }) Drop();
    }
}
