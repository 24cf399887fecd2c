using System.Net;
using Weft.Proxy.Security;
using Weft.Proxy.Workers;

namespace Weft.Proxy.Transport;

/// <summary>Looks at a socket's first bytes without consuming them, always on its worker.</summary>
internal interface IPeekHandler
{
    /// <summary>Bytes, the end of the stream or an error came: <see cref="AcceptedSocket.Peek"/> tells which.</summary>
    void OnPeekReady(AcceptedSocket socket);

    void OnPeekTimeout(AcceptedSocket socket);
}

/// <summary>An accepted connection of which it is not yet decided what it becomes. Exactly one of <see cref="Plain"/>, <see cref="Tls"/> and <see cref="Close"/> ends it.</summary>
internal sealed class AcceptedSocket : IEventSource, ITimerHandler
{
    private readonly ListeningSocket _listener;
    private readonly int _fd;
    private IPEndPoint? _local;
    private IPeekHandler? _peeker;
    private TimerNode? _deadline;
    private ReadyEvents _seen;
    private bool _gone;

    internal AcceptedSocket(Worker worker, ListeningSocket listener, int fd, IPEndPoint remote)
    {
        Worker = worker;
        _listener = listener;
        _fd = fd;
        Remote = remote;
    }

    public Worker Worker { get; }

    /// <summary>The socket's peer.</summary>
    public IPEndPoint Remote { get; }

    /// <summary>The address that the peer reached; asked from the kernel only where the listening socket has a wildcard address.</summary>
    public IPEndPoint Local => _local ??= IsWildcard(_listener.Local.Address) && !_gone ? Socket.LocalOf(_fd) : _listener.Local;

    /// <summary>Whose connection it is and where it was meant to go, as far as was found out; null while nobody looked.</summary>
    public ConnectionAddresses? Addresses { get; set; }

    /// <summary>Where the connection was meant to go before it was redirected here; null where the kernel does not know.</summary>
    public IPEndPoint? OriginalDestination() => Socket.OriginalDestination(_fd, Remote.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6);

    /// <summary>The peer has ended its direction: what has arrived is all there will be. Known while peeking.</summary>
    public bool PeerEnded => _seen.Any(ReadyEvents.PeerEnded | ReadyEvents.HangUp | ReadyEvents.Error);

    /// <summary>The peer has reset the connection: nobody waits for what comes of it. Known while peeking; bytes from before may still be there.</summary>
    public bool IsBroken => _seen.Any(ReadyEvents.Error);

    /// <summary>It is not decided yet what becomes of it, and it has not broken.</summary>
    public bool IsOpen => !_gone;

    /// <summary>Goes on as a plain channel; <see cref="IChannelHandler.OnOpen"/> is called before the loop waits again, never from inside this call.</summary>
    public Channel Plain(IChannelHandler handler)
    {
        var seen = Leave();
        var channel = PlainChannel.Accept(Worker, _fd, Remote, KnownLocal, seen, _listener.Gate, handler);
        channel.Keepalive = _listener.Keepalive;
        return channel;
    }

    /// <summary>Goes on as a TLS channel: <see cref="IChannelHandler.OnOpen"/> comes after the handshake and the peer's verification.</summary>
    public Channel Tls(ServerTls tls, IChannelHandler handler, TimeSpan handshakeTimeout)
    {
        var seen = Leave();
        var channel = TlsChannel.Accept(Worker, _fd, Remote, KnownLocal, seen, _listener.Gate, tls, handshakeTimeout, handler);
        channel.Keepalive = _listener.Keepalive;
        return channel;
    }

    public void Close() => Close(reset: false);

    /// <summary>Closes with a reset: the client is told that nobody is there, not that everything was said.</summary>
    public void Abort() => Close(reset: true);

    void IEventSource.CloseQuietly() => Close();

    /// <summary>Calls <paramref name="handler"/> whenever there is something new to <see cref="Peek"/>, and once when <paramref name="timeout"/> is over. A second handler takes the
    /// first one's place and its deadline, and may be called from inside: what is there has been announced already.</summary>
    public void StartPeeking(IPeekHandler handler, TimeSpan timeout)
    {
        if (_gone) throw new InvalidOperationException("the socket was decided on before");
        _peeker = handler;
        if (_deadline is not null)
        {
            handler.OnPeekReady(this);
            return;
        }
        _deadline = new TimerNode(this);
        Worker.Timers.Schedule(_deadline, (long)timeout.TotalMilliseconds);
        Worker.Poll.Add(_fd, this, ReadyEvents.Stream);
    }

    /// <summary>Copies what has arrived, from its beginning, and leaves it there.</summary>
    /// <returns>Bytes copied; 0 when the stream ended before its first byte; -1 when nothing is there yet; -2 when the connection broke.</returns>
    public int Peek(Span<byte> into)
    {
        while (true)
        {
            var count = (int)Socket.Peek(_fd, into);
            if (count >= 0) return count;
            switch (Errno.LastOfHotCall)
            {
                case Errno.Interrupted: continue;
                case Errno.Again: return -1;
                default: return -2;
            }
        }
    }

    /// <summary>Consumes what was seen by <see cref="Peek"/>.</summary>
    /// <param name="count">No more than lies there.</param>
    /// <returns>False: the connection broke meanwhile.</returns>
    public bool Skip(int count)
    {
        while (count > 0)
        {
            var got = (int)Socket.Receive(_fd, Worker.Scratch.AsSpan(0, Math.Min(count, Worker.Scratch.Length)));
            if (got < 0 && Errno.LastOfHotCall == Errno.Interrupted) continue;
            if (got <= 0) return false;
            count -= got;
        }
        return true;
    }

    /// <summary>SO_RCVLOWAT: the kernel stays silent until that many bytes lie there (or the peer ends), so that a hello of many small pieces wakes nobody.</summary>
    public void WakeAt(int bytes) => Socket.SetOption(_fd, Libc.SolSocket, Libc.SoReceiveLowWater, bytes);

    private void Close(bool reset)
    {
        if (_gone) return;
        if (Leave() is not null) Worker.Poll.Forget(_fd);
        if (reset) Socket.Reset(_fd);
        else Socket.Close(_fd);
        _listener.Gate?.Released();
    }

    internal void Contain(Exception exception)
    {
        Worker.Report("accept", $"accepted from {Remote} on {_listener.Local}", exception);
        Close();
    }

    void IEventSource.OnEvents(ReadyEvents events)
    {
        _seen |= events;
        _peeker!.OnPeekReady(this);
    }

    void IEventSource.Contain(Exception exception) => Contain(exception);

    string IEventSource.Describe() => $"accepted from {Remote} on {_listener.Local}";

    void ITimerHandler.OnTimer(TimerNode node)
    {
        try
        {
            _peeker!.OnPeekTimeout(this);
        }
        catch (Exception e)
        {
            Contain(e);
        }
    }

    private IPEndPoint? KnownLocal => _local ?? (IsWildcard(_listener.Local.Address) ? null : _listener.Local);

    private static bool IsWildcard(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    /// <summary>The events so far when the socket is in epoll already, else null.</summary>
    private ReadyEvents? Leave()
    {
        if (_gone) throw new InvalidOperationException("the socket was decided on before");
        _gone = true;
        if (_deadline is null) return null;
        Worker.Timers.Cancel(_deadline);
        return _seen;
    }
}
