using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Weft.Proxy.Tests.Pipelines;

/// <summary>A client that sends exactly what it is told and reads exactly what comes.</summary>
internal sealed class RawClient : IDisposable
{
    private readonly byte[] _block = new byte[65536];
    private string _buffer = "";

    private RawClient(Socket socket) => Socket = socket;

    public Socket Socket { get; }

    /// <param name="from">Its own address; null leaves it to the system.</param>
    public static async Task<RawClient> ConnectAsync(IPEndPoint address, int receiveBuffer = 0, IPAddress? from = null)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (from is not null) socket.Bind(new IPEndPoint(from, 0));
        if (receiveBuffer > 0) socket.ReceiveBufferSize = receiveBuffer;
        await socket.ConnectAsync(address);
        return new RawClient(socket);
    }

    public Task SendAsync(string text) => SendAsync(Encoding.Latin1.GetBytes(text));

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty) bytes = bytes[(await Socket.SendAsync(bytes))..];
    }

    /// <summary>One response: status line and fields, then the body as Content-Length, chunked framing or the end of the stream tells (HEAD: none).</summary>
    public async Task<Response> ReadResponseAsync(bool head = false)
    {
        var top = await ReadUntilAsync("\r\n\r\n");
        var lines = top[..^4].Split("\r\n");
        var fields = lines.Skip(1).Select(l => l.Split(':', 2)).Select(p => (Name: p[0], Value: p[1].Trim())).ToList();
        var status = int.Parse(lines[0].Split(' ')[1]);
        string? Field(string name) => fields.FirstOrDefault(f => f.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;
        var body = "";
        if (head || status is < 200 or 204 or 304) { }
        else if (Field("transfer-encoding") is not null) body = await ReadChunksAsync();
        else if (Field("content-length") is { } length) body = await ReadAsync(int.Parse(length));
        else body = await ReadToEndAsync();
        return new Response(status, lines[0], fields, body);
    }

    public async Task<string> ReadToEndAsync()
    {
        while (await MoreAsync()) { }
        return Take(_buffer.Length);
    }

    /// <summary>True when the peer ends the stream; throws on a reset.</summary>
    public async Task<bool> IsEndedAsync() => _buffer.Length == 0 && !await MoreAsync();

    public async Task<string> ReadAsync(int count)
    {
        while (_buffer.Length < count)
        {
            if (!await MoreAsync()) throw new EndOfStreamException($"the stream ended after {_buffer.Length} of {count} bytes");
        }
        return Take(count);
    }

    public void Dispose() => Socket.Dispose();

    private async Task<string> ReadChunksAsync()
    {
        var body = new StringBuilder();
        while (true)
        {
            var line = await ReadUntilAsync("\r\n");
            var size = Convert.ToInt32(line.Trim(), 16);
            if (size == 0)
            {
                while (await ReadUntilAsync("\r\n") is { Length: > 2 } trailer) body.Append("|trailer ").Append(trailer.TrimEnd());
                return body.ToString();
            }
            body.Append(await ReadAsync(size));
            await ReadAsync(2);
        }
    }

    private async Task<string> ReadUntilAsync(string end)
    {
        int index;
        while ((index = _buffer.IndexOf(end, StringComparison.Ordinal)) < 0)
        {
            if (!await MoreAsync()) throw new EndOfStreamException($"the stream ended after: {_buffer}");
        }
        return Take(index + end.Length);
    }

    private string Take(int count)
    {
        var taken = _buffer[..count];
        _buffer = _buffer[count..];
        return taken;
    }

    private async Task<bool> MoreAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(15));
        var read = await Socket.ReceiveAsync(_block, limit.Token);
        _buffer += Encoding.Latin1.GetString(_block, 0, read);
        return read > 0;
    }
}

internal sealed record Response(int Status, string StatusLine, List<(string Name, string Value)> Fields, string Body)
{
    public string? this[string name] => Fields.FirstOrDefault(f => f.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;
}
