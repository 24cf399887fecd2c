namespace Weft.Proxy.Configuration.Cache;

/// <summary>What is in use was restored from disk, and no management server has confirmed it yet.</summary>
/// <param name="SavedAt">When it was saved; nothing had changed since by the time that the process before ended, as far as the disk took it.</param>
internal sealed record Staleness(DateTimeOffset SavedAt)
{
    /// <summary>Never negative, whatever happened to the wall clock.</summary>
    public TimeSpan Age(TimeProvider time) => time.GetUtcNow() - SavedAt is var age && age > TimeSpan.Zero ? age : TimeSpan.Zero;
}
