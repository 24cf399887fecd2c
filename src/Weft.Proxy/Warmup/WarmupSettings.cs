namespace Weft.Proxy.Warmup;

/// <summary>How much the proxy exercises itself after its start.</summary>
internal sealed record WarmupSettings
{
    /// <summary>Longest warm-up. Default 2 s; zero for none.</summary>
    public TimeSpan Budget { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Most requests. Default 4,000, about half a second of one core.</summary>
    public int MaxRequests { get; init; } = 4000;

    /// <summary>Between two rounds: the runtime recompiles what was called often only when nothing new has come for 100 ms, so one long burst would end
    /// before the first better code is there. Default 50 ms.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Rounds in a row that brought no newly compiled method: then it is warm. Default 8.</summary>
    public int QuietRounds { get; init; } = 8;
}
