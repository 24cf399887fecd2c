namespace Weft.Proxy.Buffers;

/// <summary>
/// A window of bytes in one pinned block: [0, Start) is consumed, [Start, End) can be read, [End, Capacity) can be written.
/// </summary>
internal sealed class ByteBuffer
{
    private byte[]? _block;

    internal ByteBuffer(BufferPool pool) => Pool = pool;

    internal BufferPool Pool { get; }

    public int Start { get; private set; }

    public int End { get; private set; }

    public int Capacity => Block.Length;

    /// <summary>Bytes that can be read.</summary>
    public int Length => End - Start;

    public bool IsEmpty => Start == End;

    public Span<byte> Readable => Block.AsSpan(Start, End - Start);

    public ReadOnlyMemory<byte> ReadableMemory => Block.AsMemory(Start, End - Start);

    public Span<byte> Writable => Block.AsSpan(End);

    private byte[] Block => _block ?? throw new InvalidOperationException("the buffer was returned to its pool");

    /// <summary>Says that the first <paramref name="count"/> bytes of <see cref="Writable"/> were written.</summary>
    public void Advance(int count)
    {
        if ((uint)count > (uint)(Capacity - End)) throw new ArgumentOutOfRangeException(nameof(count), count, "more than is writable");
        End += count;
    }

    /// <summary>Drops the first <paramref name="count"/> readable bytes; an emptied buffer starts over at its beginning.</summary>
    public void Consume(int count)
    {
        if ((uint)count > (uint)Length) throw new ArgumentOutOfRangeException(nameof(count), count, "more than is readable");
        Start += count;
        if (Start == End) Start = End = 0;
    }

    public void Clear() => Start = End = 0;

    /// <summary>Moves the readable bytes to the beginning, so that all free space is writable.</summary>
    public void Compact()
    {
        if (Start == 0) return;
        Readable.CopyTo(Block);
        End -= Start;
        Start = 0;
    }

    /// <summary>Makes room to write: compacts, then doubles up to <paramref name="limit"/> bytes of capacity (rounded up to a block size).
    /// False when nothing is writable and the limit is reached.</summary>
    public bool Grow(int limit)
    {
        if (Start > 0)
        {
            Compact();
            return true;
        }
        if (Capacity >= Math.Min(limit, BufferPool.LargestBlockBytes)) return End < Capacity;
        var old = Block;
        var larger = Pool.TakeBlock(old.Length * 2);
        old.AsSpan(0, End).CopyTo(larger);
        _block = larger;
        Pool.ShelveBlock(old);
        return true;
    }

    /// <summary>Copies all of <paramref name="bytes"/> in when they fit without growing; else copies nothing and answers false.</summary>
    public bool TryAppend(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > Capacity - Length) return false;
        if (bytes.Length > Capacity - End) Compact();
        bytes.CopyTo(Writable);
        End += bytes.Length;
        return true;
    }

    internal void Attach(byte[] block)
    {
        _block = block;
        Start = End = 0;
    }

    internal byte[] Detach()
    {
        var block = Block;
        _block = null;
        return block;
    }
}
