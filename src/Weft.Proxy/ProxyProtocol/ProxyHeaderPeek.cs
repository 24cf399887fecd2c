using Weft.Proxy.Transport;
using Weft.Routing.Listeners;

namespace Weft.Proxy.ProxyProtocol;

/// <summary>Receives what became of a connection's PROXY header, always on the socket's worker.</summary>
internal interface IProxyHeaderHandler
{
    /// <summary>How headers are read now; null when the listener has stopped to.</summary>
    ProxyProtocolFilter? Filter { get; }

    /// <summary>The header, if there was one, is consumed and <see cref="AcceptedSocket.Addresses"/> says what it told. What lies in the socket is the application's.</summary>
    void OnHeaderRead(AcceptedSocket socket);

    /// <summary>Nothing can come of the connection, and it is closed when this returns.</summary>
    /// <param name="reason">One clause for people: "its PROXY header is malformed: its version is 1".</param>
    void OnHeaderRefused(AcceptedSocket socket, string reason);
}

/// <summary>
/// Takes the PROXY header off accepted connections: peeks until it is whole, then consumes exactly its bytes, so that detection and TLS behind it see nothing of it. Holds no state per
/// socket.
/// </summary>
internal sealed class ProxyHeaderPeek(TimeSpan timeout, IProxyHeaderHandler handler) : IPeekHandler
{
    /// <summary>Goes on in the handler; from inside this call only where nothing is to be waited for.</summary>
    public void Start(AcceptedSocket socket, ProxyProtocolFilter filter)
    {
        if (filter.Trusts(socket.Remote.Address)) socket.StartPeeking(this, timeout);
        // It is not even asked whether it sends one: a client that waits for the server to speak first would wait for nothing.
        else if (filter.AllowsAbsent) handler.OnHeaderRead(socket);
        else Refuse(socket, $"{socket.Remote.Address} is not trusted to say on whose behalf it connects (trusted_sources)");
    }

    void IPeekHandler.OnPeekReady(AcceptedSocket socket)
    {
        if (handler.Filter is not { } filter)
        {
            socket.Close();
            return;
        }
        var scratch = socket.Worker.Scratch.AsSpan();
        var count = socket.Peek(scratch);
        if (count == -1) return;
        if (count <= 0)
        {
            Refuse(socket, count == 0 ? "closed before its PROXY header" : "reset before its PROXY header");
            return;
        }
        switch (ProxyHeaderReader.Read(scratch[..count], filter.Versions, filter.MaxHeaderBytes, out var header, out var needed, out var reason))
        {
            case ProxyHeaderStatus.Valid:
                Take(socket, header);
                break;
            case ProxyHeaderStatus.Malformed:
                Refuse(socket, $"its PROXY header is malformed: {reason}");
                break;
            case ProxyHeaderStatus.Absent when filter.AllowsAbsent:
                socket.WakeAt(1);
                handler.OnHeaderRead(socket);
                break;
            case ProxyHeaderStatus.Absent:
                Refuse(socket, "it begins without a PROXY header");
                break;
            default:
                if (socket.PeerEnded) Refuse(socket, "closed within its PROXY header");
                else socket.WakeAt(needed);
                break;
        }
    }

    void IPeekHandler.OnPeekTimeout(AcceptedSocket socket) => Refuse(socket, $"no PROXY header came within {timeout.TotalMilliseconds:0} ms (listener_filters_timeout)");

    private void Take(AcceptedSocket socket, in ProxyHeader header)
    {
        if (!socket.Skip(header.Length))
        {
            Refuse(socket, "reset within its PROXY header");
            return;
        }
        socket.WakeAt(1);
        if (header.Source is { } source)
            socket.Addresses = new ConnectionAddresses(source, socket.Remote, header.Destination!, IsElsewhere: !header.Destination!.Equals(socket.Local));
        handler.OnHeaderRead(socket);
    }

    private void Refuse(AcceptedSocket socket, string reason)
    {
        handler.OnHeaderRefused(socket, reason);
        socket.Close();
    }
}
