using Weft.Proxy.Configuration;
using Weft.Proxy.Workers;
using Weft.Routing.Retries;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Pipelines;

/// <content>Limits in time: one timer, set to whichever limit comes first.</content>
internal sealed partial class Exchange
{
    public void OnTimer(TimerNode node)
    {
        var now = _context.Worker.NowMs;
        switch (_phase)
        {
            case Phase.AwaitingRoutes:
                _context.Waiting.Remove(this);
                Fail(Fault.NoRoute, "the control plane did not answer in time whether this service exists", 503);
                break;
            case Phase.AwaitingAddress:
                StopLookup();
                Fail(Fault.ConnectTimeout, $"the address of '{_host}' was not found in time (lookup_timeout)");
                break;
            case Phase.BackingOff:
                AttemptAgain();
                break;
            case Phase.Idle:
                return;
            default:
                CheckLimits(now);
                break;
        }
        _downstream.Flush();
    }

    /// <inheritdoc/>
    /// <remarks>The client sees a reset; the worker has reported the exception and counted it.</remarks>
    public void OnTimerFault(TimerNode node) => Break();

    /// <summary>A step threw: this exchange ends, and nothing beside it.</summary>
    private void Contain(Exception exception)
    {
        _context.Worker.Report("exchange", $"{_phase}, cluster {_cluster?.Cluster.Name ?? "none"}, endpoint {_endpoint?.ToString() ?? "none"}, attempt {_record.Attempts}, id {_record.RequestId}", exception);
        Break();
    }

    /// <summary>Ends the exchange without an answer, after an exception in one of its steps: everything it holds is given back.</summary>
    public void Break()
    {
        _downstream.Abort();
        EndWithoutAnswer(Fault.DownstreamClosed);
    }

    private void CheckLimits(long now)
    {
        if (now >= DeadlineMs) TimedOut(Fault.DeadlineExceeded, DeadlineText);
        else if (!_isTunnel && _requestComplete && Over(now, _requestCompleteMs, RouteTimeoutMs))
            TimedOut(Fault.ResponseTimeout, $"no complete response within the route's timeout of {RouteTimeoutMs} ms, attempt {_record.Attempts}, endpoint {_endpoint}");
        else if (!_isTunnel && !_requestComplete && Over(now, _startedMicros / 1000, _connection.Limits.RequestMs))
            TimedOut(Fault.BodyTimeout, $"the request did not arrive within {_connection.Limits.RequestMs} ms");
        else if (_phase is Phase.AwaitingConnection or Phase.Sent && Over(now, _attemptStartedMs, PerTryMs)) PerTryTimedOut();
        else if (Over(now, _lastActivityMs, IdleMs))
            TimedOut(_requestComplete ? Fault.ResponseTimeout : Fault.BodyTimeout, $"no byte in either direction for {IdleMs} ms");
        else if (_phase != Phase.Idle) ScheduleTimer();
    }

    private void PerTryTimedOut()
    {
        _connectionRequest.StopWaiting();
        var endpoint = _endpoint;
        var retry = ShouldRetry(AttemptOutcome.PerTryTimeout, 0, marked: false);
        ReleaseUpstream(responseComplete: false, failed: true);
        if (retry) BackOff();
        else Fail(Fault.ResponseTimeout, $"no response within the per-try timeout of {PerTryMs} ms, attempt {_record.Attempts}, endpoint {endpoint}");
    }

    private void TimedOut(Fault fault, string detail)
    {
        if (_phase != Phase.Responding)
        {
            Fail(fault, detail);
            return;
        }
        _record.Fault = fault;
        ReleaseUpstream(responseComplete: false, failed: true);
        _downstream.Abort();
        Finish();
    }

    private long RouteTimeoutMs => Ms(_action?.Timeout ?? Timeout.InfiniteTimeSpan);

    private long PerTryMs => Ms(_action?.Retry?.PerTryTimeout ?? Timeout.InfiniteTimeSpan);

    private long IdleMs => _action?.IdleTimeout is { } idle ? Ms(idle) : _connection.Limits.StreamIdleMs;

    /// <summary>One timer serves all limits of an exchange: it fires at the earliest, looks which one it is, and is set again.</summary>
    private void ScheduleTimer()
    {
        var due = After(_lastActivityMs, IdleMs);
        if (!_isTunnel) due = Math.Min(due, _requestComplete ? After(_requestCompleteMs, RouteTimeoutMs) : After(_startedMicros / 1000, _connection.Limits.RequestMs));
        due = Math.Min(due, DeadlineMs);
        if (_phase is Phase.AwaitingConnection or Phase.Sent) due = Math.Min(due, After(_attemptStartedMs, PerTryMs));
        // Activity moves the idle limit without touching the timer; it only needs to be set anew when something else is due sooner.
        if (due == long.MaxValue || (_timer.IsScheduled && _timer.DueMs <= due)) return;
        _context.Worker.Timers.Schedule(_timer, due - _context.Worker.NowMs);
    }

    private static long After(long start, long limit) => limit == ConnectionLimits.None ? long.MaxValue : start + limit;

    private static bool Over(long now, long start, long limit) => limit != ConnectionLimits.None && now - start >= limit;

    private static long Ms(TimeSpan limit) => limit == Timeout.InfiniteTimeSpan ? ConnectionLimits.None : (long)limit.TotalMilliseconds;
}
