using Weft.Telemetry.Metrics;

namespace Weft.Proxy.Detection;

/// <summary>How a connection's protocol was found out.</summary>
internal enum Finding : byte
{
    /// <summary>The client spoke HTTP.</summary>
    Http,

    /// <summary>The client spoke something else.</summary>
    ClientBytes,

    /// <summary>The client spoke TLS.</summary>
    Tls,

    /// <summary>The server spoke first.</summary>
    ServerFirst,

    /// <summary>Nobody spoke within the limit.</summary>
    Silence,

    /// <summary>Nobody will speak: the client or the endpoint has gone.</summary>
    Gone,
}

/// <summary>Why a remembered verdict was dropped.</summary>
internal enum ForgetReason : byte
{
    Age,
    Full,
    Contradicted,
}

/// <summary>What detection finds, how long it takes, and what it forgets. Any thread.</summary>
internal sealed class DetectionMetrics
{
    /// <summary>Milliseconds, around the limit's default.</summary>
    private static readonly int[] Bounds = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

    private readonly Counter[] _findings;
    private readonly Counter[] _forgotten;
    private readonly BucketHistogram _time;

    public DetectionMetrics(MetricsRegistry metrics)
    {
        _findings = [.. Enum.GetValues<Finding>().Select(f => metrics.AddCounter("weft_detection_total", "Connections whose protocol was found out by reading both sides, by what was found.", ("found", Text(f))))];
        _forgotten = [.. Enum.GetValues<ForgetReason>().Select(r =>
            metrics.AddCounter("weft_detection_forgotten_total", "Remembered verdicts on destinations that were dropped.", ("reason", r.ToString().ToLowerInvariant())))];
        _time = metrics.AddHistogram("weft_detection_seconds", "From accepting a connection to knowing what it speaks.", Bounds);
    }

    public void Found(Finding finding, long micros)
    {
        _findings[(int)finding].Add();
        _time.Record(micros);
    }

    public void Forgotten(ForgetReason reason) => _forgotten[(int)reason].Add();

    private static string Text(Finding finding) => finding switch
    {
        Finding.Http => "http",
        Finding.ClientBytes => "client_bytes",
        Finding.Tls => "tls",
        Finding.ServerFirst => "server_first",
        Finding.Silence => "silence",
        _ => "gone",
    };
}
