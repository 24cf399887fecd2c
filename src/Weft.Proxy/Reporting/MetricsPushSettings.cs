namespace Weft.Proxy.Reporting;

/// <summary>How often a proxy tells its control plane what it counted.</summary>
internal sealed record MetricsPushSettings
{
    /// <summary>From the start to the first push. Default 1 s: a person who has just started a workload looks for it.</summary>
    public TimeSpan FirstAfter { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>From the start of a push to the start of the next. Default 5 s, at least 100 ms.</summary>
    public TimeSpan Interval
    {
        get;
        init => field = value >= TimeSpan.FromMilliseconds(100) ? value
            : throw new ArgumentOutOfRangeException(nameof(Interval), value, "Interval must be at least 100 ms");
    } = TimeSpan.FromSeconds(5);

    /// <summary>How long one push may take. Default 4 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>How long the last push, when the process ends, may take. Default 1 s.</summary>
    public TimeSpan LastTimeout { get; init; } = TimeSpan.FromSeconds(1);
}
