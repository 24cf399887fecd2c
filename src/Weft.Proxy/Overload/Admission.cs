using System.Collections.Concurrent;
using Weft.Proxy.Access;
using Weft.Proxy.Transport;
using Weft.Telemetry.Metrics;

namespace Weft.Proxy.Overload;

/// <summary>What the process takes on and what it turns away, for all workers: connections at their listening sockets, requests when memory is short. Every refusal names its limit.</summary>
internal sealed class Admission
{
    private static readonly TimeSpan SayAgain = TimeSpan.FromSeconds(10);

    private readonly OverloadSettings _settings;
    private readonly ConnectionLimit _process;
    private readonly ConcurrentDictionary<string, ListenerAdmission> _listeners = new(StringComparer.Ordinal);
    private readonly Counter _pauses;
    private readonly Counter _exhausted;
    private readonly Counter _connections;
    private readonly Counter _requests;
    private readonly Counter _handshakes;
    private int _lookups;
    private volatile string? _memoryRefusal;
    private volatile bool _memoryCritical;
    private readonly TimeProvider _time;
    private long _exhaustedSaid = -1; // timestamp; -1 before

    /// <summary>Takes a line for people. Any thread.</summary>
    public Action<string> Warn { get; }

    /// <param name="warn">Told when a limit begins to turn connections away. Any thread.</param>
    public Admission(OverloadSettings settings, MetricsRegistry metrics, TimeProvider time, Action<string> warn)
    {
        (_settings, _time, Warn) = (settings, time, warn);
        _process = new ConnectionLimit(settings.MaxConnections);
        Refusals = new ConnectionRefusals(metrics, time, warn);
        const string Refused = "weft_overload_refused_total", Help = "Connections and requests turned away because a limit of this process was reached.";
        _connections = metrics.AddCounter(Refused, Help, ("limit", "connections"));
        _requests = metrics.AddCounter(Refused, Help, ("limit", "memory"));
        _handshakes = metrics.AddCounter(Refused, Help, ("limit", "handshakes"));
        _pauses = metrics.AddCounter("weft_accept_pauses_total", "Times that accepting paused because a connection limit was reached.");
        Access = new AccessJudge(new AccessReport(AccessSettings, metrics, time, warn));
        _exhausted = metrics.AddCounter("weft_accept_exhausted_total", "Times that accepting rested because the system had no descriptor or memory for a socket.");
        metrics.AddGauge("weft_accepted_connections", "Accepted sockets that are open, those in detection and handshake included.", () => _process.Open);
        metrics.AddGauge("weft_memory_shedding", "1 while requests are refused because memory is short, else 0.", () => _memoryRefusal is null ? 0 : 1);
    }

    /// <summary>Connections that are ended before anything is served on them.</summary>
    public ConnectionRefusals Refusals { get; }

    /// <summary>Connections to original destinations, which must not come back.</summary>
    public OwnConnections OwnConnections { get; } = new();

    /// <summary>Who may connect, by the rules of the filter chain.</summary>
    public AccessJudge Access { get; }

    public AccessSettings AccessSettings { get; } = new();

    /// <summary>TLS handshakes at one time, per worker.</summary>
    public int MaxHandshakes => _settings.MaxHandshakes;

    /// <summary>Why requests are refused for want of memory; null while they are not. Set by <see cref="MemoryGuard"/>.</summary>
    public string? MemoryRefusal
    {
        get => _memoryRefusal;
        set => _memoryRefusal = value;
    }

    /// <summary>Memory is so short that not even a refusal is taken on. Set by <see cref="MemoryGuard"/>.</summary>
    public bool IsMemoryCritical
    {
        get => _memoryCritical;
        set => _memoryCritical = value;
    }

    /// <summary>False when as many host names are being looked up as may be at one time.</summary>
    /// <param name="limit">How many that are.</param>
    public bool TryBeginLookup(out int limit)
    {
        limit = _settings.MaxHostLookups;
        if (Interlocked.Increment(ref _lookups) <= limit) return true;
        Interlocked.Decrement(ref _lookups);
        return false;
    }

    public void LookupEnded() => Interlocked.Decrement(ref _lookups);

    /// <summary>The share of one listener, the same for all workers.</summary>
    public ListenerAdmission For(string listener) => _listeners.GetOrAdd(listener, static (name, admission) => new ListenerAdmission(admission, name), this);

    public void CountRefusedRequest() => _requests.Add();

    public void CountRefusedHandshake() => _handshakes.Add();

    /// <summary>One listener's connections against its own limit and the process's.</summary>
    internal sealed class ListenerAdmission(Admission admission, string listener) : IAcceptGate
    {
        private readonly ConnectionLimit _own = new(admission._settings.MaxListenerConnections);

        /// <summary>Why the connection that was accepted last is not served, for its client to read; null when it is.</summary>
        public string? Refuse()
        {
            var refusal = admission._process.IsExceeded ? $"this proxy has all {admission._process.Limit} connections that it may have (--max-connections)"
                : _own.IsExceeded ? $"the listener '{listener}' has all {_own.Limit} connections that it may have (--max-listener-connections)" : null;
            if (refusal is not null) admission._connections.Add();
            return refusal;
        }

        public bool MayAccept()
        {
            if (admission.IsMemoryCritical) return false;
            var all = admission._process.MayAccept(out var closes);
            if (closes) Paused($"the process has {admission._process.Open} connections, and its limit is {admission._process.Limit} (--max-connections)");
            var own = _own.MayAccept(out closes);
            if (closes) Paused($"the listener '{listener}' has {_own.Open} connections, and its limit is {_own.Limit} (--max-listener-connections)");
            return all && own;
        }

        public void Accepted()
        {
            admission._process.Add();
            _own.Add();
        }

        public void Released()
        {
            admission._process.Remove();
            _own.Remove();
        }

        public void Exhausted(string reason)
        {
            admission._exhausted.Add();
            var said = Interlocked.Read(ref admission._exhaustedSaid);
            if (said >= 0 && admission._time.GetElapsedTime(said) < SayAgain) return; // it is tried again ten times a second
            Interlocked.Exchange(ref admission._exhaustedSaid, admission._time.GetTimestamp());
            admission.Warn($"accepting on '{listener}' rests: {reason} ({Descriptors.Limit} open files are allowed: ulimit -n)");
        }

        private void Paused(string why)
        {
            admission._pauses.Add();
            admission.Warn($"accepting pauses: {why}");
        }
    }
}
