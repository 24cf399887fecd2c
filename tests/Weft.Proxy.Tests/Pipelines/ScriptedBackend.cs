using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Weft.Proxy.Tests.Pipelines;

/// <summary>
/// An upstream that a test scripts byte by byte: it accepts, hands each connection to the script, and records every head and body that it received.
/// </summary>
internal sealed class ScriptedBackend : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<Connection, Task> _script;

    /// <param name="address">Null: 127.0.0.1.</param>
    public ScriptedBackend(Func<Connection, Task> script, IPAddress? address = null)
    {
        _script = script;
        _listener.Bind(new IPEndPoint(address ?? IPAddress.Loopback, 0));
        _listener.Listen(512);
        Address = (IPEndPoint)_listener.LocalEndPoint!;
        _ = AcceptAsync();
    }

    /// <summary>Answers each request on a connection with the same bytes.</summary>
    public static ScriptedBackend Answering(string response, IPAddress? address = null) => new(async c =>
    {
        while (await c.ReadRequestAsync() is not null) await c.SendAsync(response);
    }, address);

    public IPEndPoint Address { get; }

    public List<string> Requests { get; } = [];

    public int Connections { get; private set; }

    /// <summary>Accepts no more: connecting is refused from now on.</summary>
    public void StopListening() => _listener.Dispose();

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptAsync(_stop.Token);
                socket.NoDelay = true;
                Connections++;
                _ = RunAsync(new Connection(this, socket, _stop.Token));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // stopped
        }
    }

    private async Task RunAsync(Connection connection)
    {
        try
        {
            await _script(connection);
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or IOException or ObjectDisposedException)
        {
            // the peer or the test ended it
        }
        finally
        {
            connection.Dispose();
        }
    }

    internal sealed class Connection(ScriptedBackend backend, Socket socket, CancellationToken stop) : IDisposable
    {
        private readonly NetworkStream _stream = new(socket, ownsSocket: true);
        private readonly List<byte> _buffer = [];

        public Socket Socket => socket;

        /// <summary>The next head, up to and with the blank line; null at the end of the stream.</summary>
        public async Task<string?> ReadHeadAsync()
        {
            while (true)
            {
                var text = Encoding.Latin1.GetString([.. _buffer]);
                var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
                if (end >= 0)
                {
                    _buffer.RemoveRange(0, end + 4);
                    lock (backend.Requests) backend.Requests.Add(text[..(end + 4)]);
                    return text[..(end + 4)];
                }
                if (!await MoreAsync()) return null;
            }
        }

        /// <summary>The next head with its whole body (Content-Length or chunked), which is appended to the recorded request.</summary>
        public async Task<string?> ReadRequestAsync()
        {
            var head = await ReadHeadAsync();
            if (head is null) return null;
            var body = "";
            if (Field(head, "content-length") is { } length) body = await ReadBytesAsync(int.Parse(length));
            else if (Field(head, "transfer-encoding") is not null) body = await ReadChunksAsync();
            lock (backend.Requests) backend.Requests[^1] = head + body;
            return head + body;
        }

        private int _owed;

        public async Task<string?> ReadRequestLazyAsync()
        {
            if (_owed > 0) await ReadBytesAsync(_owed);
            var head = await ReadHeadAsync();
            _owed = head is not null && Field(head, "content-length") is { } length ? int.Parse(length) : 0;
            return head;
        }

        public async Task<string> ReadBytesAsync(int count)
        {
            while (_buffer.Count < count)
            {
                if (!await MoreAsync()) throw new IOException("the stream ended inside the body");
            }
            var text = Encoding.Latin1.GetString([.. _buffer[..count]]);
            _buffer.RemoveRange(0, count);
            return text;
        }

        /// <summary>Everything until the peer ends its direction.</summary>
        public async Task<string> ReadToEndAsync()
        {
            while (await MoreAsync()) { }
            return await ReadBytesAsync(_buffer.Count);
        }

        public async Task SendAsync(string text) => await _stream.WriteAsync(Encoding.Latin1.GetBytes(text), stop);

        public async Task SendAsync(ReadOnlyMemory<byte> bytes) => await _stream.WriteAsync(bytes, stop);

        public void Reset()
        {
            socket.LingerState = new LingerOption(true, 0);
            socket.Close();
        }

        public void Dispose() => _stream.Dispose();

        private async Task<string> ReadChunksAsync()
        {
            var body = new StringBuilder();
            while (true)
            {
                var line = await ReadLineAsync();
                var size = Convert.ToInt32(line.Split(';')[0], 16);
                if (size == 0)
                {
                    while (await ReadLineAsync() is { Length: > 0 } trailer) body.Append("|trailer ").Append(trailer);
                    return body.ToString();
                }
                body.Append(await ReadBytesAsync(size));
                await ReadLineAsync();
            }
        }

        private async Task<string> ReadLineAsync()
        {
            while (true)
            {
                var index = _buffer.IndexOf((byte)'\n');
                if (index >= 0) return (await ReadBytesAsync(index + 1)).TrimEnd('\r', '\n');
                if (!await MoreAsync()) throw new IOException("the stream ended inside a line");
            }
        }

        private async Task<bool> MoreAsync()
        {
            var block = new byte[65536];
            var read = await _stream.ReadAsync(block, stop);
            _buffer.AddRange(block.AsSpan(0, read));
            return read > 0;
        }

        private static string? Field(string head, string name) => head.Split("\r\n").Skip(1)
            .Where(l => l.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase)).Select(l => l[(name.Length + 1)..].Trim()).FirstOrDefault();
    }
}
