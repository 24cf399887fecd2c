using Weft.Proxy.Listening;
using Weft.Proxy.Tcp;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;

namespace Weft.Proxy.Detection;

/// <summary>An accepted connection as the client of an <see cref="UndecidedConnection"/>. What it sends stays in the kernel until it is decided.</summary>
internal sealed class UndecidedSocket(AcceptedSocket socket, IUndecidedHandler handler) : IUndecidedClient, IPeekHandler
{
    private UndecidedConnection _connection = null!;

    public Worker Worker => socket.Worker;

    public bool IsOpen => socket.IsOpen;

    public bool HasEnded => socket.PeerEnded;

    public void Watch(UndecidedConnection connection, TimeSpan timeout)
    {
        _connection = connection;
        socket.StartPeeking(this, timeout);
    }

    public void OnPeekReady(AcceptedSocket accepted)
    {
        if (_connection.IsDecided && accepted.IsBroken) _connection.Break(); // it waits for its endpoint, and its client does not
        else _connection.OnClient();
    }

    public void OnPeekTimeout(AcceptedSocket accepted) => _connection.OnClientTimeout();

    public int Peek(Span<byte> into) => socket.Peek(into);

    public void Abort() => socket.Abort();

    public ByteServerConnection? AsBytes() => handler.AsBytes(socket);

    public void OnBytes(ByteServerConnection bytes) => socket.Plain(bytes);

    public void OnHttp(ClientProtocol protocol, DownstreamConnection? asBytes) => handler.OnHttp(socket, protocol, asBytes);

    public bool IsForBytes(ClientHello hello) => handler.IsForBytes(socket, hello);

    public void OnTls(ClientHello hello) => handler.OnTls(socket, hello);
}
