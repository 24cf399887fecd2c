namespace Weft.Proxy.Configuration;

/// <summary>Limits of taking configuration in.</summary>
internal sealed record ConfigLimits
{
    /// <summary>How long a resource waits for what it refers to before it is used as it is. Default 15 s, xDS's own time for "does not exist".</summary>
    public TimeSpan Warming { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Route configurations asked for on behalf of requests that do not exist, or of which the server has said nothing yet. Default 4,096; beyond it, the oldest of them
    /// are given up, so that requests for invented names do not fill memory.</summary>
    public int OnDemandRoutes { get; init; } = 4096;

    /// <summary>Names and addresses asked for on behalf of clients, the same way. Default 4,096.</summary>
    public int OnDemandNames { get; init; } = 4096;

    /// <summary>Upper bound of the first pause before the management server is called again. Default 250 ms.</summary>
    public TimeSpan FirstRetry { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Upper bound of every such pause, and so of how long a proxy stays stale once the management server is back. Default 10 s.</summary>
    public TimeSpan LongestRetry { get; init; } = TimeSpan.FromSeconds(10);
}
