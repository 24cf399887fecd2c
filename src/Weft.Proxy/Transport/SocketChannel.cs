using System.Net;
using Weft.Proxy.Overload;
using Weft.Proxy.Workers;
using Weft.Routing.Clusters;

namespace Weft.Proxy.Transport;

/// <summary>
/// What plain and TLS channels share: the descriptor, connecting, edge-trigger bookkeeping, deadlines, closing.
/// </summary>
/// <remarks>
/// The bookkeeping rests on two facts of Linux. A stream socket that gave fewer bytes than asked was empty at that moment, and bytes that come later are a new
/// edge; so after a short read no second recv is needed. The exception is an end, error or urgent mark behind the bytes, whose edge may be the one being handled:
/// epoll says so (<see cref="ReadyEvents.ReadToTheEnd"/>), and from then on reading goes on until the kernel itself has nothing.
/// Likewise a send that took less than offered has armed the edge for free space.
/// </remarks>
internal abstract class SocketChannel : Channel, IEventSource, ITimerHandler, IWorkItem
{
    protected enum Phase : byte
    {
        Connecting,
        Handshaking,
        Open,

        /// <summary>Closed for its user; still delivering what was accepted before.</summary>
        Lingering,
        Closed,
    }

    private readonly IPEndPoint _remote;
    private readonly TimerNode _deadline;
    private IPEndPoint? _local;
    private ReadOnlyMemory<byte> _preface;
    private OwnConnections? _own;
    private bool _endTold;
    private bool _resetTold;
    private IAcceptGate? _gate;
    private bool _accepted;
    private long _patienceMs; // how long the peer may be silent; 0: as long as the kernel waits

    protected SocketChannel(Worker worker, IPEndPoint remote)
    {
        Worker = worker;
        _remote = remote;
        _deadline = new TimerNode(this);
    }

    public sealed override IPEndPoint Remote => _remote;

    public sealed override IPEndPoint Local => _local ??= State == Phase.Closed ? new IPEndPoint(IPAddress.Any, 0) : Socket.LocalOf(Fd);

    public Worker Worker { get; }

    /// <summary>How long the peer may be silent while it owes an acknowledgement. Set before the channel opens; null leaves that to the kernel's retransmissions, a quarter of an hour.</summary>
    internal TcpKeepalive? Keepalive
    {
        set => _patienceMs = (value?.PatienceSeconds ?? 0) * 1000L;
    }

    protected int Fd { get; private set; } = -1;

    protected Phase State { get; set; }

    /// <summary>The socket is set to reset when it is closed.</summary>
    protected bool ResetsOnClose { get; set; }

    /// <summary>The socket may have bytes, an end or an error that were not read.</summary>
    protected bool SocketReadable { get; set; }

    /// <summary>The socket may take bytes.</summary>
    protected bool SocketWritable { get; set; }

    /// <summary>A short read proves nothing any more.</summary>
    protected bool ReadsToTheEnd { get; private set; }

    /// <summary>The handler was told to wait before reading on.</summary>
    protected bool AwaitsRead { get; set; } = true;

    /// <summary>The handler was told to wait before writing on.</summary>
    protected bool AwaitsWrite { get; set; }

    /// <summary>Something can be read, or must be tried.</summary>
    protected virtual bool MayRead => SocketReadable;

    /// <summary>As <see cref="Channel.Read"/>, but what is copied stays to be read. Also after <see cref="IoStatus.Ok"/> the handler is called when more has come.</summary>
    public abstract IoStatus Peek(Span<byte> into, out int count);

    public override void Close()
    {
        if (State is Phase.Lingering or Phase.Closed) return;
        CloseSocket(reset: false);
    }

    public sealed override void Abort()
    {
        if (State != Phase.Closed) CloseSocket(reset: true);
    }

    void IEventSource.CloseQuietly() => Abort();

    /// <summary>Takes over an accepted socket. <paramref name="seen"/> holds the events so far when it is in epoll already, else null; <paramref name="gate"/> is told when it closes.</summary>
    protected void Adopt(int fd, IPEndPoint? local, ReadyEvents? seen, IAcceptGate? gate)
    {
        _gate = gate;
        _accepted = true;
        State = Phase.Handshaking;
        Fd = fd;
        _local = local;
        SocketWritable = true;
        SocketReadable = seen is not null;
        ReadsToTheEnd = seen?.Any(ReadyEvents.ReadToTheEnd) ?? false;
        if (seen is not null) Worker.Poll.Replace(fd, this);
        else if (!Worker.Poll.TryAdd(fd, this, ReadyEvents.Stream)) NoteFailure(Errno.Last);
        Worker.Defer(this);
    }

    /// <summary>Starts connecting. What fails at once is told from the loop, so that no handler runs before Connect has returned.</summary>
    protected void StartConnecting(TimeSpan timeout, in ConnectOptions options)
    {
        State = Phase.Connecting;
        _preface = options.Preface;
        _own = options.Own;
        var keepalive = options.Keepalive;
        var error = TryCreate(options.NetworkNamespace);
        if (Fd >= 0)
        {
            Socket.SetOption(Fd, Libc.IpProtoTcp, Libc.TcpNoDelay, 1);
            if (keepalive is not null) Socket.KeepAlive(Fd, keepalive);
            Keepalive = keepalive;
            error = Socket.Connect(Fd, _remote);
        }
        if (error is 0 or Errno.InProgress)
        {
            _own?.Add(Local, _remote);
            SetDeadline(timeout);
            if (Worker.Poll.TryAdd(Fd, this, ReadyEvents.Stream)) return;
            error = Errno.Last;
        }
        if (Failure == ChannelFailure.None) NoteFailure(error);
        Worker.Defer(this);
    }

    /// <returns>0, or why there is no socket.</returns>
    private int TryCreate(string networkNamespace)
    {
        if (networkNamespace.Length == 0) return (Fd = Socket.TryCreate(_remote)) < 0 ? Errno.Last : 0;
        try
        {
            Fd = NetworkNamespace.Open(networkNamespace).Create(_remote);
            return 0;
        }
        catch (SocketException e)
        {
            (Failure, FailureText) = (ChannelFailure.Other, e.Message);
            return e.Errno;
        }
    }

    /// <param name="timeout">Infinite sets none.</param>
    protected void SetDeadline(TimeSpan timeout)
    {
        if (timeout != Timeout.InfiniteTimeSpan) Worker.Timers.Schedule(_deadline, (long)timeout.TotalMilliseconds);
    }

    protected void CancelDeadline() => Worker.Timers.Cancel(_deadline);

    /// <summary>The connection stands; the handshake, if there is one, begins.</summary>
    protected abstract void OnConnected();

    /// <summary>Events before the channel is open and after connecting.</summary>
    protected virtual void OnHandshakeEvents() { }

    /// <summary>Space to write while open, before the handler hears of it. False when it was used up.</summary>
    protected virtual bool OnSocketWritable() => true;

    protected virtual void OnLingerEvents() => CloseSocket(reset: false);

    /// <summary>Why the deadline passed, in words and as a failure.</summary>
    protected virtual (ChannelFailure Failure, string Text) DeadlinePassed() => (ChannelFailure.ConnectTimeout, "connect timed out");

    /// <summary>Frees what the subclass holds; the socket is still open.</summary>
    protected virtual void Release() { }

    protected void BecomeOpen()
    {
        CancelDeadline();
        State = Phase.Open;
        IsOpen = true;
        if (_patienceMs > 0) Worker.Timers.Schedule(_deadline, _patienceMs);
        Handler.OnOpen(this);
        if (State == Phase.Open && AwaitsRead && MayRead) TellReadable();
    }

    /// <summary>The channel failed outside a read or write.</summary>
    /// <param name="reset">The kernel holds bytes that the peer may get yet: without a reset it would get them and an end behind them, as if they were all.</param>
    protected void Fail(ChannelFailure failure, string text, bool reset = false)
    {
        Failure = failure;
        FailureText = text;
        if (State != Phase.Lingering) CloseSocket(reset);
        Handler.OnFailed(this);
    }

    /// <summary>A read or write failed: the caller hears it as its answer.</summary>
    protected IoStatus FailIo(ChannelFailure failure, string text)
    {
        Failure = failure;
        FailureText = text;
        CloseSocket(reset: false);
        return IoStatus.Failed;
    }

    protected IoStatus FailIo(int errno)
    {
        if (errno != Errno.TimedOut) return FailIo(Errno.ToFailure(errno), Errno.Text(errno));
        Worker.CountSilent(_accepted); // probes or retransmissions gave up
        return FailIo(ChannelFailure.Silent, Errno.Text(errno));
    }

    protected void CloseSocket(bool reset)
    {
        if (State == Phase.Closed) return;
        State = Phase.Closed;
        IsOpen = false;
        CancelDeadline();
        Release();
        if (Fd < 0) return;
        if (_local is not null) _own?.Remove(_local);
        Worker.Poll.Forget(Fd);
        if (reset) Socket.Reset(Fd);
        else
        {
            if (ResetsOnClose) Socket.ResetsOnClose(Fd, false);
            Socket.Close(Fd);
        }
        Fd = -1;
        _gate?.Released();
    }

    /// <summary>Closed for the user, alive until <see cref="OnLingerEvents"/> is done or the worker's linger time is over.</summary>
    protected void StartLingering()
    {
        State = Phase.Lingering;
        IsOpen = false;
        SetDeadline(Worker.Settings.CloseLinger);
    }

    void IEventSource.OnEvents(ReadyEvents events)
    {
        if (events.Any(ReadyEvents.Readable | ReadyEvents.ReadToTheEnd)) SocketReadable = true;
        if (events.Any(ReadyEvents.Writable | ReadyEvents.Error | ReadyEvents.HangUp)) SocketWritable = true;
        if (events.Any(ReadyEvents.ReadToTheEnd)) ReadsToTheEnd = true;
        switch (State)
        {
            case Phase.Connecting:
                FinishConnecting(events);
                break;
            case Phase.Handshaking:
                OnHandshakeEvents();
                break;
            case Phase.Open:
                OnOpenEvents(events);
                break;
            case Phase.Lingering:
                OnLingerEvents();
                break;
        }
    }

    void IEventSource.Contain(Exception exception)
    {
        Worker.Report("channel", ((IEventSource)this).Describe(), exception);
        if (State == Phase.Closed) return;
        var wasClosed = State == Phase.Lingering;
        CloseSocket(reset: true);
        if (wasClosed) return;
        Failure = ChannelFailure.Other;
        FailureText = "an exception in its handler: " + exception.GetType().Name;
        try
        {
            // Its other half (an exchange, an upstream connection) would leak without a word.
            Handler.OnFailed(this);
        }
        catch (Exception second)
        {
            Worker.Report("channel", ((IEventSource)this).Describe(), second);
        }
    }

    string IEventSource.Describe() =>
        $"{GetType().Name} {_local} - {_remote}, {State}, handler {Handler.GetType().Name}, peer {Peer?.SpiffeId ?? "without identity"}";

    void ITimerHandler.OnTimer(TimerNode node)
    {
        if (State == Phase.Lingering)
        {
            CloseSocket(reset: false);
            return;
        }
        try
        {
            if (State == Phase.Open)
            {
                CheckPeer();
                return;
            }
            var (failure, text) = DeadlinePassed();
            Fail(failure, text);
        }
        catch (Exception e)
        {
            ((IEventSource)this).Contain(e);
        }
    }

    /// <summary>Ends the connection of a peer that owes an acknowledgement and was silent for too long; else looks again when it will have been.</summary>
    private void CheckPeer()
    {
        var silence = PeerSilence.Of(Fd);
        if (silence.Owes && silence.Ms >= _patienceMs)
        {
            Worker.CountSilent(_accepted);
            Fail(ChannelFailure.Silent, $"the peer has acknowledged nothing for {silence.Ms / 1000} s", reset: true);
            return;
        }
        Worker.Timers.Schedule(_deadline, silence.Ms < _patienceMs ? _patienceMs - silence.Ms : _patienceMs);
    }

    /// <summary>Deferred by <see cref="StartConnecting"/> (it failed at once) or by the adoption of an accepted socket.</summary>
    void IWorkItem.Run(Worker worker)
    {
        if (State == Phase.Closed) return;
        if (Failure != ChannelFailure.None) Fail(Failure, FailureText);
        else Connected();
    }

    /// <summary>A preface goes out before the handshake, and before the user hears of the connection.</summary>
    private void Connected()
    {
        if (!_preface.IsEmpty)
        {
            // A few dozen bytes into the empty send buffer of a new connection: they fit, or it is broken.
            if (Socket.Send(Fd, _preface.Span) != _preface.Length)
            {
                Fail(ChannelFailure.Reset, "its PROXY header could not be sent: " + Errno.Text(Errno.LastOfHotCall));
                return;
            }
            _preface = default;
        }
        OnConnected();
    }

    private void NoteFailure(int errno)
    {
        Failure = Errno.ToFailure(errno);
        FailureText = Errno.Text(errno);
    }

    private void FinishConnecting(ReadyEvents events)
    {
        var error = events.Any(ReadyEvents.Error | ReadyEvents.HangUp) ? Socket.TakeError(Fd) : 0; // epoll tells when there is one
        if (error != 0) Fail(Errno.ToFailure(error), Errno.Text(error));
        else if (events.Any(ReadyEvents.Writable)) Connected();
    }

    private void OnOpenEvents(ReadyEvents events)
    {
        if (SocketWritable && OnSocketWritable() && AwaitsWrite)
        {
            AwaitsWrite = false;
            Handler.OnWritable(this);
        }
        if (State != Phase.Open) return;
        var reads = AwaitsRead && MayRead;
        if (reads) TellReadable();
        if (State != Phase.Open || _resetTold) return;
        // Who was told to read and did not, on purpose, would hear of a reset from nobody else; and a peer that ended may reset afterwards.
        _resetTold = events.Any(ReadyEvents.Error);
        if (!_resetTold && (reads || _endTold || !events.Any(ReadyEvents.PeerEnded | ReadyEvents.HangUp))) return;
        _endTold = true;
        Handler.OnPeerEnding(this, _resetTold);
    }

    private void TellReadable()
    {
        AwaitsRead = false;
        Handler.OnReadable(this);
    }
}
