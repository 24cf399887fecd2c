namespace Weft.Proxy.Configuration.Cache;

/// <summary>Where and how often the last good configuration is saved.</summary>
/// <param name="Directory">A directory of this proxy's own.</param>
internal sealed record CacheSettings(string Directory)
{
    /// <summary>How often it is looked whether something has changed, and so how soon a change is on disk at the earliest. Default 1 s.</summary>
    public TimeSpan Look { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Least time between two writes: the whole file is written each time, so this bounds what a busy mesh costs the disk. Default 10 s.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(10);
}
