using Weft.Proxy.Listening;
using Weft.Proxy.Workers;

namespace Weft.Proxy.Access;

/// <summary>One worker's HTTP connections whose permission was withdrawn: each was told to end, and is closed when its grace is over. All have the same grace, so they stand in a line.</summary>
internal sealed class Withdrawals : ITimerHandler
{
    private readonly Worker _worker;
    private readonly long _graceMs;
    private readonly TimerNode _timer;
    private readonly Queue<(IServerConnection Connection, long DueMs)> _ending = new();

    public Withdrawals(Worker worker, AccessSettings settings)
    {
        (_worker, _graceMs) = (worker, (long)settings.WithdrawGrace.TotalMilliseconds);
        _timer = new TimerNode(this);
    }

    public void Add(IServerConnection connection)
    {
        _ending.Enqueue((connection, _worker.NowMs + _graceMs));
        if (!_timer.IsScheduled) _worker.Timers.Schedule(_timer, _graceMs);
    }

    public void OnTimer(TimerNode node)
    {
        while (_ending.TryPeek(out var first) && first.DueMs <= _worker.NowMs)
        {
            _ending.Dequeue();
            if (first.Connection.ListIndex >= 0) first.Connection.CloseNow(); // else it has ended by itself
        }
        if (_ending.TryPeek(out var next)) _worker.Timers.Schedule(_timer, next.DueMs - _worker.NowMs);
    }
}
