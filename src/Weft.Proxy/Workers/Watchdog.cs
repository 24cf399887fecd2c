namespace Weft.Proxy.Workers;

/// <summary>Reports, once per standstill, a worker whose loop has not turned for a while although it does not wait for events.</summary>
internal sealed class Watchdog : IDisposable
{
    private readonly IReadOnlyList<Worker> _workers;
    private readonly Action<Worker> _report;
    private readonly long[] _turns;
    private readonly bool[] _reported;
    private readonly ITimer _timer;

    /// <param name="interval">The longest turn that is not reported, and how often it is looked for. Default of the product: 1 s.</param>
    /// <param name="report">Called on a timer thread.</param>
    public Watchdog(IReadOnlyList<Worker> workers, TimeSpan interval, TimeProvider time, Action<Worker> report)
    {
        _workers = workers;
        _report = report;
        _turns = new long[workers.Count];
        _reported = new bool[workers.Count];
        Array.Fill(_turns, -1);
        _timer = time.CreateTimer(_ => Look(), null, interval, interval);
    }

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        for (var i = 0; i < _workers.Count; i++)
        {
            var turns = _workers[i].Turns;
            var stuck = turns == _turns[i] && !_workers[i].IsWaiting;
            _turns[i] = turns;
            if (stuck && !_reported[i]) _report(_workers[i]);
            _reported[i] = stuck;
        }
    }
}
