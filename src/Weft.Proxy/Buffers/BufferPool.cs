using System.Numerics;

namespace Weft.Proxy.Buffers;

/// <summary>
/// One worker's buffers: pinned blocks of 16 KiB, doubled up to 1 MiB for large heads. Used on the worker's thread alone, so there is no lock;
/// renting and returning allocate nothing once warm.
/// </summary>
/// <remarks>Blocks live on the pinned object heap: the kernel and OpenSSL may hold their address while the collector runs, and pinning a block
/// per system call would cost more than the call's bookkeeping.</remarks>
internal sealed class BufferPool(BufferSettings settings)
{
    /// <summary>Size of an ordinary block: one TLS record, or a request head with room to spare.</summary>
    public const int BlockBytes = 16 << 10;

    /// <summary>What bodies are read with: as much as a fast sender has ready. A body of 100 KB costs a third less CPU than in blocks of 16 KiB, for it takes
    /// two reads and writes instead of seven. A connection holds such a block no longer than any other: while it has bytes that nobody took.</summary>
    public const int BulkBytes = 4 * BlockBytes;

    /// <summary>Size of the largest block.</summary>
    public const int LargestBlockBytes = 1 << 20;

    private static readonly int SmallestPower = BitOperations.Log2(BlockBytes);

    private readonly Stack<byte[]>[] _shelves = MakeShelves();
    private readonly Stack<ByteBuffer> _shells = new();
    private long _idleBytes;

    public BufferPool() : this(new BufferSettings()) { }

    /// <summary>Buffers rented and not yet returned.</summary>
    public int Rented { get; private set; }

    /// <summary>Bytes that lie ready.</summary>
    public long IdleBytes => _idleBytes;

    /// <summary>An empty buffer of at least <paramref name="minimumBytes"/> (at most 1 MiB).</summary>
    public ByteBuffer Rent(int minimumBytes = BlockBytes)
    {
        var block = TakeBlock(minimumBytes);
        if (!_shells.TryPop(out var buffer)) buffer = new ByteBuffer(this);
        buffer.Attach(block);
        Rented++;
        return buffer;
    }

    /// <summary>Gives <paramref name="buffer"/> back. It must not be touched afterwards; returning it twice throws.</summary>
    public void Return(ByteBuffer buffer)
    {
        if (buffer.Pool != this) throw new InvalidOperationException("the buffer belongs to another worker's pool");
        ShelveBlock(buffer.Detach());
        _shells.Push(buffer);
        Rented--;
    }

    internal byte[] TakeBlock(int minimumBytes)
    {
        if (minimumBytes > LargestBlockBytes)
            throw new ArgumentOutOfRangeException(nameof(minimumBytes), minimumBytes, $"a buffer holds at most {LargestBlockBytes} bytes");
        var size = Math.Max(BlockBytes, (int)BitOperations.RoundUpToPowerOf2((uint)minimumBytes));
        if (!ShelfOf(size).TryPop(out var block)) return GC.AllocateUninitializedArray<byte>(size, pinned: true);
        _idleBytes -= size;
        return block;
    }

    internal void ShelveBlock(byte[] block)
    {
        if (_idleBytes + block.Length > settings.MaxIdleBytes) return;
        _idleBytes += block.Length;
        ShelfOf(block.Length).Push(block);
    }

    private Stack<byte[]> ShelfOf(int size) => _shelves[BitOperations.Log2((uint)size) - SmallestPower];

    private static Stack<byte[]>[] MakeShelves()
    {
        var shelves = new Stack<byte[]>[BitOperations.Log2(LargestBlockBytes) - SmallestPower + 1];
        for (var i = 0; i < shelves.Length; i++) shelves[i] = new Stack<byte[]>();
        return shelves;
    }
}
