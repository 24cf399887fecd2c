using System.Collections.Immutable;
using Weft.Control.Serving;
using Weft.Control.Translation;

namespace Weft.Control.Insights;

/// <summary>All proxies, those connected and those that left a short while ago. Streams write, everybody reads immutable pictures.</summary>
/// <param name="remember">How long a proxy that has gone is still shown.</param>
public sealed class ProxyRegistry(TimeProvider time, TimeSpan remember)
{
    private readonly Lock _lock = new(); // guards _streams and the order of publications
    private readonly Dictionary<string, SortedDictionary<long, ProxyStatus>> _streams = new(StringComparer.Ordinal); // by node, then by age
    private long _lastId;

    /// <summary>Every proxy by node ID. A proxy that reconnects has two streams until the old one is found dead: the younger is shown.</summary>
    public Latest<ImmutableSortedDictionary<string, ProxyStatus>> Proxies { get; } = new(ImmutableSortedDictionary.Create<string, ProxyStatus>(StringComparer.Ordinal));

    /// <summary>Proxies whose stream is open.</summary>
    public int Connected { get { lock (_lock) return _streams.Count; } }

    public ProxySession Open(NodeInfo node, string userAgent, string version, string address)
    {
        var status = new ProxyStatus(node, userAgent, version, address, Connected: true, time.GetUtcNow(), null, []);
        lock (_lock)
        {
            var session = new ProxySession(this, ++_lastId, status);
            if (!_streams.TryGetValue(node.Id, out var streams)) _streams[node.Id] = streams = [];
            streams[session.Id] = status;
            Proxies.Publish(Remembered().SetItem(node.Id, status));
            return session;
        }
    }

    internal void Report(ProxySession session, ProxyStatus status)
    {
        lock (_lock)
        {
            var streams = _streams[status.Node.Id];
            streams[session.Id] = status;
            if (streams.Keys.Last() == session.Id) Proxies.Publish(Proxies.Value.SetItem(status.Node.Id, status));
        }
    }

    internal void Close(ProxySession session, ProxyStatus last)
    {
        lock (_lock)
        {
            if (!_streams.TryGetValue(last.Node.Id, out var streams) || !streams.Remove(session.Id)) return;
            if (streams.Count == 0) _streams.Remove(last.Node.Id);
            var shown = streams.Count > 0 ? streams.Values.Last() : last with { Connected = false, Since = time.GetUtcNow() };
            Proxies.Publish(Remembered().SetItem(last.Node.Id, shown));
        }
    }

    private ImmutableSortedDictionary<string, ProxyStatus> Remembered()
    {
        var now = time.GetUtcNow();
        return Proxies.Value.RemoveRange(Proxies.Value.Values.Where(p => !p.Connected && now - p.Since > remember).Select(p => p.Node.Id));
    }
}
