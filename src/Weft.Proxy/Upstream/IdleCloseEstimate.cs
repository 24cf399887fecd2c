namespace Weft.Proxy.Upstream;

/// <summary>
/// After how long an endpoint closes idle connections, learned from the closes that were seen. Pure: times come in.
/// </summary>
/// <remarks>A request that is sent while the endpoint closes is lost, and only some may be sent again; so connections must not be used for as long as the endpoint
/// keeps them. One close proves little, for an endpoint that restarts closes connections of every age; two of the same age are a timer.</remarks>
internal struct IdleCloseEstimate
{
    /// <summary>Two closes count as of the same age when they differ by no more than this share of it or this many milliseconds.</summary>
    private const double Tolerance = 0.1;
    private const long ToleranceMs = 50;

    private long _lastAgeMs;
    private long _learnedMs;
    private long _learnedAtMs;

    /// <summary>The endpoint has closed a connection that was idle for <paramref name="ageMs"/>.</summary>
    public void Observe(long ageMs, long nowMs)
    {
        var difference = Math.Abs(ageMs - _lastAgeMs);
        if (_lastAgeMs > 0 && (difference <= ToleranceMs || difference <= _lastAgeMs * Tolerance))
        {
            _learnedMs = Math.Min(ageMs, _lastAgeMs);
            _learnedAtMs = nowMs;
        }
        _lastAgeMs = ageMs;
    }

    /// <summary>The learned time in milliseconds; <see cref="long.MaxValue"/> while nothing is known.</summary>
    /// <param name="memoryMs">What was learned longer ago is forgotten.</param>
    public readonly long Get(long nowMs, long memoryMs) => _learnedMs > 0 && nowMs - _learnedAtMs < memoryMs ? _learnedMs : long.MaxValue;
}
