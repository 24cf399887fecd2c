using Weft.Proxy.Http1;

namespace Weft.Proxy.Listening;

/// <summary>What reading one request head takes: its fields' offsets and its path in normal form. Borrowed from the worker from a head's first byte until the connection is idle again,
/// so that a connection on which nothing happens holds none.</summary>
internal sealed class HeadSpace
{
    public Http1Head Head { get; } = new();

    /// <summary>Grows to what the paths need that come by.</summary>
    public byte[] Path { get; set; } = [];
}

/// <summary>One worker's <see cref="HeadSpace"/>s that nobody uses at the moment.</summary>
internal sealed class HeadSpaces
{
    private const int Kept = 256, KeptPathBytes = 4096;

    private readonly Stack<HeadSpace> _free = new();

    public HeadSpace Rent() => _free.TryPop(out var space) ? space : new HeadSpace();

    /// <summary>Only one whose head was read to its end: the next reader starts anew with it.</summary>
    public void Return(HeadSpace space)
    {
        if (space.Path.Length > KeptPathBytes) space.Path = []; // one client's long path is no reason to keep it for all
        if (_free.Count < Kept) _free.Push(space);
    }
}
