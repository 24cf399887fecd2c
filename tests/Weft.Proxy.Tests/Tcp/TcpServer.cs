using System.Net;
using System.Net.Sockets;

namespace Weft.Proxy.Tests.Tcp;

/// <summary>A server whose connections the test accepts one by one.</summary>
internal sealed class TcpServer : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public TcpServer(int backlog = 512, int receiveBuffer = 0)
    {
        if (receiveBuffer > 0) _listener.ReceiveBufferSize = receiveBuffer;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        if (backlog > 0) _listener.Listen(backlog);
        Address = (IPEndPoint)_listener.LocalEndPoint!;
    }

    /// <summary>A port that is taken and where nobody listens: connecting is refused.</summary>
    public static TcpServer Refusing() => new(backlog: 0);

    public IPEndPoint Address { get; }

    public async Task<TcpPeer> AcceptAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(15));
        var socket = await _listener.AcceptAsync(limit.Token);
        socket.NoDelay = true;
        return new TcpPeer(socket);
    }

    /// <summary>Gives back what it gets, on every connection, until the test is over.</summary>
    public TcpServer Echoing()
    {
        _ = EchoAllAsync();
        return this;

        async Task EchoAllAsync()
        {
            try
            {
                while (true) _ = EchoAsync(await _listener.AcceptAsync());
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // the test is over
            }
        }

        static async Task EchoAsync(Socket socket)
        {
            using (socket)
            {
                try
                {
                    socket.NoDelay = true;
                    var block = new byte[65536];
                    while (await socket.ReceiveAsync(block) is > 0 and var read)
                    {
                        for (var sent = 0; sent < read;) sent += await socket.SendAsync(block.AsMemory(sent, read - sent));
                    }
                }
                catch (SocketException)
                {
                    // reset by the other side
                }
            }
        }
    }

    public void Dispose() => _listener.Dispose();
}
