namespace Weft.Proxy.Http2;

/// <summary>
/// One token bucket per connection for what makes work and carries nothing, whichever side commits it: resets by the peer (Rapid Reset) and resets that it makes
/// us send (MadeYouReset) alike. An honest client whose callers often give up earns by its completed requests what it spends on the others.
/// </summary>
/// <param name="burst">Whole faults.</param>
/// <param name="perSecond">Whole faults.</param>
internal struct FaultBudget(int burst, int perSecond)
{
    /// <summary>A fault: a reset, an empty frame, a refused stream, a SETTINGS frame.</summary>
    public const int Fault = 10;

    /// <summary>Noise: a PING, a PRIORITY, a WINDOW_UPDATE that answers no DATA, an unknown frame.</summary>
    public const int Noise = 1;

    private long _tokens = (long)burst * Fault;
    private long _lastMs;

    /// <summary>False: the connection has cost enough.</summary>
    public bool TrySpend(int cost, long nowMs)
    {
        if (nowMs > _lastMs)
        {
            if (_lastMs != 0) Add((nowMs - _lastMs) * perSecond * Fault / 1000);
            // Only time that was worth a token is used up: many calls within a few milliseconds must not round it all away.
            if (_lastMs == 0 || (nowMs - _lastMs) * perSecond * Fault >= 1000) _lastMs = nowMs;
        }
        if (_tokens < cost) return false;
        _tokens -= cost;
        return true;
    }

    /// <summary>A request has run to its end.</summary>
    public void Earn(int amount) => Add(amount);

    private void Add(long amount) => _tokens = Math.Min((long)burst * Fault, _tokens + amount);
}
