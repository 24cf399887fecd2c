namespace Weft.Telemetry.Metrics;

/// <summary>How much a proxy remembers in metrics.</summary>
public sealed record MetricsLimits
{
    /// <summary>Request series per proxy, 1 to 1,000,000, default 10,000; each costs 4 KB per worker that records it. Requests that would
    /// need one more are counted in <see cref="SeriesKey.Overflow"/>.</summary>
    public int MaxSeries
    {
        get;
        init => field = value is >= 1 and <= 1_000_000 ? value
            : throw new ArgumentOutOfRangeException(nameof(MaxSeries), value, "MaxSeries must be between 1 and 1,000,000 series");
    } = 10_000;

    /// <summary>A series that no request has touched for this long is dropped; default one hour, at least one minute.</summary>
    public TimeSpan IdleExpiry
    {
        get;
        init => field = value >= TimeSpan.FromMinutes(1) ? value
            : throw new ArgumentOutOfRangeException(nameof(IdleExpiry), value, "IdleExpiry must be at least one minute");
    } = TimeSpan.FromHours(1);
}
