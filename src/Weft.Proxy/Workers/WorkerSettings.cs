using Weft.Proxy.Buffers;
using Weft.Proxy.Transport;

namespace Weft.Proxy.Workers;

/// <summary>Limits of one worker.</summary>
internal sealed record WorkerSettings
{
    public BufferSettings Buffers { get; init; } = new();

    public PipeSettings Pipes { get; init; } = new();

    /// <summary>Connections accepted per listening socket before other events get their turn. Default 64, at least 1.</summary>
    public int AcceptBatch { get; init; } = 64;

    /// <summary>How long a listening socket rests after accept failed for want of descriptors or memory; clients wait in the backlog meanwhile.
    /// Default 100 ms.</summary>
    public TimeSpan AcceptRetryDelay { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a closed channel may go on delivering what it had accepted (a last TLS record, an alert). Default 2 s.</summary>
    public TimeSpan CloseLinger { get; init; } = TimeSpan.FromSeconds(2);
}
