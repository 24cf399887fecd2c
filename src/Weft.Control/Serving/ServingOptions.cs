using Weft.Grpc;
using Weft.Xds;

namespace Weft.Control.Serving;

/// <summary>Times and bounds of what turns stored changes into configuration on proxies.</summary>
public sealed record ServingOptions
{
    /// <summary>A change is published when none has followed it for this long. Default 5 ms.</summary>
    public TimeSpan DebounceQuiet { get; init; } = TimeSpan.FromMilliseconds(5);

    /// <summary>A change is published after this long, whatever follows it. Default 50 ms.</summary>
    public TimeSpan DebounceMax { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>How often Leases are looked at, and so how late an expiry may be noticed. Default 1 s.</summary>
    public TimeSpan LeaseCheckInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long after the end of its Lease a Workload of <c>weft run</c> is removed with it. Default 60 s. Time in which nobody could have
    /// renewed does not count.</summary>
    public TimeSpan AbandonedAfter { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Pause before a status that the store refused is written again. Default 1 s.</summary>
    public TimeSpan StatusRetry { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Time for a new stream's first request. Default 10 s.</summary>
    public TimeSpan FirstRequestTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time for a TLS handshake. Default 10 s.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Quiet time after which a connection is pinged (HTTP/2 PING). Default 20 s.</summary>
    public TimeSpan KeepAliveDelay { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>A ping that is not answered for this long ends the connection. Default 10 s.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Connections open at one time. Default 20,000.</summary>
    public long MaxConnections { get; init; } = 20_000;

    /// <summary>Slowest that a client may read while something waits for it, in bytes per second after
    /// <see cref="SlowReaderGrace"/>. Default 16 KiB/s, at which the largest response takes two minutes. The next configuration of a stream is not made before the last was taken, so a slow reader costs
    /// one response and no queue; below this rate it costs its connection.</summary>
    public double MinReadBytesPerSecond { get; init; } = 16 * 1024;

    /// <summary>How long a client may read nothing at all. Default 10 s.</summary>
    public TimeSpan SlowReaderGrace { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Bounds of one configuration stream.</summary>
    public DeltaServerLimits Streams { get; init; } = new();

    /// <summary>Largest gRPC message that is read. Default 4 MiB.</summary>
    public int MaxMessageBytes { get; init; } = GrpcFraming.DefaultMaxMessageBytes;

    /// <summary>How long stopping waits for calls to end. Default 5 s.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(5);
}
