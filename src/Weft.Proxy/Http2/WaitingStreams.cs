namespace Weft.Proxy.Http2;

/// <summary>Streams that wait for the connection (its window, its output), first in, first out: each gets one frame per round, so none starves another.</summary>
internal struct WaitingStreams
{
    private Http2Stream? _first;
    private Http2Stream? _last;

    public int Count { get; private set; }

    public void Add(Http2Stream stream)
    {
        if (stream.Listed) return;
        stream.Listed = true;
        stream.PreviousWaiting = _last;
        if (_last is null) _first = stream;
        else _last.NextWaiting = stream;
        _last = stream;
        Count++;
    }

    public void Remove(Http2Stream stream)
    {
        if (!stream.Listed) return;
        stream.Listed = false;
        if (stream.PreviousWaiting is null) _first = stream.NextWaiting;
        else stream.PreviousWaiting.NextWaiting = stream.NextWaiting;
        if (stream.NextWaiting is null) _last = stream.PreviousWaiting;
        else stream.NextWaiting.PreviousWaiting = stream.PreviousWaiting;
        stream.NextWaiting = stream.PreviousWaiting = null;
        Count--;
    }

    public bool TryTake(out Http2Stream stream)
    {
        stream = _first!;
        if (_first is null) return false;
        Remove(stream);
        return true;
    }
}
