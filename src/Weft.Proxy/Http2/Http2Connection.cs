using Weft.Proxy.Buffers;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;

namespace Weft.Proxy.Http2;

/// <summary>
/// What the two ends of an HTTP/2 connection share: a channel under a <see cref="Http2Session"/>. It reads while its peer reads, gathers what all streams write and hands it to the
/// channel once per turn of the worker's loop, and keeps the connection's own limits in time.
/// </summary>
/// <remarks>
/// For who derives from it: set the channel's handler to this; <see cref="OnOpened"/> comes first, <see cref="OnEnded"/> last and once, after every stream has heard that it is
/// aborted. Call <see cref="ScheduleFlush"/> after writing. States: open -> lingering (our direction has ended; the peer's bytes are dropped until it ends too, for a close with
/// unread bytes would send a reset that may overtake our last frames) -> closed.
/// </remarks>
internal abstract partial class Http2Connection : IChannelHandler, IWorkItem, ITimerHandler, IHttp2SessionEvents
{
    private enum State : byte { Opening, Open, Lingering, Closed }

    /// <summary>One read asks for this much, a frame of full size and its header and then some, or for more where the last one got all it asked for.</summary>
    private const int ReadBytes = 2 * BufferPool.BlockBytes, BulkReadBytes = BufferPool.BulkBytes;

    /// <summary>A peer that sends without end lets the worker's other connections have their turn after this much.</summary>
    private const int BytesPerTurn = 4 * BulkReadBytes;

    /// <summary>How long a connection that has ended for us waits for the peer's end, and how much it still reads meanwhile.</summary>
    private const long LingerMs = 1000;
    private const int LingerReads = 64;

    private const string PeerEnded = "the peer ended the connection";

    private const ulong KeepAlivePing = 0x77656674_70696e67; // "weftping"

    private readonly Http2Settings _settings;
    private readonly TimerNode _timer;
    private readonly long _keepAliveMs;
    private Channel _channel = null!;
    private ByteBuffer? _input;
    private State _state;
    private bool _readable;
    private bool _bulk;
    private bool _processing;
    private bool _deferred;
    private bool _blocked;
    private bool _peerEnded;
    private bool _closeWhenWritten;
    private int _lingerReads;
    private long _openedMs;
    private long _heardMs;
    private long _pingedMs;
    private long _headStartedMs = long.MaxValue;
    private long _progressMs;
    private bool _pinged;

    protected Http2Connection(Worker worker, Http2Role role, Http2Settings settings)
    {
        Worker = worker;
        _settings = settings;
        _timer = new TimerNode(this);
        // Each connection its own share of the jitter, or a thousand of them made at once would ask at once.
        _keepAliveMs = settings.KeepAliveMs == Http2Settings.None ? Http2Settings.None
            : settings.KeepAliveMs + settings.KeepAliveMs * settings.KeepAliveJitterPercent / 100 * (worker.NowMicros % 1000) / 1000;
        Session = new Http2Session(role, settings, this, worker.Buffers);
    }

    public Http2Session Session { get; }

    protected Worker Worker { get; }

    protected Channel Channel => _channel;

    /// <summary>Open, and nothing has been said about its end.</summary>
    protected bool IsLive => _state == State.Open && !_closeWhenWritten && !_peerEnded && !Session.IsFailed;

    protected bool IsClosed => _state is State.Lingering or State.Closed;

    /// <summary>Part of a frame or of a head has come, and its end has not.</summary>
    protected bool IsWithinHead => Session.IsWithinHead || _input is { IsEmpty: false };

    // ---- for the role

    /// <summary>The channel is open; our preface is in the output.</summary>
    protected abstract void OnOpened(Channel channel);

    /// <summary>The connection is over; all streams know it. Called once, also for a channel that never opened.</summary>
    protected abstract void OnEnded(string detail);

    /// <summary>The role's own next limit in time, on the worker's clock; <see cref="long.MaxValue"/>: none.</summary>
    protected virtual long DueMs => long.MaxValue;

    /// <summary><see cref="DueMs"/> has come.</summary>
    protected virtual void OnDue(long nowMs) { }

    /// <summary>From a head's first frame to its last, in ms.</summary>
    protected virtual long HeadTimeoutMs => Http2Settings.None;

    public abstract Http2Stream? Accept();

    public abstract void OnGoAway(Http2ErrorCode code);

    public virtual void OnCapacity() { }

    public virtual void OnPong(ulong opaque) { }

    /// <summary>To be called after <see cref="DueMs"/> may have come nearer.</summary>
    protected void ScheduleTimer()
    {
        if (_state == State.Closed) return;
        var due = NextDueMs();
        if (due == long.MaxValue || _timer.IsScheduled && _timer.DueMs <= due) return; // too early is no harm: it looks, and is set again
        Worker.Timers.Schedule(_timer, due - Worker.NowMs);
    }

    /// <summary>What was written leaves at the end of this turn of the loop, together with what all streams write until then.</summary>
    public void ScheduleFlush()
    {
        if (_deferred || _state == State.Closed || Session.Output.IsEmpty && !_closeWhenWritten) return; // an end with nothing left to say is an end all the same
        _deferred = true;
        Worker.Defer(this);
    }

    /// <summary>Ends the connection once everything is written: a GOAWAY with the last id, then our direction, then the peer's. Streams that are still open are aborted.</summary>
    protected void End()
    {
        if (!IsLive) return;
        if (!Session.HasGoneAway) Session.GoAway();
        _closeWhenWritten = true;
        ScheduleFlush();
    }

    /// <summary>Takes bytes that were read before this connection took the channel over.</summary>
    protected void TakeOver(Channel channel, ByteBuffer input, bool readable)
    {
        channel.Handler = this;
        Begin(channel);
        _input = input;
        _readable = readable;
        ReadAll(alreadyRead: true);
    }

    // ---- the channel's events

    public void OnOpen(Channel channel) => Begin(channel);

    public void OnReadable(Channel channel)
    {
        _readable = true;
        if (_state == State.Open) ReadAll(alreadyRead: false);
        else if (_state == State.Lingering) Linger();
    }

    public void OnWritable(Channel channel)
    {
        _progressMs = Worker.NowMs;
        _blocked = false;
        Guard(static c => c.Flush());
    }

    public void OnFailed(Channel channel)
    {
        if (_state == State.Closed) return;
        Finish(channel.FailureText.Length > 0 ? channel.FailureText : "connection reset", reset: true);
    }

    public void OnPeerEnding(Channel channel, bool reset)
    {
        if (reset) Finish("connection reset", reset: true);
    }

    void IWorkItem.Run(Worker worker)
    {
        _deferred = false;
        if (_state == State.Closed) return;
        Guard(static c => c.Flush());
        if (_state == State.Open && _readable) ReadAll(alreadyRead: false);
    }

    void ITimerHandler.OnTimer(TimerNode node)
    {
        if (_state == State.Lingering)
        {
            Close(reset: false);
            return;
        }
        CheckLimits(Worker.NowMs);
        ScheduleTimer();
        ScheduleFlush();
    }

    void ITimerHandler.OnTimerFault(TimerNode node) => Finish("an exception in its timer", reset: true);

    void IHttp2SessionEvents.OnOutput() => ScheduleFlush();

    void IHttp2SessionEvents.OnOutputFull()
    {
        if (_blocked || _state != State.Open) return;
        // A channel that failed says so again from the loop: streams are being written to right now.
        if (Session.Output.Flush(_channel) == IoStatus.WouldBlock) Block();
        else ScheduleFlush();
    }

    // ---- ends

    /// <summary>A peer may end its direction and still read: what it has sent whole is answered.</summary>
    private void OnPeerEnded()
    {
        Session.EndInput(PeerEnded);
        Flush();
    }

    /// <summary>The peer broke the protocol: GOAWAY says how, and the streams hear that it is over.</summary>
    private void Fail()
    {
        var detail = Session.FailureText;
        if (!_blocked) Session.Output.Flush(_channel);
        StartLingering(detail);
    }

    private void StartLingering(string detail)
    {
        if (IsClosed) return;
        _state = State.Lingering;
        Session.AbortAll(detail);
        ReturnInput();
        if (_peerEnded || !_channel.IsOpen)
        {
            Close(reset: false);
        }
        else
        {
            _channel.ShutdownWrite();
            Worker.Timers.Schedule(_timer, LingerMs);
        }
        OnEnded(detail);
        if (_state == State.Lingering) Linger();
    }

    private void Linger()
    {
        while (_readable && _state == State.Lingering)
        {
            switch (_channel.Read(Worker.Scratch, out _))
            {
                case IoStatus.Ok when _lingerReads++ < LingerReads:
                    continue;
                case IoStatus.WouldBlock:
                    _readable = false;
                    break;
                default:
                    Close(reset: false);
                    break;
            }
        }
    }

    /// <summary>Ends everything at once.</summary>
    protected void Finish(string detail, bool reset)
    {
        if (_state == State.Closed) return;
        var told = _state == State.Lingering;
        Close(reset);
        if (told) return;
        Session.AbortAll(detail);
        OnEnded(detail);
    }

    private void Close(bool reset)
    {
        if (_state == State.Closed) return;
        _state = State.Closed;
        Worker.Timers.Cancel(_timer);
        if (reset) _channel?.Abort();
        else _channel?.Close();
        Session.Output.Drop();
        ReturnInput();
    }

    private void Guard(Action<Http2Connection> step)
    {
        try
        {
            step(this);
        }
        catch (Exception e)
        {
            Worker.Report("connection", GetType().Name, e);
            Finish("an exception in its codec: " + e.GetType().Name, reset: true);
        }
    }
}
