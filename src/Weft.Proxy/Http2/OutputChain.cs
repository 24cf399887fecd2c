using Weft.Proxy.Buffers;
using Weft.Proxy.Transport;

namespace Weft.Proxy.Http2;

/// <summary>
/// Bytes on their way to one channel, gathered from all its streams: a chain of pooled blocks, so that much waiting output never has to be moved, and an idle
/// connection holds none. Every frame's header stands whole in one block.
/// </summary>
internal sealed class OutputChain(BufferPool pool)
{
    /// <summary>Waiting bytes that are copied once more to spare a system call.</summary>
    private const int MostMoved = 2048;

    private ByteBuffer?[] _ring = new ByteBuffer?[2]; // a power of two
    private int _first;
    private int _count;
    private long _written;
    private long _flushed;

    /// <summary>Bytes that wait.</summary>
    public int Length => (int)(_written - _flushed);

    public bool IsEmpty => _written == _flushed;

    /// <summary>Where the next byte comes to stand, counted from the connection's first byte.</summary>
    public long Position => _written;

    /// <summary>Room for at least <paramref name="bytes"/> bytes side by side, to be followed by <see cref="Commit"/>.</summary>
    /// <param name="bytes">At most <see cref="BufferPool.LargestBlockBytes"/>.</param>
    public Span<byte> Reserve(int bytes)
    {
        if (_count > 0)
        {
            var last = Block(_count - 1);
            if (last.IsEmpty) last.Clear();
            if (last.Writable.Length >= bytes) return last.Writable;
        }
        return Push(bytes).Writable;
    }

    public void Commit(int bytes)
    {
        Block(_count - 1).Advance(bytes);
        _written += bytes;
    }

    /// <summary>About as many bytes come next: a body of some length goes into one large block, with the head that waits before it, so that they leave in one system call.</summary>
    public void Expect(int bytes)
    {
        if (bytes <= BufferPool.BlockBytes / 2) return;
        if (_count == 0)
        {
            Push(Math.Min(bytes, BufferPool.BulkBytes));
            return;
        }
        var last = Block(_count - 1);
        if (last.Writable.Length >= bytes || last.Capacity >= BufferPool.BulkBytes || last.Length > MostMoved) return;
        var larger = pool.Rent(BufferPool.BulkBytes);
        larger.TryAppend(last.Readable);
        pool.Return(last);
        _ring[(_first + _count - 1) & (_ring.Length - 1)] = larger;
    }

    /// <summary>Copies bytes in, over as many blocks as they need.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var room = Reserve(1);
            var count = Math.Min(room.Length, bytes.Length);
            bytes[..count].CopyTo(room);
            Commit(count);
            bytes = bytes[count..];
        }
    }

    /// <summary>Moves the first <paramref name="uncommitted"/> bytes of the reserved room into room of <paramref name="bytes"/> bytes.</summary>
    /// <returns>Empty when no block is that large; the reserved room is then as it was.</returns>
    public Span<byte> Enlarge(int uncommitted, int bytes)
    {
        if (bytes > BufferPool.LargestBlockBytes) return default;
        var old = Block(_count - 1);
        var next = Push(bytes);
        old.Writable[..uncommitted].CopyTo(next.Writable);
        return next.Writable;
    }

    /// <summary>Sets flags of the frame whose header begins at <paramref name="position"/>, if no byte of it has left.</summary>
    public bool TryAddFlags(long position, FrameFlags flags)
    {
        if (position < _flushed) return false;
        var at = (int)(position - _flushed);
        for (var i = 0; i < _count; i++)
        {
            var block = Block(i);
            if (at < block.Length)
            {
                block.Readable[at + 4] |= (byte)flags;
                return true;
            }
            at -= block.Length;
        }
        return false;
    }

    /// <summary>Hands everything to the channel, two blocks per system call.</summary>
    public IoStatus Flush(Channel channel)
    {
        while (!IsEmpty)
        {
            var status = channel.Write(Block(0).Readable, _count > 1 ? Block(1).Readable : default, out var written);
            if (status != IoStatus.Ok) return status;
            Consume(written);
        }
        Drop();
        return IoStatus.Ok;
    }

    /// <summary>Forgets what waits and gives the blocks back.</summary>
    public void Drop()
    {
        while (_count > 0) Pop();
        _flushed = _written;
    }

    private ByteBuffer Block(int index) => _ring[(_first + index) & (_ring.Length - 1)]!;

    private ByteBuffer Push(int bytes)
    {
        if (_count == _ring.Length)
        {
            var larger = new ByteBuffer?[_count * 2];
            for (var i = 0; i < _count; i++) larger[i] = Block(i);
            _ring = larger;
            _first = 0;
        }
        var block = pool.Rent(bytes);
        _ring[(_first + _count++) & (_ring.Length - 1)] = block;
        return block;
    }

    private void Pop()
    {
        pool.Return(Block(0));
        _ring[_first] = null;
        _first = (_first + 1) & (_ring.Length - 1);
        _count--;
    }

    private void Consume(int count)
    {
        _flushed += count;
        while (_count > 0)
        {
            var step = Math.Min(count, Block(0).Length);
            Block(0).Consume(step);
            count -= step;
            if (!Block(0).IsEmpty) return;
            Pop();
        }
    }
}
