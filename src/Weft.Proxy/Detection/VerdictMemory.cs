using System.Collections.Concurrent;
using Weft.Telemetry.Metrics;

namespace Weft.Proxy.Detection;

/// <summary>Who begins, on connections to a destination.</summary>
internal enum Verdict : byte
{
    /// <summary>Nothing is remembered.</summary>
    Unknown,

    /// <summary>The server: its connections carry bytes.</summary>
    ServerFirst,

    /// <summary>The client, and it speaks HTTP.</summary>
    Http,
}

/// <summary>
/// What was found out of destinations, for the whole process. A destination whose server speaks first is dialled and served without a limit running; one whose clients speak HTTP is not
/// dialled on suspicion. What speaks against an entry deletes it instead of turning it round: then one stray client (a scanner that asks a mail server for its web page)
/// costs the next connection a look at both sides, not a wrong guess.
/// </summary>
/// <param name="maxEntries">Destinations that are remembered; a new one takes the place of the oldest. Default 4,096.</param>
/// <param name="metrics">Counts what is forgotten.</param>
internal sealed class VerdictMemory(DetectionMetrics metrics, TimeProvider time, int maxEntries = 4096)
{
    private readonly ConcurrentDictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    private sealed record Entry(Verdict Verdict, long SinceMs, long ExpiresMs);

    public int Count => _entries.Count;

    private long NowMs => (long)time.GetElapsedTime(0).TotalMilliseconds;

    /// <summary>From any thread, without a lock.</summary>
    public Verdict Find(string destination)
    {
        if (!_entries.TryGetValue(destination, out var entry)) return Verdict.Unknown;
        if (NowMs < entry.ExpiresMs) return entry.Verdict;
        if (_entries.TryRemove(KeyValuePair.Create(destination, entry))) metrics.Forgotten(ForgetReason.Age);
        return Verdict.Unknown;
    }

    /// <summary>Everything that is remembered now.</summary>
    public IReadOnlyList<DestinationVerdict> All()
    {
        var now = NowMs;
        return [.. _entries.Where(e => now < e.Value.ExpiresMs).Select(e => new DestinationVerdict(e.Key, e.Value.Verdict == Verdict.Http))];
    }

    /// <summary>A connection has shown <paramref name="seen"/>. The same again keeps the entry alive; the opposite deletes it.</summary>
    /// <param name="remember">For how long; zero: not at all.</param>
    public void Observe(string destination, Verdict seen, TimeSpan remember)
    {
        if (remember == TimeSpan.Zero) return;
        if (Find(destination) is var known && known != Verdict.Unknown && known != seen)
        {
            if (_entries.TryRemove(destination, out _)) metrics.Forgotten(ForgetReason.Contradicted);
            return;
        }
        var now = NowMs;
        if (known == Verdict.Unknown && _entries.Count >= maxEntries) MakeRoom(now);
        _entries[destination] = new Entry(seen, now, now + (long)remember.TotalMilliseconds);
    }

    /// <summary>Rare: destinations come from the configuration, and more of them than the limit are an odd mesh.</summary>
    private void MakeRoom(long now)
    {
        KeyValuePair<string, Entry>? oldest = null;
        foreach (var entry in _entries)
        {
            if (entry.Value.ExpiresMs <= now)
            {
                if (_entries.TryRemove(entry)) metrics.Forgotten(ForgetReason.Age);
            }
            else if (oldest is null || entry.Value.SinceMs < oldest.Value.Value.SinceMs) oldest = entry;
        }
        if (_entries.Count >= maxEntries && oldest is { } victim && _entries.TryRemove(victim)) metrics.Forgotten(ForgetReason.Full);
    }
}
