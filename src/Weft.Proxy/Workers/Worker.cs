using System.Net;
using Weft.Proxy.Buffers;
using Weft.Proxy.Security;
using Weft.Proxy.Transport;
using Weft.Routing.Clusters;

namespace Weft.Proxy.Workers;

/// <summary>
/// One thread, one epoll, and everything that it owns: listening sockets, channels, timers, buffers. All handlers run to completion on this thread, so nothing
/// here takes a lock. Only <see cref="Post(IWorkItem)"/>, <see cref="Stop"/> and the watchdog's readings may be used from other threads.
/// </summary>
internal sealed class Worker : IDisposable
{
    private readonly EventPoll _poll = new();
    private readonly Mailbox _mailbox = new();
    private readonly Queue<IWorkItem> _deferred = new();
    private readonly Action<ContainedFault> _report;
    private readonly long _ticksPerMicrosecond;
    private long _turns;
    private long _silentClients;
    private long _silentEndpoints;
    private volatile bool _stopping;
    private volatile bool _waiting;
    private bool _disposed;

    /// <param name="name">For reports: "worker-0".</param>
    /// <param name="report">Told once of every exception that a handler throws; called on the worker's thread.</param>
    public Worker(string name, WorkerSettings settings, TimeProvider time, Action<ContainedFault> report)
    {
        Name = name;
        Settings = settings;
        Time = time;
        _report = report;
        _ticksPerMicrosecond = time.TimestampFrequency / 1_000_000;
        if (_ticksPerMicrosecond == 0) throw new ArgumentException("the clock must count microseconds", nameof(time));
        Libc.Signal(Libc.SigPipe, 1); // SIG_IGN: OpenSSL writes without MSG_NOSIGNAL
        ReadClock();
        Timers = new TimerWheel(NowMs, (node, e) => Report("timer", $"timer of {node.Handler.GetType().Name}, tag {node.Tag}", e));
        Buffers = new BufferPool(settings.Buffers);
        Pipes = new PipePool(settings.Pipes);
        Scratch = Buffers.TakeBlock(BufferPool.BlockBytes);
        _poll.Add(_mailbox.Fd, _mailbox, ReadyEvents.Readable | ReadyEvents.EdgeTriggered);
    }

    public string Name { get; }

    public WorkerSettings Settings { get; }

    /// <summary>Wall clock; for durations use <see cref="NowMs"/>.</summary>
    public TimeProvider Time { get; }

    public BufferPool Buffers { get; }

    public PipePool Pipes { get; }

    public TimerWheel Timers { get; }

    /// <summary>Monotonic milliseconds, the same on all workers of the process; read once per turn of the loop.</summary>
    public long NowMs { get; private set; }

    /// <summary>Monotonic microseconds, the same on all workers of the process; read once per turn of the loop.</summary>
    public long NowMicros { get; private set; }

    /// <summary>Turns of the loop so far; for the watchdog.</summary>
    public long Turns => Volatile.Read(ref _turns);

    /// <summary>Accepted connections that ended because their client had gone without a word.</summary>
    public long SilentClients => Volatile.Read(ref _silentClients);

    /// <summary>The same of connections that the worker has made.</summary>
    public long SilentEndpoints => Volatile.Read(ref _silentEndpoints);

    /// <summary>True while it waits for events: standing still is then no fault.</summary>
    public bool IsWaiting => _waiting;

    /// <summary>Sockets registered (channels, listening sockets, sockets in detection).</summary>
    public int SocketCount => _poll.Count - 1; // the mailbox

    internal EventPoll Poll => _poll;

    /// <summary>One block for use within a call; its content does not survive the call.</summary>
    internal byte[] Scratch { get; }

    /// <summary>From any thread: runs <paramref name="item"/> in the loop's next turn.</summary>
    public void Post(IWorkItem item) => _mailbox.Post(item);

    /// <summary>From any thread. Allocates the delegate: for configuration and control, not for requests.</summary>
    public void Post(Action action) => _mailbox.Post(action);

    /// <summary>From this worker's thread: runs <paramref name="item"/> before the loop waits again.</summary>
    public void Defer(IWorkItem item) => _deferred.Enqueue(item);

    /// <summary>Listens with SO_REUSEPORT, so that every worker has a socket of its own on the same address; the kernel spreads connections.
    /// Call it on the worker's thread, or before <see cref="Run"/>.</summary>
    /// <exception cref="SocketException">The address cannot be bound.</exception>
    public ListeningSocket Listen(IPEndPoint address, ListenOptions options, IAcceptHandler handler) => new(this, address, options, handler);

    /// <summary>Opens a connection, plain or (with <paramref name="tls"/>) TLS. The handler is never called before this returns; then either
    /// <see cref="IChannelHandler.OnOpen"/> or <see cref="IChannelHandler.OnFailed"/> is.</summary>
    /// <param name="serverName">SNI; ignored without TLS; empty sends none.</param>
    /// <param name="timeout">For connecting and the handshake together.</param>
    public Channel Connect(IPEndPoint remote, ClientTls? tls, string serverName, TimeSpan timeout, IChannelHandler handler, in ConnectOptions options) =>
        tls is null
            ? PlainChannel.Connect(this, remote, timeout, options, handler)
            : TlsChannel.Connect(this, remote, tls, serverName, timeout, options, handler);

    /// <inheritdoc cref="Connect(IPEndPoint, ClientTls?, string, TimeSpan, IChannelHandler, in ConnectOptions)"/>
    /// <param name="keepalive">When TCP gives the connection up; null leaves the kernel's ways.</param>
    public Channel Connect(IPEndPoint remote, ClientTls? tls, string serverName, TimeSpan timeout, IChannelHandler handler, TcpKeepalive? keepalive = null) =>
        Connect(remote, tls, serverName, timeout, handler, new ConnectOptions(keepalive));

    /// <summary>Runs the loop on the calling thread until <see cref="Stop"/>, then closes everything without a word to the handlers.</summary>
    public void Run()
    {
        while (!_stopping) Turn(-1);
        foreach (var source in _poll.Sources()) source.CloseQuietly();
    }

    /// <summary>One turn: runs what was posted and deferred, waits at most <paramref name="maxWaitMs"/> (-1: no end) for events, dispatches them and due timers.</summary>
    public void Turn(int maxWaitMs)
    {
        RunPosted();
        RunDeferred();
        var timeout = Sleep(maxWaitMs);
        _waiting = true;
        var count = _poll.Wait(timeout);
        _waiting = false;
        _mailbox.Awake();
        ReadClock();
        Timers.SetNow(NowMs);
        Volatile.Write(ref _turns, _turns + 1);
        for (var i = 0; i < count; i++) Dispatch(i);
        Timers.Advance(NowMs);
        RunDeferred();
    }

    /// <summary>From any thread: ends <see cref="Run"/>.</summary>
    public void Stop()
    {
        _stopping = true;
        _mailbox.WakeIfSleeping();
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _mailbox.Dispose();
        Pipes.Dispose();
        _poll.Dispose();
    }

    internal void CountSilent(bool accepted)
    {
        ref var count = ref accepted ? ref _silentClients : ref _silentEndpoints;
        Volatile.Write(ref count, count + 1);
    }

    internal void Report(string where, string state, Exception exception)
    {
        try
        {
            _report(new ContainedFault(Name, where, state, exception));
        }
        catch (Exception)
        {
            // Whoever cannot report an exception must not cause one that nobody contains: it would end the process.
        }
    }

    private int Sleep(int maxWaitMs)
    {
        if (_deferred.Count > 0 || !_mailbox.TrySleep()) return 0;
        if (_stopping) return 0; // after TrySleep: Stop sets the flag first and looks for a sleeper then
        var due = Timers.NextDelayMs();
        var timeout = due < 0 ? -1 : (int)Math.Min(due, int.MaxValue);
        return maxWaitMs < 0 ? timeout : timeout < 0 ? maxWaitMs : Math.Min(timeout, maxWaitMs);
    }

    private void Dispatch(int index)
    {
        var source = _poll.SourceAt(index, out var events);
        if (source is null) return;
        try
        {
            source.OnEvents(events);
        }
        catch (Exception e)
        {
            source.Contain(e);
        }
    }

    private void RunPosted()
    {
        // Only what is there now: items that post items must not starve the sockets.
        for (var left = _mailbox.Count; left > 0 && _mailbox.TryTake(out var item); left--)
        {
            try
            {
                if (item is IWorkItem work) work.Run(this);
                else ((Action)item!)();
            }
            catch (Exception e)
            {
                Report("work", item!.GetType().Name, e);
            }
        }
    }

    private void RunDeferred()
    {
        for (var left = _deferred.Count; left > 0; left--)
        {
            var item = _deferred.Dequeue();
            try
            {
                item.Run(this);
            }
            catch (Exception e)
            {
                if (item is IEventSource source) source.Contain(e);
                else Report("work", item.GetType().Name, e);
            }
        }
    }

    private void ReadClock()
    {
        NowMicros = Time.GetTimestamp() / _ticksPerMicrosecond;
        NowMs = NowMicros / 1000;
    }
}
