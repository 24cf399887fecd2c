using System.Collections.Immutable;
using Weft.Control.Model;

namespace Weft.Control.Serving;

/// <summary>
/// What proxies have found out of ports that declare nothing, as far as others gain by it: that clients speak HTTP there. It is told of a port of which somebody says so and nobody says that its server
/// speaks first. Thread-safe.
/// </summary>
/// <remarks>Proxies repeat what they know with every push, so nothing is lost and nothing needs to be kept over a restart. What is told changes only when the verdict does: repeating keeps it alive, and after a
/// contradiction a port is silent for as long as that is remembered, whatever others say. So one that lies can switch a hint once in that time, or off; neither costs anybody more than detection's limit.</remarks>
public sealed class VerdictBoard(TimeProvider time)
{
    /// <summary>Ports that are remembered; more are not taken in before others have aged. Ports that do not exist are never reported here, so a mesh has to be larger than that.</summary>
    public const int MaxPorts = 10_000;

    /// <summary>How long a report holds. Proxies remember for ten minutes; a port that is called less often than that must not come and go.</summary>
    public static readonly TimeSpan HttpHolds = TimeSpan.FromHours(1), ServerFirstHolds = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan SweepInterval = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new(); // guards everything below
    private readonly Dictionary<ServicePortKey, Entry> _entries = [];
    private DateTimeOffset _nextSweep;

    /// <summary>Until when which report holds.</summary>
    private readonly record struct Entry(DateTimeOffset Http, DateTimeOffset ServerFirst);

    /// <summary>Ports whose clients speak HTTP.</summary>
    public Latest<ImmutableHashSet<ServicePortKey>> HttpPorts { get; } = new([]);

    /// <summary>Takes what one proxy knows.</summary>
    /// <param name="reports">Of ports that exist, declare nothing, and may be called by the proxy.</param>
    public void Report(IEnumerable<(ServicePortKey Port, bool ClientsSpeakHttp)> reports)
    {
        lock (_lock)
        {
            var now = time.GetUtcNow();
            var told = HttpPorts.Value.ToBuilder();
            foreach (var (port, http) in reports)
            {
                if (!_entries.TryGetValue(port, out var entry) && _entries.Count >= MaxPorts) continue;
                _entries[port] = entry = http ? entry with { Http = now + HttpHolds } : entry with { ServerFirst = now + ServerFirstHolds };
                Tell(told, port, entry, now);
            }
            if (now >= _nextSweep) Sweep_NeedsLock(told, now);
            if (told.Count != HttpPorts.Value.Count || !told.SetEquals(HttpPorts.Value)) HttpPorts.Publish(told.ToImmutable());
        }
    }

    private void Sweep_NeedsLock(ImmutableHashSet<ServicePortKey>.Builder told, DateTimeOffset now)
    {
        _nextSweep = now + SweepInterval;
        foreach (var (port, entry) in _entries)
        {
            Tell(told, port, entry, now);
            if (now >= entry.Http && now >= entry.ServerFirst) _entries.Remove(port);
        }
    }

    private static void Tell(ImmutableHashSet<ServicePortKey>.Builder told, ServicePortKey port, Entry entry, DateTimeOffset now)
    {
        if (now < entry.Http && now >= entry.ServerFirst) told.Add(port);
        else told.Remove(port);
    }
}
