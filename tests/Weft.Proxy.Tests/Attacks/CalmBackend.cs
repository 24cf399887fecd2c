using System.Net;
using System.Net.Sockets;

namespace Weft.Proxy.Tests.Attacks;

/// <summary>Answers every request "ok", on a thread for each connection: whatever the attacks do to this process's thread pool, the bystanders' answers do not wait for it.</summary>
internal sealed class CalmBackend : IDisposable
{
    private static readonly byte[] Answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"u8.ToArray();

    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public CalmBackend()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(512);
        Run(() =>
        {
            while (true)
            {
                var socket = _listener.Accept();
                Run(() => Serve(socket));
            }
        });
    }

    public IPEndPoint Address => (IPEndPoint)_listener.LocalEndPoint!;

    public void Dispose() => _listener.Dispose();

    private static void Serve(Socket socket)
    {
        using var owned = socket;
        socket.NoDelay = true;
        var (block, pending) = (new byte[4096], 0);
        while (socket.Receive(block.AsSpan(pending)) is > 0 and var read)
        {
            pending += read;
            if (!block.AsSpan(0, pending).EndsWith("\r\n\r\n"u8)) continue; // one request at a time, without a body
            pending = 0;
            socket.Send(Answer);
        }
    }

    private static void Run(Action action) => new Thread(() =>
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // the other side, or the test, is done
        }
    }) { IsBackground = true }.Start();
}
