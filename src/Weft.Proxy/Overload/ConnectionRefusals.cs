using System.Collections.Concurrent;
using System.Net;
using Weft.Telemetry.Metrics;

namespace Weft.Proxy.Overload;

/// <summary>Accepted connections that were ended before anything was served on them: counted by reason, and said, at most once in ten seconds for each reason. For all workers.</summary>
internal sealed class ConnectionRefusals
{
    private static readonly TimeSpan SayAgain = TimeSpan.FromSeconds(10);

    private readonly Reason[] _reasons;
    private readonly MetricsRegistry _metrics;
    private readonly ConcurrentDictionary<string, Counter> _denials = new(StringComparer.Ordinal);
    private readonly TimeProvider _time;
    private readonly Action<string> _say;

    /// <param name="say">Told of the first refusal of each reason, and again after a while. Any thread.</param>
    public ConnectionRefusals(MetricsRegistry metrics, TimeProvider time, Action<string> say)
    {
        (_metrics, _time, _say) = (metrics, time, say);
        _reasons = [.. Enum.GetValues<RefusalReason>().Select(r => new Reason(metrics.AddCounter(
            "weft_connections_refused_total", "Accepted connections that were ended before anything was served on them.", ("reason", Text(r)))))];
    }

    /// <param name="listener">Where it came in.</param>
    /// <param name="peer">Its other end.</param>
    /// <param name="detail">One clause for people.</param>
    public void Add(RefusalReason reason, string listener, IPEndPoint peer, string detail)
    {
        var known = _reasons[(int)reason];
        known.Counter.Add();
        var said = Interlocked.Read(ref known.Said);
        if (said != 0 && _time.GetElapsedTime(said) < SayAgain) return;
        if (Interlocked.CompareExchange(ref known.Said, Math.Max(1, _time.GetTimestamp()), said) == said) _say($"refused a connection from {peer} on '{listener}': {detail}");
    }

    /// <summary>A connection or request to a destination outside of the mesh was denied by <paramref name="policy"/>.</summary>
    public void CountDenial(string policy) => _denials.GetOrAdd(policy, static (name, metrics) => metrics.AddCounter(
        "weft_egress_denied_total", "Connections and requests to destinations outside of the mesh that a policy denied.", ("policy", name)), _metrics).Add();

    private static string Text(RefusalReason reason) => reason switch
    {
        RefusalReason.ProxyHeader => "proxy-header",
        RefusalReason.Loop => "loop",
        RefusalReason.EgressDenied => "egress-denied",
        RefusalReason.Limit => "limit",
        _ => "no-route",
    };

    private sealed class Reason(Counter counter)
    {
        public readonly Counter Counter = counter;
        public long Said; // timestamp; 0 before
    }
}

/// <summary>Why an accepted connection was ended at once.</summary>
internal enum RefusalReason : byte
{
    /// <summary>Its PROXY header is malformed, missing, or from somebody who is not trusted.</summary>
    ProxyHeader,

    /// <summary>It was not redirected, or leads back to this proxy.</summary>
    Loop,

    /// <summary>Its destination is outside of the mesh, and a policy denies that.</summary>
    EgressDenied,

    /// <summary>It came over a limit of connections or memory, and carries bytes: nothing could be answered.</summary>
    Limit,

    /// <summary>Its destination is a service that has no such port, or no route for what it carries.</summary>
    NoRoute,
}
