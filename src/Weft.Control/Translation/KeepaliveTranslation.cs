using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;

namespace Weft.Control.Translation;

/// <summary>
/// The mesh's <c>tcpKeepalive</c>, for both ends of a connection between workloads: silence for that long, then three probes, a third of it apart. Zero is none, and the kernel's two hours until a dead peer
/// is noticed.
/// </summary>
internal static class KeepaliveTranslation
{
    private const uint Probes = 3;

    public static UpstreamConnectionOptions? OfEndpoints(TimeSpan silence) => silence <= TimeSpan.Zero ? null : new UpstreamConnectionOptions
    {
        TcpKeepalive = new TcpKeepalive { KeepaliveTime = Seconds(silence), KeepaliveInterval = Interval(silence), KeepaliveProbes = Probes },
    };

    /// <summary>As Linux's numbers, because listeners have no field for it.</summary>
    public static IEnumerable<SocketOption> OfClients(TimeSpan silence) => silence <= TimeSpan.Zero ? [] :
    [
        Option("SO_KEEPALIVE", 1, 9, 1),
        Option("TCP_KEEPIDLE", 6, 4, Seconds(silence)),
        Option("TCP_KEEPINTVL", 6, 5, Interval(silence)),
        Option("TCP_KEEPCNT", 6, 6, Probes),
    ];

    private static uint Seconds(TimeSpan silence) => (uint)Math.Clamp(Math.Ceiling(silence.TotalSeconds), 1, 32_767); // what TCP_KEEPIDLE holds

    private static uint Interval(TimeSpan silence) => Math.Max(1, Seconds(silence) / 3);

    private static SocketOption Option(string name, long level, long number, long value) => new() { Description = name, Level = level, Name = number, IntValue = value };
}
