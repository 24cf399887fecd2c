namespace Weft.Proxy.Overload;

/// <summary>
/// Open connections against a limit, as one cell for all workers. Up to the limit connections are served. A few more (a twentieth of it, at least 8) are accepted to be told 503, which says more than
/// silence. Beyond those accepting pauses and connections wait in the backlog, until so many have gone that it does not flap.
/// </summary>
/// <param name="limit">At least 1; <see cref="OverloadSettings.None"/> for none.</param>
internal sealed class ConnectionLimit(long limit)
{
    private readonly long _ceiling = limit == OverloadSettings.None ? limit : limit + Math.Max(8, limit / 20);
    private readonly long _reopens = limit - limit / 20;
    private long _open;
    private int _closed;

    public long Limit => limit;

    public long Open => Volatile.Read(ref _open);

    /// <summary>More are open than are served.</summary>
    public bool IsExceeded => Open > limit;

    public void Add() => Interlocked.Increment(ref _open);

    public void Remove() => Interlocked.Decrement(ref _open);

    /// <param name="closes">True for the one call that finds the ceiling reached.</param>
    public bool MayAccept(out bool closes)
    {
        closes = false;
        var open = Open;
        if (open >= _ceiling) closes = Interlocked.Exchange(ref _closed, 1) == 0;
        else if (open < _reopens || open == 0) Volatile.Write(ref _closed, 0);
        return Volatile.Read(ref _closed) == 0;
    }
}
