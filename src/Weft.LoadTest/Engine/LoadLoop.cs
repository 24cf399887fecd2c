using System.Diagnostics;
using System.Net;

namespace Weft.LoadTest.Engine;

/// <summary>
/// The one thread of a load: sends what is due, waits on all sockets until the next request is, takes what has come. Everything is
/// in nanoseconds since the load began.
/// </summary>
internal sealed class LoadLoop
{
    private const long LongestWait = 20_000_000; // so that a stop and a timeout are noticed

    private readonly LoadOptions _options;
    private readonly Schedule _schedule;
    private readonly Outcomes _outcomes;
    private readonly Connection[] _connections;
    private readonly PollEntry[] _entries; // one per connection, same index
    private readonly Queue<int> _free = []; // connections without a request, longest unused first, so that all of them take part
    private readonly byte[] _buffer = new byte[64 * 1024];
    private readonly long _timeout;
    private readonly long _begun;
    private long _next;    // the first request not yet sent
    private long _noticed; // the first request not yet noticed to be due

    public LoadLoop(LoadOptions options, IPEndPoint address)
    {
        _options = options;
        _schedule = new Schedule(options.Rate, options.WarmUp, options.Duration);
        _outcomes = new Outcomes(_schedule);
        _timeout = (long)options.Timeout.TotalNanoseconds;
        var request = RequestBytes.Build(options);
        _connections = [.. Enumerable.Range(0, options.Connections).Select(_ => new Connection(address, request, options.Method == "HEAD"))];
        _entries = new PollEntry[_connections.Length];
        for (var i = 0; i < _connections.Length; i++) Release(i);
        _begun = Stopwatch.GetTimestamp();
    }

    private long Now => (long)Stopwatch.GetElapsedTime(_begun).TotalNanoseconds;

    private bool Busy => _free.Count < _connections.Length;

    public LoadReport Run(CancellationToken stop)
    {
        var stopped = false;
        var checkTimeoutsAt = 0L;
        while (_next < _schedule.Total || Busy)
        {
            var now = Now;
            if (!stopped && stop.IsCancellationRequested && now < _schedule.End)
            {
                stopped = true;
                _schedule.Stop(now);
            }
            Notice(now);
            SendDue(now);
            if (now >= checkTimeoutsAt)
            {
                GiveUpLate(now);
                checkTimeoutsAt = now + LongestWait / 2;
            }
            if (Poller.Wait(_entries, WaitFrom(Now)) > 0) TakeReady();
        }
        foreach (var connection in _connections) connection.Close();
        return _outcomes.Report(_options, stopped, _connections.Sum(c => c.Opened));
    }

    /// <summary>Measures the loop's own lateness, apart from whether a connection is free to send on.</summary>
    private void Notice(long now)
    {
        for (var due = _schedule.Due(now); _noticed < due; _noticed++) _outcomes.Noticed(_noticed, now);
    }

    private void SendDue(long now)
    {
        for (var due = _schedule.Due(now); _next < due && _free.TryDequeue(out var index);)
            Settle(index, _connections[index].Start(_next++));
    }

    private long WaitFrom(long now)
    {
        var wake = now + LongestWait;
        if (_noticed < _schedule.Total) wake = Math.Min(wake, _schedule.Intended(_noticed));
        // A connection that failed at once is free again, and a request may be due for it now.
        if (_next < _noticed && _free.Count > 0) wake = now;
        return Math.Max(wake - now, 0);
    }

    private void TakeReady()
    {
        for (var i = 0; i < _entries.Length; i++)
        {
            if (_entries[i].Ready == PollEvents.None || _entries[i].Descriptor < 0) continue;
            var idle = _connections[i].State == ConnectionState.Idle;
            var progress = _connections[i].Continue(_entries[i].Ready, _buffer);
            if (idle) Watch(i); // it has closed, and is still in the queue of free ones
            else Settle(i, progress);
        }
    }

    private void Settle(int index, Progress progress)
    {
        var connection = _connections[index];
        if (progress == Progress.Waiting)
        {
            Watch(index);
            return;
        }
        if (progress != Progress.Answered) connection.Close();
        _outcomes.Settled(connection, progress, Now);
        Release(index);
    }

    private void GiveUpLate(long now)
    {
        // A request that never got a connection waits in the schedule, not in a list: late ones are the oldest.
        for (; _next < _schedule.Due(now) && _free.Count == 0 && now - _schedule.Intended(_next) > _timeout; _next++)
            _outcomes.TimedOut(_next, now, "never sent: every connection was busy");
        for (var i = 0; i < _connections.Length; i++)
        {
            var connection = _connections[i];
            if (connection.State is ConnectionState.Idle or ConnectionState.Closed || now - _schedule.Intended(connection.Request) <= _timeout) continue;
            _outcomes.TimedOut(connection.Request, now, $"while {connection.State.ToString().ToLowerInvariant()}");
            connection.Close();
            Release(i);
        }
    }

    private void Release(int index)
    {
        _free.Enqueue(index);
        Watch(index);
    }

    private void Watch(int index) =>
        _entries[index] = new PollEntry { Descriptor = _connections[index].Descriptor, Events = _connections[index].Interest };
}
