using System.Net;
using Envoy.Config.Core.V3;
using Weft.Identity;
using Weft.Proxy.Configuration;
using Weft.Proxy.Configuration.Cache;
using Weft.Telemetry.Metrics;

namespace Weft.Proxy.Admin;

/// <summary>What the admin endpoints show and steer. Every member is read on admin threads.</summary>
internal sealed record AdminSources
{
    public required ConfigStore Config { get; init; }

    public required ConfigHistory History { get; init; }

    public required MetricsRegistry Metrics { get; init; }

    public required Readiness Readiness { get; init; }

    /// <summary>Open listeners by name with the addresses that they are reached at.</summary>
    public required Func<IEnumerable<KeyValuePair<string, IPEndPoint>>> Listeners { get; init; }

    /// <summary>The proxy's own certificate; null without an identity, or before it came.</summary>
    public Func<CertificateMaterial?> Certificate { get; init; } = () => null;

    /// <summary>Set while the configuration in use was restored from disk and not confirmed.</summary>
    public Func<Staleness?> Stale { get; init; } = () => null;

    /// <summary>Why the management server cannot be reached, in one sentence; null while it can, and without one.</summary>
    public Func<string?> ManagementFailure { get; init; } = () => null;

    public Node Node { get; init; } = new();

    public required ProxyOptions Options { get; init; }

    public required TimeProvider Time { get; init; }

    /// <summary>Starts to drain and returns at once; asked again it does nothing. True: only what others call (Envoy's <c>inboundonly</c>).</summary>
    public required Action<bool> Drain { get; init; }

    /// <summary>Starts to drain and to end the process, and returns at once.</summary>
    public required Action Quit { get; init; }
}

/// <summary>What this process was told on its command line.</summary>
/// <param name="BootstrapFile">May be empty.</param>
/// <param name="Workers">Threads of the data path.</param>
/// <param name="DrainTime">How long a drain may take.</param>
/// <param name="Started">When the process began.</param>
internal sealed record ProxyOptions(string BootstrapFile, int Workers, TimeSpan DrainTime, DateTimeOffset Started);
