using Weft.Telemetry.Metrics;

namespace Weft.Proxy.Names;

/// <summary>How a client's question ended.</summary>
internal enum DnsOutcome : byte
{
    /// <summary>Answered for the mesh, "nothing of this type" included.</summary>
    Mesh,

    /// <summary>From the configuration's own table.</summary>
    Table,

    /// <summary>From what an upstream resolver had said before.</summary>
    Cached,

    /// <summary>By an upstream resolver.</summary>
    Forwarded,

    /// <summary>There is no such name, by an upstream resolver's word, now or before.</summary>
    NameError,

    /// <summary>No upstream resolver has answered, or there are too many questions.</summary>
    ServerFailure,

    /// <summary>Nobody is there to be asked, or it is not for us: another class, a zone transfer.</summary>
    Refused,

    /// <summary>It broke the format, or asked for an operation or a version of EDNS that is not spoken.</summary>
    Malformed,

    /// <summary>Not answered: no question at all.</summary>
    Dropped,
}

/// <summary>What the process counts of questions for names, over all listeners and workers.</summary>
internal sealed class DnsMetrics
{
    private static readonly string[] Labels = ["mesh", "table", "cached", "forwarded", "nxdomain", "servfail", "refused", "malformed", "dropped"];

    private readonly Counter[] _queries;
    private readonly Counter[] _micros;

    public DnsMetrics(MetricsRegistry registry)
    {
        _queries = [.. Labels.Select(l => registry.AddCounter("weft_dns_queries_total", "Questions for names, by how they ended.", ("outcome", l)))];
        _micros = [.. Labels.Select(_ => new Counter())];
        for (var i = 0; i < Labels.Length; i++)
        {
            var micros = _micros[i];
            registry.AddCounter("weft_dns_duration_milliseconds_total", "Time from a question to its answer, summed up.", () => micros.Value / 1000.0, ("outcome", Labels[i]));
        }
        UpstreamFailures = registry.AddCounter("weft_dns_upstream_failures_total", "Attempts to ask an upstream resolver that brought no answer.");
        Foreign = registry.AddCounter("weft_dns_upstream_foreign_total", "Messages that came where an upstream resolver's answer was waited for and were none: late ones, or forged.");
        Loops = registry.AddCounter("weft_dns_loops_total", "Questions that came back to the proxy that had forwarded them.");
    }

    public Counter UpstreamFailures { get; }

    public Counter Foreign { get; }

    public Counter Loops { get; }

    public void Ended(DnsOutcome outcome, long micros)
    {
        _queries[(int)outcome].Add();
        if (micros > 0) _micros[(int)outcome].Add(micros);
    }
}
