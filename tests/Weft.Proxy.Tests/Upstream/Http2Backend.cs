using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Weft.Proxy.Http2.Hpack;
using Weft.Proxy.Tests.Http2.Hpack;

namespace Weft.Proxy.Tests.Upstream;

/// <summary>A frame of an HTTP/2 connection as it stands on the wire.</summary>
internal sealed record Frame(byte Type, byte Flags, int Stream, byte[] Payload)
{
    public const byte Data = 0, Headers = 1, Priority = 2, Reset = 3, Settings = 4, Push = 5, Ping = 6, GoAway = 7, WindowUpdate = 8, Continuation = 9;
    public const byte EndStream = 1, Ack = 1, EndHeaders = 4;

    public bool Ends => Type is Data or Headers && (Flags & EndStream) != 0;

    public int Number => (int)BinaryPrimitives.ReadUInt32BigEndian(Payload);

    public byte[] Bytes() =>
    [
        (byte)(Payload.Length >> 16), (byte)(Payload.Length >> 8), (byte)Payload.Length, Type, Flags,
        (byte)(Stream >> 24), (byte)(Stream >> 16), (byte)(Stream >> 8), (byte)Stream, .. Payload,
    ];
}

/// <summary>A request's head as the backend received it.</summary>
internal sealed record BackendRequest(int Stream, List<string> Fields, bool Ended)
{
    public string? this[string name] => Fields.FirstOrDefault(f => f.StartsWith(name + ": ", StringComparison.Ordinal))?[(name.Length + 2)..];
}

/// <summary>An HTTP/2 server with prior knowledge whose every frame a test scripts. It reads the preface, acknowledges SETTINGS and answers PING; nothing else.</summary>
internal sealed class Http2Backend : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<Connection, Task> _script;

    public Http2Backend(Func<Connection, Task> script)
    {
        _script = script;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(512);
        Address = (IPEndPoint)_listener.LocalEndPoint!;
        _ = AcceptAsync();
    }

    /// <summary>Serves each request with <paramref name="serve"/>, one after the other on each connection.</summary>
    public static Http2Backend Serving(Func<Connection, BackendRequest, Task> serve, params (int Id, uint Value)[] settings) => new(async c =>
    {
        await c.StartAsync(settings);
        while (await c.NextRequestAsync() is { } request) await serve(c, request);
    });

    public static Http2Backend Answering(string body = "hello", params (int Id, uint Value)[] settings) => Serving(async (c, request) =>
    {
        if (!request.Ended) await c.ReadBodyAsync(request.Stream);
        await c.AnswerAsync(request.Stream, body);
    }, settings);

    public IPEndPoint Address { get; }

    public List<BackendRequest> Requests { get; } = [];

    public List<Connection> Connections { get; } = [];

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
                var connection = new Connection(this, socket, _stop.Token);
                lock (Connections) Connections.Add(connection);
                _ = RunAsync(connection);
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

    internal sealed class Connection(Http2Backend backend, Socket socket, CancellationToken stop) : IDisposable
    {
        private readonly NetworkStream _stream = new(socket, ownsSocket: true);
        private readonly HpackDecoder _decoder = new(new HpackLimits());
        private readonly List<byte> _block = [];

        /// <summary>Every frame that was read.</summary>
        public List<Frame> Frames { get; } = [];

        public bool IsEnded { get; private set; }

        /// <summary>Body bytes that <see cref="StreamAsync"/> has sent.</summary>
        public long Sent { get; private set; }

        public Socket Socket => socket;

        public async Task StartAsync(params (int Id, uint Value)[] settings)
        {
            var preface = new byte[24];
            await _stream.ReadExactlyAsync(preface, stop);
            if (Encoding.ASCII.GetString(preface) != "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") throw new IOException("no preface");
            await SettingsAsync(settings);
        }

        /// <summary>The next frame after SETTINGS and PING were answered; null at the end of the stream.</summary>
        public async Task<Frame?> ReadAsync()
        {
            var header = new byte[9];
            var read = await _stream.ReadAtLeastAsync(header, 9, throwOnEndOfStream: false, stop);
            if (read < 9)
            {
                IsEnded = true;
                return null;
            }
            var payload = new byte[(header[0] << 16) | (header[1] << 8) | header[2]];
            await _stream.ReadExactlyAsync(payload, stop);
            var frame = new Frame(header[3], header[4], (int)(BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(5)) & int.MaxValue), payload);
            lock (Frames) Frames.Add(frame);
            if (frame is { Type: Frame.Settings, Flags: 0 }) await SendAsync(new Frame(Frame.Settings, Frame.Ack, 0, []));
            if (frame is { Type: Frame.Ping, Flags: 0 }) await SendAsync(frame with { Flags = Frame.Ack });
            return frame;
        }

        public async Task<Frame?> ReadUntilAsync(Func<Frame, bool> wanted)
        {
            while (true)
            {
                var frame = await ReadAsync();
                if (frame is null || wanted(frame)) return frame;
            }
        }

        /// <summary>The next head; null at the end of the stream.</summary>
        public async Task<BackendRequest?> NextRequestAsync()
        {
            var head = await ReadUntilAsync(f => f.Type == Frame.Headers);
            if (head is null) return null;
            _block.Clear();
            _block.AddRange(head.Payload);
            for (var frame = head; (frame.Flags & Frame.EndHeaders) == 0;)
            {
                frame = await ReadAsync() ?? throw new IOException("ended inside a head");
                _block.AddRange(frame.Payload);
            }
            var request = new BackendRequest(head.Stream, _decoder.Read([.. _block]), head.Ends);
            lock (backend.Requests) backend.Requests.Add(request);
            return request;
        }

        /// <summary>Everything up to END_STREAM; credit is given back at once. Trailers follow as <c>|name: value</c>.</summary>
        public async Task<string> ReadBodyAsync(int stream)
        {
            var body = new StringBuilder();
            while (true)
            {
                var frame = await ReadUntilAsync(f => f.Stream == stream && f.Type is Frame.Data or Frame.Headers or Frame.Reset) ?? throw new IOException("ended inside a body");
                if (frame.Type == Frame.Reset) throw new IOException("reset inside a body");
                if (frame.Type == Frame.Headers)
                {
                    foreach (var trailer in _decoder.Read(frame.Payload)) body.Append('|').Append(trailer);
                    return body.ToString();
                }
                body.Append(Encoding.Latin1.GetString(frame.Payload));
                if (frame.Payload.Length > 0) await CreditAsync(stream, frame.Payload.Length);
                if (frame.Ends) return body.ToString();
            }
        }

        /// <summary>A body of <paramref name="bytes"/> zeros as fast as the client's windows allow.</summary>
        public async Task StreamAsync(int stream, long bytes)
        {
            var windows = new Dictionary<int, long> { [0] = 65_535, [stream] = 65_535 };
            lock (Frames) Frames.ForEach(Note);
            while (bytes > 0)
            {
                var size = (int)Math.Min(Math.Min(bytes, 16_384), Math.Min(windows[0], windows[stream]));
                if (size <= 0)
                {
                    Note(await ReadAsync() ?? throw new IOException("ended inside a body"));
                    continue;
                }
                windows[0] -= size;
                windows[stream] -= size;
                bytes -= size;
                await SendAsync(new Frame(Frame.Data, bytes == 0 ? Frame.EndStream : (byte)0, stream, new byte[size]));
                Sent += size;
            }

            void Note(Frame frame)
            {
                if (frame.Type == Frame.WindowUpdate && windows.TryGetValue(frame.Stream, out var window)) windows[frame.Stream] = window + frame.Number;
                if (frame is not { Type: Frame.Settings, Flags: 0 }) return;
                for (var at = 0; at < frame.Payload.Length; at += 6)
                {
                    if (frame.Payload[at + 1] == 4) windows[stream] += BinaryPrimitives.ReadUInt32BigEndian(frame.Payload.AsSpan(at + 2)) - 65_535;
                }
            }
        }

        public Task SettingsAsync(params (int Id, uint Value)[] settings) =>
            SendAsync(new Frame(Frame.Settings, 0, 0, [.. settings.SelectMany(s => new[] { (byte)(s.Id >> 8), (byte)s.Id }.Concat(Word(s.Value)))]));

        public async Task CreditAsync(int stream, int bytes)
        {
            await SendAsync(new Frame(Frame.WindowUpdate, 0, stream, Word((uint)bytes)));
            await SendAsync(new Frame(Frame.WindowUpdate, 0, 0, Word((uint)bytes)));
        }

        public async Task AnswerAsync(int stream, string body, int status = 200)
        {
            await HeadAsync(stream, false, (":status", status.ToString()), ("content-length", body.Length.ToString()));
            await DataAsync(stream, body, end: true);
        }

        public Task HeadAsync(int stream, bool end, params (string Name, string Value)[] fields) =>
            SendAsync(new Frame(Frame.Headers, (byte)(Frame.EndHeaders | (end ? Frame.EndStream : 0)), stream, Block(fields)));

        public Task DataAsync(int stream, string data, bool end) => SendAsync(new Frame(Frame.Data, end ? Frame.EndStream : (byte)0, stream, Encoding.Latin1.GetBytes(data)));

        public Task ResetAsync(int stream, uint code) => SendAsync(new Frame(Frame.Reset, 0, stream, Word(code)));

        public Task GoAwayAsync(int last, uint code = 0) => SendAsync(new Frame(Frame.GoAway, 0, 0, [.. Word((uint)last), .. Word(code)]));

        public Task SendAsync(Frame frame) => SendAsync(frame.Bytes());

        public async Task SendAsync(byte[] bytes) => await _stream.WriteAsync(bytes, stop);

        public void ResetConnection()
        {
            socket.LingerState = new LingerOption(true, 0);
            socket.Close();
        }

        public void Dispose() => _stream.Dispose();

        /// <summary>Literals that enter no table (RFC 7541 section 6.2.2), so that blocks are the same whatever was sent before.</summary>
        public static byte[] Block(params (string Name, string Value)[] fields)
        {
            var block = new List<byte>();
            foreach (var (name, value) in fields)
            {
                block.Add(0);
                Text(name);
                Text(value);
            }
            return [.. block];

            void Text(string text)
            {
                var length = text.Length;
                if (length < 127) block.Add((byte)length);
                else
                {
                    block.Add(127);
                    for (length -= 127; length >= 128; length >>= 7) block.Add((byte)(length | 128));
                    block.Add((byte)length);
                }
                block.AddRange(Encoding.Latin1.GetBytes(text));
            }
        }

        private static byte[] Word(uint value) => [(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value];
    }
}
