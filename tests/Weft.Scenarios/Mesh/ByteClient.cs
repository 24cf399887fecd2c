using System.Net;
using System.Net.Sockets;
using System.Text;
using Shouldly;

namespace Weft.Scenarios.Mesh;

/// <summary>A client of a <see cref="GreetingServer"/>, through a proxy that it may know of or not.</summary>
internal sealed class ByteClient : IAsyncDisposable
{
    private readonly TcpClient _client = new();
    private StreamReader _reader = null!;

    public static async Task<ByteClient> DialAsync(int port, CancellationToken cancel)
    {
        var made = new ByteClient();
        await made._client.ConnectAsync(IPAddress.Loopback, port, cancel);
        made._reader = new StreamReader(made._client.GetStream(), Encoding.ASCII);
        return made;
    }

    public static async Task<ByteClient> ConnectAsync(int proxy, string target, CancellationToken cancel)
    {
        var made = await DialAsync(proxy, cancel);
        await made.WriteAsync($"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n", cancel);
        (await made.ReadLineAsync(cancel)).ShouldStartWith("HTTP/1.1 200");
        while ((await made.ReadLineAsync(cancel)).Length > 0)
        {
            // the rest of the head
        }
        return made;
    }

    /// <summary>Everything that the server does, from its greeting to its goodbye.</summary>
    public async Task TalkAsync(string name, CancellationToken cancel)
    {
        (await ReadLineAsync(cancel)).ShouldBe($"220 {name}");
        (await EchoAsync("hello", cancel)).ShouldBe("hello");
        (await EndAsync(cancel)).ShouldBe($"bye {name}");
    }

    public async Task<string> ReadLineAsync(CancellationToken cancel) => await _reader.ReadLineAsync(cancel).AsTask().WaitAsync(TimeSpan.FromSeconds(20), cancel) ?? throw new EndOfStreamException();

    public async Task<string> EchoAsync(string line, CancellationToken cancel)
    {
        await WriteAsync(line + "\n", cancel);
        return await ReadLineAsync(cancel);
    }

    /// <summary>Ends this direction, and reads what the other still has.</summary>
    public async Task<string> EndAsync(CancellationToken cancel)
    {
        _client.Client.Shutdown(SocketShutdown.Send);
        return await ReadAllAsync(cancel);
    }

    public async Task<string> ReadAllAsync(CancellationToken cancel)
    {
        try
        {
            return await _reader.ReadToEndAsync(cancel).WaitAsync(TimeSpan.FromSeconds(20), cancel);
        }
        catch (IOException)
        {
            return ""; // reset
        }
    }

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return ValueTask.CompletedTask;
    }

    public Task WriteAsync(string text, CancellationToken cancel) => _client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(text), cancel).AsTask();
}
