using System.Net;
using Weft.Proxy.Transport;

namespace Weft.Proxy.Names.Forwarding;

/// <summary>
/// A question in one datagram, from a socket and so from a port of its own (RFC 5452 section 9.2): connected, the kernel lets in only what comes from the server's address and port, and tells at once when
/// nobody listens there.
/// </summary>
internal sealed class UdpAttempt : IEventSource, IUpstreamAttempt
{
    /// <summary>Messages that are read before the worker's other sockets have their turn: forged ones come as fast as they can be sent.</summary>
    private const int MessagesPerTurn = 16;

    private readonly Forwarder _forwarder;
    private readonly Lookup _lookup;
    private int _fd;

    private UdpAttempt(Forwarder forwarder, Lookup lookup, int fd, ushort id) => (_forwarder, _lookup, _fd, Id) = (forwarder, lookup, fd, id);

    public ushort Id { get; }

    public int LocalPort => _fd < 0 ? 0 : Socket.LocalOf(_fd).Port;

    public bool IsTcp => false;

    /// <summary>Null when there is no socket, no way to the server, or no room to send.</summary>
    public static UdpAttempt? TryStart(Forwarder forwarder, Lookup lookup, IPEndPoint server, ushort id, ReadOnlySpan<byte> message)
    {
        var fd = Datagrams.TryCreate(server);
        if (fd < 0) return null;
        var attempt = new UdpAttempt(forwarder, lookup, fd, id);
        // Registered first: the answer may be there before send returns.
        if (Socket.Connect(fd, server) == 0 && forwarder.Worker.Poll.TryAdd(fd, attempt, ReadyEvents.Readable) && Socket.Send(fd, message) == message.Length) return attempt;
        attempt.Close();
        return null;
    }

    public void Close()
    {
        if (_fd < 0) return;
        _forwarder.Worker.Poll.Forget(_fd);
        Socket.Close(_fd);
        _fd = -1;
    }

    public void OnEvents(ReadyEvents events)
    {
        for (var left = MessagesPerTurn; left > 0 && _fd >= 0; left--)
        {
            var length = (int)Socket.Receive(_fd, _forwarder.Message);
            if (length < 0)
            {
                if (Errno.LastOfHotCall is Errno.Again or Errno.Interrupted) return; // level-triggered: what is left is told again
                _lookup.OnFailed(this);
                return;
            }
            if (_lookup.OnMessage(this, _forwarder.Message.AsSpan(0, length))) return;
        }
    }

    void IEventSource.Contain(Exception exception)
    {
        _forwarder.Worker.Report("dns", ((IEventSource)this).Describe(), exception);
        _lookup.OnFailed(this);
    }

    string IEventSource.Describe() => "a question to an upstream resolver over UDP";

    void IEventSource.CloseQuietly() => Close();
}
