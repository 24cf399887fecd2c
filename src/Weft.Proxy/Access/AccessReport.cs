using System.Collections.Concurrent;
using Weft.Telemetry.Metrics;

namespace Weft.Proxy.Access;

/// <summary>Counts what access rules decide, and says who was denied, by which policy. Any thread; the number of series and of lines is bounded.</summary>
internal sealed class AccessReport(AccessSettings settings, MetricsRegistry metrics, TimeProvider time, Action<string> say)
{
    private const string NoPolicy = "none", Others = "other";

    private readonly ConcurrentDictionary<(string Policy, AccessOutcome Outcome), Counter> _counters = [];
    private readonly ConcurrentDictionary<string, Said> _said = new(StringComparer.Ordinal);
    private readonly Lock _adding = new(); // a series must be added once only

    private sealed class Said
    {
        public long At = -1; // timestamp of the last line; -1 before
        public long Unsaid;
    }

    /// <param name="policy">Null: none matched.</param>
    public void Count(string? policy, AccessOutcome outcome)
    {
        var label = LabelOf(policy);
        if (!_counters.TryGetValue((label, outcome), out var counter)) counter = Add(label, outcome);
        counter.Add();
    }

    /// <summary>Whether something may be said of the policy now, or it has spoken lately.</summary>
    /// <param name="policy">Null: none matched.</param>
    /// <param name="unsaid">Denials since the last line.</param>
    public bool MaySay(string? policy, out long unsaid)
    {
        var said = _said.GetOrAdd(LabelOf(policy), static _ => new Said());
        var last = Interlocked.Read(ref said.At);
        unsaid = 0;
        if (last >= 0 && time.GetElapsedTime(last) < settings.SayAgain || Interlocked.CompareExchange(ref said.At, time.GetTimestamp(), last) != last)
        {
            Interlocked.Increment(ref said.Unsaid);
            return false;
        }
        unsaid = Interlocked.Exchange(ref said.Unsaid, 0);
        return true;
    }

    public void Say(string line, long unsaid) => say(unsaid == 0 ? line : $"{line}; {unsaid} more like it since this was last said");

    private string LabelOf(string? policy)
    {
        var label = policy ?? NoPolicy;
        if (_said.ContainsKey(label)) return label;
        if (_said.Count >= settings.MaxPolicies) return Others;
        _said.TryAdd(label, new Said());
        return label;
    }

    private Counter Add(string policy, AccessOutcome outcome)
    {
        lock (_adding)
        {
            if (_counters.TryGetValue((policy, outcome), out var known)) return known;
            return _counters[(policy, outcome)] = metrics.AddCounter(
                "weft_network_access_total", "Connections held against the access rules of their filter chain, by the policy that decided.", ("policy", policy), ("outcome", outcome.Text()));
        }
    }
}
