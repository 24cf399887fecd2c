using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Weft.LoadTest.Tests;

/// <summary>A server that hands each connection to a function of the test: what a load generator must survive is easiest said in sockets.</summary>
internal sealed class StubServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;
    private int _requests;

    public StubServer(Func<StubServer, Socket, Task> serve)
    {
        _listener.Start(1024);
        _accepting = AcceptAsync(serve);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public Uri Url => new($"http://127.0.0.1:{Port}/path");

    public int Requests => Volatile.Read(ref _requests);

    public string LastHead { get; private set; } = "";

    /// <summary>Answers every request with <paramref name="response"/>, as a function of its number from 1.</summary>
    public static StubServer Answering(Func<int, Task<string>> response) => new(async (server, socket) =>
    {
        while (await server.ReadRequestAsync(socket) is { } number)
            await socket.SendAsync(Encoding.Latin1.GetBytes(await response(number)));
    });

    public static StubServer Answering(string response) => Answering(_ => Task.FromResult(response));

    /// <summary>Reads one request without body; its number over all connections, or null when the client has closed.</summary>
    public async Task<int?> ReadRequestAsync(Socket socket)
    {
        var head = new StringBuilder();
        var buffer = new byte[4096];
        do
        {
            var received = await socket.ReceiveAsync(buffer);
            if (received == 0) return null;
            head.Append(Encoding.Latin1.GetString(buffer, 0, received));
        }
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal));
        LastHead = head.ToString();
        return Interlocked.Increment(ref _requests);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync(Func<StubServer, Socket, Task> serve)
    {
        try
        {
            while (true) _ = ServeAsync(serve, await _listener.AcceptSocketAsync(_stop.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or InvalidOperationException) // the last when it is stopped between two accepts
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(Func<StubServer, Socket, Task> serve, Socket socket)
    {
        using (socket)
        {
            try
            {
                await serve(this, socket);
            }
            catch (SocketException)
            {
                // The client went away.
            }
        }
    }
}
