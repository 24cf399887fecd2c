using System.Net;
using Weft.Proxy.Workers;
using Weft.Routing.Clusters;

namespace Weft.Proxy.Transport;

/// <summary>How to listen.</summary>
internal sealed record ListenOptions
{
    /// <summary>Connections that wait to be accepted; the kernel cuts it to net.core.somaxconn. Default 4096.</summary>
    public int Backlog { get; init; } = 4096;

    /// <summary>SO_REUSEPORT: one socket per worker on one address. Default true.</summary>
    public bool ReusePort { get; init; } = true;

    /// <summary>On an IPv6 wildcard address, IPv4 too. Default true.</summary>
    public bool DualStack { get; init; } = true;

    /// <summary>Path of the network namespace to listen in; empty for the process's own.</summary>
    public string NetworkNamespace { get; init; } = "";

    /// <summary>Asked before each accept; null accepts everything.</summary>
    public IAcceptGate? Gate { get; init; }

    /// <summary>When TCP gives up accepted connections whose client is silent; null leaves the kernel's ways.</summary>
    public TcpKeepalive? Keepalive { get; init; }

    /// <summary>Kernel send buffer of accepted connections in bytes; null leaves it to the kernel's tuning (best in nearly every case).</summary>
    public int? SendBufferBytes { get; init; }

    /// <summary>Kernel receive buffer of accepted connections in bytes; null leaves it to the kernel's tuning.</summary>
    public int? ReceiveBufferBytes { get; init; }
}

/// <summary>Receives accepted connections on the worker's thread.</summary>
internal interface IAcceptHandler
{
    /// <summary>Decide what <paramref name="socket"/> becomes: <see cref="AcceptedSocket.Plain"/>, <see cref="AcceptedSocket.Tls"/>, a detection, or
    /// <see cref="AcceptedSocket.Close"/>.</summary>
    void OnAccepted(AcceptedSocket socket);
}

/// <summary>
/// One listening socket of one worker. Level-triggered, unlike streams: what a bounded batch leaves in the backlog is reported again by itself.
/// </summary>
/// <remarks>Keep it open until the process is drained: closing a REUSEPORT socket resets the connections in its backlog.</remarks>
internal sealed class ListeningSocket : IEventSource, ITimerHandler
{
    private readonly Worker _worker;
    private readonly IAcceptHandler _handler;
    private readonly IAcceptGate? _gate;
    private readonly TimerNode _rest;
    private readonly int _fd;
    private int _highest; // number of the socket accepted last
    private bool _paused;
    private bool _closed;

    internal ListeningSocket(Worker worker, IPEndPoint address, ListenOptions options, IAcceptHandler handler)
    {
        _worker = worker;
        _handler = handler;
        _gate = options.Gate;
        _rest = new TimerNode(this);
        _fd = options.NetworkNamespace.Length == 0 ? Socket.Create(address) : NetworkNamespace.OpenAnew(options.NetworkNamespace).Create(address);
        try
        {
            Configure(address, options);
            Socket.Bind(_fd, address);
            Socket.Listen(_fd, options.Backlog);
            Local = Socket.LocalOf(_fd);
            _worker.Poll.Add(_fd, this, ReadyEvents.Readable);
        }
        catch
        {
            Socket.Close(_fd);
            throw;
        }
    }

    /// <summary>The bound address; its port is the real one when 0 was asked for.</summary>
    public IPEndPoint Local { get; }

    public IAcceptHandler Handler => _handler;

    /// <summary>Connections accepted so far.</summary>
    public long Accepted { get; private set; }

    /// <summary>Of what is accepted from now on; see <see cref="ListenOptions.Keepalive"/>.</summary>
    public TcpKeepalive? Keepalive
    {
        get;
        set
        {
            field = value;
            if (!_closed) Socket.KeepAlive(_fd, value); // accepted sockets inherit it
        }
    }

    /// <summary>Who counts what this socket accepts.</summary>
    internal IAcceptGate? Gate => _gate;

    /// <summary>Times that accepting rested: at a limit, or for want of descriptors or memory.</summary>
    public long Rests { get; private set; }

    /// <summary>Leaves new connections in the backlog.</summary>
    public void PauseAccepting()
    {
        if (_closed || _paused) return;
        _paused = true;
        _worker.Poll.Modify(_fd, ReadyEvents.None);
    }

    public void ResumeAccepting()
    {
        if (_closed || !_paused) return;
        _paused = false;
        if (!_rest.IsScheduled) _worker.Poll.Modify(_fd, ReadyEvents.Readable);
    }

    /// <summary>Accepts what waits in the backlog, and then closes: the kernel would reset those connections.</summary>
    public void CloseAfterBacklog()
    {
        if (_closed) return;
        _paused = false;
        _worker.Timers.Cancel(_rest);
        for (var waiting = true; waiting && !_closed;) waiting = AcceptBatch();
        Close();
    }

    public void Close()
    {
        if (_closed) return;
        _closed = true;
        _worker.Timers.Cancel(_rest);
        _worker.Poll.Forget(_fd);
        Socket.Close(_fd);
    }

    void IEventSource.CloseQuietly() => Close();

    void IEventSource.OnEvents(ReadyEvents events) => AcceptBatch();

    /// <summary>False when nothing more can be accepted now.</summary>
    private bool AcceptBatch()
    {
        for (var left = _worker.Settings.AcceptBatch; left > 0; left--)
        {
            if (_paused || _closed) return false;
            if (_gate is not null && !_gate.MayAccept())
            {
                Rest();
                return false;
            }
            if (_highest >= Descriptors.Ceiling && Descriptors.AreExhausted())
            {
                _gate?.Exhausted(Errno.Text(Errno.TooManyFiles));
                Rest();
                return false;
            }
            var fd = Socket.Accept(_fd, out var remote);
            if (fd < 0)
            {
                if (!IsPassing(Errno.Last)) return false;
                continue;
            }
            _highest = fd;
            Accepted++;
            _gate?.Accepted();
            Hand(new AcceptedSocket(_worker, this, fd, remote!));
        }
        return true;
    }

    void IEventSource.Contain(Exception exception) => _worker.Report("accept", ((IEventSource)this).Describe(), exception);

    string IEventSource.Describe() => $"listening on {Local}, {Accepted} accepted";

    void ITimerHandler.OnTimer(TimerNode node)
    {
        if (!_closed && !_paused) _worker.Poll.Modify(_fd, ReadyEvents.Readable);
    }

    private void Hand(AcceptedSocket socket)
    {
        try
        {
            _handler.OnAccepted(socket);
        }
        catch (Exception e)
        {
            socket.Contain(e);
        }
    }

    /// <summary>True when the error belongs to the one connection that was not accepted, so that the next can be.</summary>
    private bool IsPassing(int errno)
    {
        switch (errno)
        {
            case Errno.Again:
                return false;
            case Errno.TooManyFiles or Errno.TooManyFilesInSystem or Errno.NoBuffers or Errno.NoMemory:
                _gate?.Exhausted(Errno.Text(errno));
                Rest();
                return false;
            default:
                return true; // accept(2): a pending network error of the new connection; treat it like EAGAIN and go on
        }
    }

    /// <summary>Looks again after a while. Level-triggered, the event would come at once again and the loop would spin.</summary>
    private void Rest()
    {
        Rests++;
        _worker.Poll.Modify(_fd, ReadyEvents.None);
        _worker.Timers.Schedule(_rest, (long)_worker.Settings.AcceptRetryDelay.TotalMilliseconds);
    }

    private void Configure(IPEndPoint address, ListenOptions options)
    {
        Socket.SetOption(_fd, Libc.SolSocket, Libc.SoReuseAddr, 1);
        if (options.ReusePort && !Socket.SetOption(_fd, Libc.SolSocket, Libc.SoReusePort, 1)) throw Errno.Exception("SO_REUSEPORT");
        if (SocketAddress.FamilyOf(address) == Libc.AfInet6) Socket.SetOption(_fd, Libc.IpProtoIpv6, Libc.Ipv6Only, options.DualStack ? 0 : 1);
        // Accepted sockets inherit these on Linux: once here saves a call per connection.
        Socket.SetOption(_fd, Libc.IpProtoTcp, Libc.TcpNoDelay, 1);
        if (options.Keepalive is { } keepalive) Keepalive = keepalive;
        if (options.SendBufferBytes is { } send) Socket.SetOption(_fd, Libc.SolSocket, Libc.SoSendBuffer, send);
        if (options.ReceiveBufferBytes is { } receive) Socket.SetOption(_fd, Libc.SolSocket, Libc.SoReceiveBuffer, receive);
    }
}
