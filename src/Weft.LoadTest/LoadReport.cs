using System.Text.Json.Serialization;
using Weft.Telemetry.Metrics;

namespace Weft.LoadTest;

/// <summary>How a request can fail. Nothing is retried: each of these is what a user would have seen.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<LoadFailure>))]
public enum LoadFailure
{
    /// <summary>No connection could be made.</summary>
    ConnectFailure,

    /// <summary>The connection was reset while the request was on it.</summary>
    Reset,

    /// <summary>The connection was closed before the response was complete.</summary>
    Closed,

    /// <summary>Not answered within <see cref="LoadOptions.Timeout"/> of the intended send time, sent or not.</summary>
    Timeout,

    /// <summary>A complete response whose status is not 2xx.</summary>
    Status,

    /// <summary>What came is not an HTTP/1.x response.</summary>
    Malformed,
}

/// <summary>One of the first failures, to start an investigation from.</summary>
/// <param name="AtSeconds">Intended send time, in seconds since the load began, warm-up included.</param>
/// <param name="Failure">What happened.</param>
/// <param name="Detail">The status line with <c>x-weft-fault</c> if there was one, or the socket's error.</param>
public sealed record FailureSample(double AtSeconds, LoadFailure Failure, string Detail);

/// <summary>Percentiles in milliseconds, each within 0.6 % of the exact value; the maximum is exact.</summary>
public sealed record LatencySummary(double Mean, double P50, double P90, double P99, double P999, double Max)
{
    public static LatencySummary Of(LatencyHistogram histogram)
    {
        double Millis(double percent) => Math.Round(histogram.Percentile(percent) / 1000, 4);
        var count = histogram.Count;
        return new LatencySummary(count == 0 ? 0 : Math.Round(histogram.SumMicros / 1000.0 / count, 4),
            Millis(50), Millis(90), Millis(99), Millis(99.9), histogram.MaxMicros / 1000.0);
    }
}

/// <summary>What came of a run. All numbers speak of the measured part only.</summary>
public sealed record LoadReport
{
    public required string Target { get; init; }

    public required double Rate { get; init; }

    public required int Connections { get; init; }

    /// <summary>Length of the measured part in seconds; shorter than asked when the run was stopped.</summary>
    public required double Seconds { get; init; }

    public required bool StoppedEarly { get; init; }

    /// <summary>Requests whose intended send time lay in the measured part; each of them succeeded or failed.</summary>
    public required long Requests { get; init; }

    public required long Succeeded { get; init; }

    public required IReadOnlyDictionary<LoadFailure, long> Failures { get; init; }

    public required IReadOnlyDictionary<int, long> Statuses { get; init; }

    /// <summary>The first failures, at most 20.</summary>
    public required IReadOnlyList<FailureSample> FirstFailures { get; init; }

    /// <summary>From the intended send time to the last byte of the response. A timed-out request counts with the time it waited, so that losing
    /// the slowest requests cannot improve a percentile; one that failed otherwise does not count here.</summary>
    public required LatencySummary LatencyMs { get; init; }

    /// <summary>How late the generator itself was: from each intended send time to the moment it took notice. When this is not small beside the
    /// latency, the latency says more about this machine than about the target.</summary>
    public required LatencySummary ScheduleErrorMs { get; init; }

    /// <summary>Connections opened, warm-up included.</summary>
    public required long ConnectionsOpened { get; init; }

    /// <summary>The distribution behind <see cref="LatencyMs"/>, at scale <see cref="HistogramScale"/>.</summary>
    [JsonIgnore]
    public LatencyHistogram Latency { get; init; } = new(HistogramScale);

    public long Failed => Requests - Succeeded;

    public double RequestsPerSecond => Math.Round(Requests / Seconds, 2);

    /// <summary>Scale of the histograms in here: buckets of 0.54 %.</summary>
    public const int HistogramScale = 7;
}
