namespace Weft.Proxy.Transport;

/// <summary>How many pipes a worker has.</summary>
internal sealed record PipeSettings
{
    /// <summary>Pipes at one time, two descriptors each; a flow that finds none copies. Default: one for 256 of the process's descriptors (RLIMIT_NOFILE), at most 64. 0: none.</summary>
    public int MaxPipes { get; init; } = Math.Min(64, Descriptors.Limit / 256);

    /// <summary>Pipes that are kept while nobody uses them. Default 4, at least 0.</summary>
    public int MaxIdlePipes { get; init; } = 4;

    /// <summary>Capacity of one, a power of two from 64 KiB to <c>fs.pipe-max-size</c>. Default 256 KiB: in pipes of the kernel's default, 64 KiB, bulk costs a tenth more, and 1 MiB gains
    /// nothing.</summary>
    public int PipeBytes { get; init; } = 256 << 10;
}

/// <summary>
/// One worker's pipes, used on its thread alone. A flow holds one no longer than a buffer: while it has bytes that its target does not take.
/// </summary>
internal sealed class PipePool(PipeSettings settings) : IDisposable
{
    /// <summary>Blocks that are copied, after the system gave no pipe, before it is asked again: four system calls in vain for every block would cost more than the copy.</summary>
    private const int AsksBetweenRefusals = 1_000;

    private readonly Stack<Pipe> _idle = new();
    private readonly List<Pipe> _rented = [];
    private int _asksToSkip;

    /// <summary>Pipes rented and not yet returned.</summary>
    public int Rented => _rented.Count;

    public int Idle => _idle.Count;

    /// <summary>An empty pipe, or null when the worker has as many as it may, or the system gives none.</summary>
    public Pipe? TryRent()
    {
        if (!_idle.TryPop(out var pipe))
        {
            if (_rented.Count >= settings.MaxPipes) return null;
            if (_asksToSkip > 0)
            {
                _asksToSkip--;
                return null;
            }
            pipe = Pipe.TryCreate(settings.PipeBytes);
            if (pipe is null)
            {
                _asksToSkip = AsksBetweenRefusals;
                return null;
            }
        }
        _rented.Add(pipe);
        return pipe;
    }

    /// <summary>Gives it back. One with bytes in it is closed, and they with it.</summary>
    public void Return(Pipe pipe)
    {
        _rented.Remove(pipe); // a few dozen at most
        if (pipe.IsEmpty && _idle.Count < settings.MaxIdlePipes) _idle.Push(pipe);
        else pipe.Close();
    }

    public void Dispose()
    {
        foreach (var pipe in _idle) pipe.Close();
        foreach (var pipe in _rented) pipe.Close();
        _idle.Clear();
        _rented.Clear();
    }
}
