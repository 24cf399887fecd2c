namespace Weft.Control.Api;

/// <summary>Bounds of the resource API. Each refusal names the setting that caused it.</summary>
public sealed record ApiOptions
{
    /// <summary>Largest request body. Bytes, default 3 MiB.</summary>
    public int MaxBodyBytes { get; init; } = 3 << 20;

    /// <summary>Watches open at one time. Default 1,000; the next one is answered 429.</summary>
    public int MaxWatches { get; init; } = 1000;

    /// <summary>Time between two BOOKMARK events of a watch that asked for them. Default 30 s.</summary>
    public TimeSpan BookmarkInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Longest life of a watch, also when the client asks for more. Default 1 h.</summary>
    public TimeSpan MaxWatchDuration { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Lists that are being paged through at one time. Default 32; the oldest answers 410 when it is continued.</summary>
    public int MaxPagedLists { get; init; } = 32;

    /// <summary>Attempts of a change that names no resourceVersion and meets concurrent ones. Default 10; then 409.</summary>
    public int MaxAttempts { get; init; } = 10;
}
