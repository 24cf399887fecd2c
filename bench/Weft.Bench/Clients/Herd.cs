using System.Globalization;
using System.Text.Json;
using Weft.Proxy.Workers;

namespace Weft.Bench.Clients;

/// <summary>All connections of one generator, and what they are doing at the moment.</summary>
internal sealed class Herd : ITimerHandler
{
    private const int OpeningAtOnce = 64, FailuresToTell = 3;

    private readonly Worker _worker;
    private readonly Target _target;
    private readonly Action<string> _say;
    private readonly List<ClientConnection> _idle = [];
    private readonly TimerNode _tick;
    private Work _work = Work.None;
    private int _wanted;
    private int _opening;
    private long _began;
    private long _ends;
    private double _rate;
    private long _sent;
    private int _next;
    private int _busy;
    private long _answered;
    private long _broken;
    private readonly List<long> _latencies = [];

    private enum Work
    {
        None,
        Opening,
        Closed,
        Paced,
        Handshakes,
    }

    public Herd(Worker worker, Target target, Action<string> say)
    {
        (_worker, _target, _say) = (worker, target, say);
        _tick = new TimerNode(this);
    }

    /// <summary>
    /// <c>open N</c>: until N connections are open and have carried a request each. <c>closed S</c>: for S seconds each connection sends again when it was answered.
    /// <c>rate R S</c>: R requests per second for S seconds, over all connections in turn. <c>handshakes C S</c>: for S seconds, C at a time, connections that are
    /// opened, carry one request and are closed.
    /// </summary>
    public void Do(string command)
    {
        var words = command.Split(' ');
        _answered = _broken = _sent = 0;
        _latencies.Clear();
        _began = _worker.NowMicros;
        switch (words[0])
        {
            case "open":
                _work = Work.Opening;
                _wanted = int.Parse(words[1], CultureInfo.InvariantCulture);
                OpenMore(OpeningAtOnce);
                break;
            case "closed":
                Until(Work.Closed, words[1]);
                foreach (var connection in _idle.ToArray()) Send(connection, _worker.NowMicros);
                break;
            case "rate":
                _rate = double.Parse(words[1], CultureInfo.InvariantCulture);
                Until(Work.Paced, words[2]);
                break;
            case "handshakes":
                Until(Work.Handshakes, words[2]);
                for (var i = int.Parse(words[1], CultureInfo.InvariantCulture); i > 0; i--) OpenOne();
                break;
            default:
                throw new ArgumentException($"unknown command {command}");
        }
    }

    public void OnOpen(ClientConnection connection) => Send(connection, _worker.NowMicros);

    public void OnAnswer(ClientConnection connection)
    {
        _answered++;
        _busy--;
        switch (_work)
        {
            case Work.Opening:
                _opening--;
                _idle.Add(connection);
                if (_idle.Count == _wanted) Finish();
                else OpenMore(OpeningAtOnce);
                break;
            case Work.Closed when !IsOver:
                Send(connection, _worker.NowMicros);
                break;
            case Work.Paced:
                _latencies.Add(NowMicros() - connection.SentAt);
                break;
            case Work.Handshakes:
                connection.Close();
                _opening--;
                if (!IsOver) OpenOne();
                break;
        }
        FinishWhenOver();
    }

    public void OnBroken(ClientConnection connection, string why)
    {
        if (++_broken <= FailuresToTell && _work != Work.None) Console.Error.WriteLine($"client: {why}");
        if (connection.IsBusy) _busy--;
        if (!_idle.Remove(connection)) _opening--;
        if (_work == Work.Opening && _broken < _wanted) OpenMore(OpeningAtOnce);
        else if (_work == Work.Opening) Finish();
        if (_work == Work.Handshakes && !IsOver) OpenOne();
        FinishWhenOver();
    }

    void ITimerHandler.OnTimer(TimerNode node)
    {
        if (_work == Work.Paced) SendDue();
        if (!IsOver) _worker.Timers.Schedule(_tick, _work == Work.Paced ? 1 : Math.Max(1, (_ends - _worker.NowMicros) / 1000));
        FinishWhenOver();
    }

    private bool IsOver => _worker.NowMicros >= _ends;

    private void Until(Work work, string seconds)
    {
        _work = work;
        _ends = _began + (long)(double.Parse(seconds, CultureInfo.InvariantCulture) * 1e6);
        _worker.Timers.Schedule(_tick, 1);
    }

    private void OpenMore(int atOnce)
    {
        while (_opening < atOnce && _idle.Count + _opening < _wanted) OpenOne();
    }

    private void OpenOne()
    {
        _opening++;
        ClientConnection.Create(_worker, _target, this).Connect();
    }

    private void Send(ClientConnection connection, long sentAt)
    {
        _busy++;
        connection.Send(sentAt);
    }

    private void SendDue()
    {
        for (var due = (long)(Math.Min(_worker.NowMicros, _ends) - _began) / 1e6 * _rate; _sent < due && _idle.Count > 0; _sent++)
        {
            var connection = _idle[_next++ % _idle.Count];
            if (!connection.IsBusy) Send(connection, _began + (long)(_sent / _rate * 1e6));
        }
    }

    private void FinishWhenOver()
    {
        if (_work is Work.None or Work.Opening || !IsOver || _busy > 0 || _opening > 0) return;
        Finish();
    }

    private void Finish()
    {
        _work = Work.None;
        _latencies.Sort();
        _say(JsonSerializer.Serialize(new
        {
            requests = _answered,
            broken = _broken,
            connections = _idle.Count,
            seconds = (_worker.NowMicros - _began) / 1e6,
            p50 = Quantile(0.5),
            p99 = Quantile(0.99),
        }));
    }

    private double Quantile(double q) => _latencies.Count == 0 ? 0 : _latencies[Math.Min(_latencies.Count - 1, (int)(q * _latencies.Count))] / 1000.0;

    // The worker reads its clock once per turn; an answer that came in the same turn would seem to have taken no time.
    private long NowMicros() => _worker.Time.GetTimestamp() / (_worker.Time.TimestampFrequency / 1_000_000);
}
