namespace Weft.LoadTest.Engine;

/// <summary>
/// When each request is to be sent, evenly spaced, in nanoseconds since the load began. Fixed before the first request: nothing that
/// the target does can move it.
/// </summary>
/// <param name="rate">Requests per second.</param>
/// <param name="warmUp">Requests before this are not measured.</param>
/// <param name="duration">Length of the measured part.</param>
internal sealed class Schedule(double rate, TimeSpan warmUp, TimeSpan duration)
{
    private const double NanosPerSecond = 1e9;

    /// <summary>Number of requests, warm-up included.</summary>
    public long Total { get; private set; } = (long)Math.Ceiling(Math.Round((warmUp + duration).TotalSeconds * rate, 6));

    /// <summary>Where measuring begins.</summary>
    public long MeasureFrom { get; } = (long)warmUp.TotalNanoseconds;

    /// <summary>Where it ends.</summary>
    public long End { get; private set; } = (long)(warmUp + duration).TotalNanoseconds;

    public long Intended(long request) => (long)(request * (NanosPerSecond / rate));

    /// <summary>How many requests are due at <paramref name="now"/>.</summary>
    public long Due(long now) => now < 0 ? 0 : Math.Min(Total, (long)(now / (NanosPerSecond / rate)) + 1);

    public bool Measured(long request) => Intended(request) >= MeasureFrom;

    /// <summary>Ends the schedule: what is not due now never will be.</summary>
    public void Stop(long now)
    {
        Total = Due(now);
        End = Math.Min(End, now);
    }
}
