using System.Text;
using Weft.Proxy.Buffers;
using Weft.Proxy.Http2;
using Weft.Proxy.Http2.Hpack;
using Weft.Proxy.Pipelines;
using Weft.Routing.Requests;

namespace Weft.Proxy.Tests.Http2;

/// <summary>A client and a server session whose bytes go to each other, cut wherever a test wants, without a socket or a clock.</summary>
internal sealed class SessionPair : IDisposable
{
    private readonly BufferPool _pool = new();

    public SessionPair(Http2Settings? client = null, Http2Settings? server = null)
    {
        Client = new End(Http2Role.Client, client ?? new Http2Settings(), _pool);
        Server = new End(Http2Role.Server, server ?? new Http2Settings(), _pool);
        Client.Session.Start();
        Server.Session.Start();
    }

    public End Client { get; }

    public End Server { get; }

    /// <summary>Buffers that nobody has given back.</summary>
    public int Rented => _pool.Rented;

    /// <summary>Carries bytes until nobody has any left.</summary>
    /// <param name="cut">Bytes of the next piece, given what there is.</param>
    public void Run(Func<int, int>? cut = null)
    {
        while (Client.Deliver(Server, cut) | Server.Deliver(Client, cut)) { }
    }

    public void Dispose()
    {
        Client.Session.AbortAll("the test is over");
        Server.Session.AbortAll("the test is over");
    }

    internal sealed class End : IHttp2SessionEvents
    {
        private readonly BufferPool _pool;
        private readonly MemoryChannel _channel = new();
        private byte[] _pending = [];

        public End(Http2Role role, Http2Settings settings, BufferPool pool)
        {
            _pool = pool;
            Session = new Http2Session(role, settings, this, pool);
        }

        public Http2Session Session { get; }

        public List<Peer> Accepted { get; } = [];

        public List<Peer> Opened { get; } = [];

        public List<ulong> Pongs { get; } = [];

        /// <summary>What an accepted stream does; set before it comes.</summary>
        public Action<Peer>? OnAccepted { get; set; }

        public Peer Open(string path, bool endStream, params (string Name, string Value)[] fields)
        {
            var peer = new Peer();
            Opened.Add(peer);
            Session.Open(peer.Stream);
            var writer = peer.Stream.BeginHead();
            writer.Pseudo(":method"u8, endStream ? "GET"u8 : "POST"u8);
            writer.Pseudo(":scheme"u8, "http"u8);
            writer.Pseudo(":authority"u8, "a"u8);
            writer.Pseudo(":path"u8, Encoding.ASCII.GetBytes(path));
            foreach (var (name, value) in fields) writer.Field(Encoding.ASCII.GetBytes(name), Encoding.ASCII.GetBytes(value));
            peer.Stream.EndHead(ref writer, endStream);
            return peer;
        }

        /// <summary>Gives what was written to <paramref name="other"/>; false when there was nothing.</summary>
        public bool Deliver(End other, Func<int, int>? cut)
        {
            Session.Output.Flush(_channel);
            Session.OnOutputDrained();
            Session.Output.Flush(_channel);
            var bytes = _channel.Take();
            if (bytes.Length == 0) return false;
            for (var at = 0; at < bytes.Length;)
            {
                var size = cut is null ? bytes.Length : Math.Clamp(cut(bytes.Length - at), 1, bytes.Length - at);
                other.Receive(bytes.AsSpan(at, Math.Min(size, bytes.Length - at)));
                at += size;
            }
            return true;
        }

        /// <summary>What was written so far.</summary>
        public byte[] Written()
        {
            Session.Output.Flush(_channel);
            return _channel.Take();
        }

        public void Receive(ReadOnlySpan<byte> bytes)
        {
            byte[] all = [.. _pending, .. bytes];
            _pending = all[Session.Receive(all, nowMs: 1)..];
            if (!Session.IsFailed) Session.EndReceive();
        }

        public Http2Stream? Accept()
        {
            var peer = new Peer();
            Accepted.Add(peer);
            OnAccepted?.Invoke(peer);
            return peer.Stream;
        }

        public void OnGoAway(Http2ErrorCode code) { }

        public void OnPong(ulong opaque) => Pongs.Add(opaque);

        public void OnCapacity() { }

        public void OnOutput() { }

        public void OnOutputFull() => Session.Output.Flush(_channel);
    }

    /// <summary>One side of one stream, which notes all that it hears.</summary>
    internal sealed class Peer : IHttp2StreamEvents
    {
        public Peer() => Stream = new Http2Stream(this);

        public Http2Stream Stream { get; }

        public List<string> Heads { get; } = [];

        public MemoryStream Body { get; } = new();

        public string? Trailers { get; private set; }

        public bool Ended { get; private set; }

        public bool Closed { get; private set; }

        public StreamAbort? Aborted { get; private set; }

        /// <summary>Whether to go on after the next piece of body. Default: always.</summary>
        public Func<bool> Takes { get; set; } = () => true;

        public Action<Peer>? OnHeadRead { get; set; }

        public Action<Peer>? OnWritableNow { get; set; }

        public void OnHead(FieldBlock fields, bool endStream)
        {
            Heads.Add(Text(fields.Buffer, fields.Fields));
            Ended = endStream;
            OnHeadRead?.Invoke(this);
        }

        public void OnHeadTooLarge(bool endStream) => Heads.Add("too large");

        public bool OnData(ReadOnlySpan<byte> data)
        {
            Body.Write(data);
            return Takes();
        }

        public void OnEnd(in Trailers trailers)
        {
            Ended = true;
            Trailers = Text(trailers.Buffer, trailers.Fields);
        }

        public void OnReceived() { }

        public void OnWritable() => OnWritableNow?.Invoke(this);

        public void OnAborted(in StreamAbort abort) => Aborted = abort;

        public void OnClosed() => Closed = true;

        /// <summary>Sends a response head.</summary>
        public void Respond(string status, bool endStream)
        {
            var writer = Stream.BeginHead();
            writer.Pseudo(":status"u8, Encoding.ASCII.GetBytes(status));
            Stream.EndHead(ref writer, endStream);
        }

        private static string Text(ReadOnlySpan<byte> buffer, ReadOnlySpan<HeaderField> fields)
        {
            var text = new StringBuilder();
            foreach (var field in fields)
                text.Append(Encoding.Latin1.GetString(buffer.Slice(field.NameStart, field.NameLength))).Append('=').Append(Encoding.Latin1.GetString(buffer.Slice(field.ValueStart, field.ValueLength))).Append(';');
            return text.ToString();
        }
    }
}
