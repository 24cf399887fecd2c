using System.Collections.Concurrent;
using System.Net;

namespace Weft.Proxy.Detection;

/// <summary>
/// Which peers of ports that take TLS and plaintext speak which, by their address, for the whole process. Where a peer may speak TLS, its server's greeting is held back for a moment, lest a hello that is
/// a little late find that the connection has been given away as plaintext. A peer that has shown to wait for greetings does not pay that twice; one that has spoken TLS is
/// taken to speak it again, whatever else comes from its address.
/// </summary>
internal sealed class PeerMemory(TimeProvider time)
{
    /// <summary>Peers that are remembered. While there is no room, new ones are not: they wait for the moment that strangers wait.</summary>
    public const int MaxEntries = 4096;

    private const long RememberMs = 600_000;
    private const long SweepMs = 1000;

    private readonly ConcurrentDictionary<IPAddress, Entry> _entries = new();
    private long _nextSweepMs;

    private sealed record Entry(bool Tls, long ExpiresMs);

    private long NowMs => (long)time.GetElapsedTime(0).TotalMilliseconds;

    /// <summary>From any thread, without a lock.</summary>
    public bool WaitsForGreetings(IPAddress peer) => _entries.TryGetValue(peer, out var entry) && !entry.Tls && NowMs < entry.ExpiresMs;

    public void SpokeTls(IPAddress peer) => Remember(peer, isTls: true);

    /// <summary>It said nothing until its server's greeting had been held back for as long as that is done.</summary>
    public void WaitedForGreeting(IPAddress peer) => Remember(peer, isTls: false);

    private void Remember(IPAddress peer, bool isTls)
    {
        var now = NowMs;
        var known = _entries.GetValueOrDefault(peer);
        if (known is not null && now < known.ExpiresMs && (known.Tls && !isTls || known.Tls == isTls && known.ExpiresMs - now > RememberMs / 2)) return; // once in five minutes is enough
        if (known is null && _entries.Count >= MaxEntries && !HasRoom(now)) return;
        _entries[peer] = new Entry(isTls, now + RememberMs);
    }

    /// <summary>Looked for once a second at most: a client with many addresses must not make each of its connections a walk through all.</summary>
    private bool HasRoom(long now)
    {
        if (now < Interlocked.Read(ref _nextSweepMs)) return false;
        Interlocked.Exchange(ref _nextSweepMs, now + SweepMs);
        foreach (var entry in _entries)
        {
            if (entry.Value.ExpiresMs <= now) _entries.TryRemove(entry);
        }
        return _entries.Count < MaxEntries;
    }
}
