using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Weft.Proxy.Tests.Cases;

/// <summary>Records every byte of every connection, and answers what a script says to the requests that <see cref="StrictMessage"/> can read.</summary>
internal sealed class CaseBackend : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Func<StrictMessage, (byte[] Answer, bool Close)> _answer;
    private readonly Lock _lock = new(); // guards _connections and their content
    private readonly List<StringBuilder> _connections = [];

    public CaseBackend(Func<StrictMessage, (byte[] Answer, bool Close)> answer)
    {
        _answer = answer;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(512);
        Address = (IPEndPoint)_listener.LocalEndPoint!;
        _ = AcceptAsync();
    }

    public IPEndPoint Address { get; }

    /// <summary>Begins a case: what came before is forgotten, but a connection that lives on goes on.</summary>
    public void Clear()
    {
        lock (_lock) _connections.ForEach(c => c.Clear());
    }

    /// <summary>What came since <see cref="Clear"/>, by connection, without the silent ones.</summary>
    public List<string> Received()
    {
        lock (_lock) return [.. _connections.Select(c => c.ToString()).Where(t => t.Length > 0)];
    }

    public ValueTask DisposeAsync()
    {
        _listener.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // stopped
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        socket.NoDelay = true;
        var record = new StringBuilder();
        lock (_lock) _connections.Add(record);
        var pending = "";
        var block = new byte[65536];
        try
        {
            while (await socket.ReceiveAsync(block) is > 0 and var read)
            {
                var text = Encoding.Latin1.GetString(block, 0, read);
                lock (_lock) record.Append(text);
                var (messages, rest, _) = StrictMessage.Requests(pending + text);
                pending = rest;
                foreach (var message in messages)
                {
                    var (answer, close) = _answer(message);
                    await socket.SendAsync(answer);
                    if (close) return;
                }
            }
        }
        catch (SocketException)
        {
            // aborted by the proxy
        }
        finally
        {
            socket.Dispose();
        }
    }
}
