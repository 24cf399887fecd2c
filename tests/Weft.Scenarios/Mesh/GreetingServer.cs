using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Weft.Scenarios.Mesh;

/// <summary>Greets, repeats every line, and says goodbye after its client has ended.</summary>
internal sealed class GreetingServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;

    public GreetingServer(string name)
    {
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync(name);
    }

    public int Port { get; }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _accepting;
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync(string name)
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token), name);
        }
        catch (OperationCanceledException)
        {
            // the test is over
        }
    }

    private async Task ServeAsync(TcpClient client, string name)
    {
        using var _ = client;
        var stream = client.GetStream();
        var block = new byte[4096];
        try
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"220 {name}\n"), _stop.Token);
            while (await stream.ReadAsync(block, _stop.Token) is > 0 and var read) await stream.WriteAsync(block.AsMemory(0, read), _stop.Token);
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"bye {name}"), _stop.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // the proxy let go
        }
    }
}
