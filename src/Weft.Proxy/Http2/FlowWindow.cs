namespace Weft.Proxy.Http2;

/// <summary>How much we may send, on a stream or on the connection (RFC 9113 section 5.2). Negative after the peer made its windows smaller.</summary>
internal struct SendWindow(int size)
{
    public int Open { get; private set; } = size;

    public void Take(int bytes) => Open -= bytes;

    /// <summary>False: it would pass 2^31-1, which only a broken peer does.</summary>
    public bool TryMove(int by)
    {
        var moved = (long)Open + by;
        if (moved > int.MaxValue) return false;
        Open = (int)moved;
        return true;
    }
}

/// <summary>How much the peer may send. What was taken is given back in portions of half the window: one WINDOW_UPDATE per portion, not one per frame.</summary>
internal struct ReceiveWindow(int size)
{
    private int _size = size;
    private int _owed;

    public int Open { get; private set; } = size;

    /// <summary>False: the peer sent more than it was allowed.</summary>
    public bool TryTake(int bytes)
    {
        if (bytes > Open) return false;
        Open -= bytes;
        return true;
    }

    /// <summary>What the peer may send changes with our setting; the bytes on their way stay counted.</summary>
    public void Resize(int size)
    {
        Open += size - _size;
        _size = size;
    }

    /// <summary>Credit for <paramref name="bytes"/> that were taken.</summary>
    /// <returns>Increment for a WINDOW_UPDATE; 0: not yet.</returns>
    public int Return(int bytes)
    {
        _owed += bytes;
        if (_owed < Math.Max(1, _size / 2)) return 0;
        var increment = _owed;
        _owed = 0;
        Open += increment;
        return increment;
    }
}
