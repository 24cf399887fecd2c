namespace Weft.Proxy.Tcp;

/// <summary>
/// Tells from the sizes of moves whether a direction carries bulk, for which a way through the kernel pays: it saves the copies, which grow with the bytes, and costs a system call more,
/// which does not. No socket, no clock.
/// </summary>
/// <remarks>Two thresholds and two counts, so that neither the end of one large answer nor one large message among small ones turns it.</remarks>
internal struct BulkDetector
{
    /// <summary>A block of at least this many bytes is large.</summary>
    public const int LargeBlock = 32 << 10;

    /// <summary>Large blocks in succession that make a direction bulk.</summary>
    public const int LargeBlocks = 4;

    /// <summary>A move of less than this many bytes is small: copying them costs less than the further system call.</summary>
    public const int SmallMove = 16 << 10;

    /// <summary>Small moves in succession that end it.</summary>
    public const int SmallMoves = 4;

    private byte _succession;
    private bool _never;

    public bool IsBulk { get; private set; }

    /// <summary>A block was read.</summary>
    /// <param name="bytes">In it; none says nothing.</param>
    public void Copied(int bytes)
    {
        if (IsBulk || _never || bytes == 0) return;
        _succession = bytes >= LargeBlock ? (byte)(_succession + 1) : (byte)0;
        if (_succession < LargeBlocks) return;
        IsBulk = true;
        _succession = 0;
    }

    /// <summary>Bytes went through the kernel.</summary>
    public void Spliced(int bytes)
    {
        _succession = bytes < SmallMove ? (byte)(_succession + 1) : (byte)0;
        if (_succession < SmallMoves) return;
        IsBulk = false;
        _succession = 0;
    }

    /// <summary>The way through the kernel gave nothing where there was something.</summary>
    public void Never()
    {
        _never = true;
        IsBulk = false;
    }
}
