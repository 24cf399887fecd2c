using Weft.Telemetry.Metrics;

namespace Weft.LoadTest.Engine;

/// <summary>Counts how the requests of a load ended. Those of the warm-up are dropped here and nowhere else.</summary>
internal sealed class Outcomes(Schedule schedule)
{
    private const int MaxSamples = 20;

    private readonly LatencyHistogram _latency = new(LoadReport.HistogramScale);
    private readonly LatencyHistogram _lateness = new(LoadReport.HistogramScale);
    private readonly long[] _failures = new long[Enum.GetValues<LoadFailure>().Length];
    private readonly long[] _statuses = new long[1000];
    private readonly List<FailureSample> _samples = [];
    private long _requests;

    public void Noticed(long request, long now)
    {
        if (schedule.Measured(request)) _lateness.Record(Micros(now - schedule.Intended(request)));
    }

    public void Settled(Connection connection, Progress progress, long now)
    {
        if (!schedule.Measured(connection.Request)) return;
        if (progress == Progress.Answered)
        {
            _requests++;
            _statuses[connection.Status]++;
            _latency.Record(Micros(now - schedule.Intended(connection.Request)));
            if (connection.Status is >= 200 and < 300) return;
            Fail(connection.Request, LoadFailure.Status, connection.Detail);
            return;
        }
        _requests++;
        Fail(connection.Request, progress switch
        {
            Progress.ConnectFailure => LoadFailure.ConnectFailure,
            Progress.Reset => LoadFailure.Reset,
            Progress.Closed => LoadFailure.Closed,
            _ => LoadFailure.Malformed,
        }, connection.Detail);
    }

    public void TimedOut(long request, long now, string where)
    {
        if (!schedule.Measured(request)) return;
        _requests++;
        _latency.Record(Micros(now - schedule.Intended(request)));
        Fail(request, LoadFailure.Timeout, where);
    }

    public LoadReport Report(LoadOptions options, bool stopped, long opened) => new()
    {
        Target = options.Target.ToString(),
        Rate = options.Rate,
        Connections = options.Connections,
        Seconds = Math.Round(Math.Max(schedule.End - schedule.MeasureFrom, 0) / 1e9, 3),
        StoppedEarly = stopped,
        Requests = _requests,
        Succeeded = _requests - _failures.Sum(),
        Failures = Enum.GetValues<LoadFailure>().Where(f => _failures[(int)f] > 0).ToDictionary(f => f, f => _failures[(int)f]),
        Statuses = Enumerable.Range(0, _statuses.Length).Where(s => _statuses[s] > 0).ToDictionary(s => s, s => _statuses[s]),
        FirstFailures = _samples,
        LatencyMs = LatencySummary.Of(_latency),
        ScheduleErrorMs = LatencySummary.Of(_lateness),
        ConnectionsOpened = opened,
        Latency = _latency,
    };

    private void Fail(long request, LoadFailure failure, string detail)
    {
        _failures[(int)failure]++;
        if (_samples.Count < MaxSamples) _samples.Add(new FailureSample(Math.Round(schedule.Intended(request) / 1e9, 3), failure, detail));
    }

    // A microsecond that has begun counts: the histogram's first bucket would swallow zeros.
    private static long Micros(long nanos) => (nanos + 999) / 1000;
}
