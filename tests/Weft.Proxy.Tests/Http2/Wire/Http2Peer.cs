using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Weft.Fuzz.Http2;

namespace Weft.Proxy.Tests.Http2.Wire;

/// <summary>
/// One end of an HTTP/2 connection with frames written by hand over a real socket. It keeps what the other side says and notes in <see cref="Violations"/> whatever that
/// side may not do by RFC 9113; it answers SETTINGS and PING unless told not to, and does nothing else on its own.
/// </summary>
internal sealed class Http2Peer : IDisposable
{
    private readonly Socket _socket;
    private readonly bool _isClient;
    private readonly byte[] _block = new byte[65536];
    private readonly RawHpackDecoder _hpack = new();
    private readonly PeerRules _rules;
    private readonly Queue<RawFrame> _unacknowledged = [];
    private byte[] _input = [];
    private ulong _pings = 1UL << 40;

    private Http2Peer(Socket socket, bool isClient)
    {
        _socket = socket;
        _isClient = isClient;
        _rules = new PeerRules(peerIsServer: isClient, Violations);
    }

    /// <summary>For what must come; only a failure waits so long. Default 8 s.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(8);

    /// <summary>Answers SETTINGS with an acknowledgement and PING with its echo. Default true.</summary>
    public bool AutoReply { get; set; } = true;

    /// <summary>Gives DATA's credit back at once, to the stream and to the connection. Default false.</summary>
    public bool AutoCredit { get; set; }

    public Socket Socket => _socket;

    /// <summary>Everything that came, in order.</summary>
    public List<RawFrame> Frames { get; } = [];

    public Dictionary<int, PeerStream> Streams { get; } = [];

    /// <summary>The other side's settings, the last value of each.</summary>
    public Dictionary<ushort, uint> PeerSettings { get; } = [];

    public int SettingsAcks { get; private set; }

    public List<ulong> PingAcks { get; } = [];

    /// <summary>The last GOAWAY.</summary>
    public (int LastStream, RawCode Code, string Debug)? GoAway { get; private set; }

    /// <summary>The other side has ended or reset the connection.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>What the other side did and may not do.</summary>
    public List<string> Violations { get; } = [];

    /// <summary>What the other side lets us send on the connection.</summary>
    public long SendWindow { get; private set; } = 65535;

    /// <summary>The largest payload that the other side takes.</summary>
    public int MaxFrame => (int)PeerSettings.GetValueOrDefault((ushort)5, 16384u);

    public PeerStream Stream(int id)
    {
        if (!Streams.TryGetValue(id, out var stream)) Streams[id] = stream = new PeerStream(PeerSettings.GetValueOrDefault((ushort)4, 65535u));
        return stream;
    }

    /// <summary>A connection as a client before its first byte.</summary>
    public static async Task<Http2Peer> DialAsync(IPEndPoint address, int receiveBuffer = 0)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (receiveBuffer > 0) socket.ReceiveBufferSize = receiveBuffer;
        await socket.ConnectAsync(address);
        return new Http2Peer(socket, isClient: true);
    }

    /// <summary>A connection as a client with preface and SETTINGS sent, and the server's SETTINGS read and acknowledged.</summary>
    public static async Task<Http2Peer> ConnectAsync(IPEndPoint address, (ushort Id, uint Value)[]? settings = null, int receiveBuffer = 0)
    {
        var peer = await DialAsync(address, receiveBuffer);
        await peer.SendAsync(RawFrame.Preface.ToArray());
        await peer.SendAsync(RawFrame.Settings(settings ?? []));
        await peer.UntilAsync(p => p.SettingsAcks > 0 && p.Frames.Exists(f => f.Type == RawType.Settings && !f.Has(RawFrame.Ack)));
        return peer;
    }

    /// <summary>The server's end of an accepted connection: reads the client's preface and SETTINGS after sending its own.</summary>
    public static async Task<Http2Peer> AcceptAsync(Socket socket, (ushort Id, uint Value)[]? settings = null)
    {
        socket.NoDelay = true;
        var peer = new Http2Peer(socket, isClient: false);
        await peer.SendAsync(RawFrame.Settings(settings ?? []));
        while (peer._input.Length < RawFrame.Preface.Length && await peer.MoreAsync(peer.Patience)) { }
        if (!peer._input.AsSpan().StartsWith(RawFrame.Preface)) throw new InvalidDataException("no connection preface");
        peer._input = peer._input[RawFrame.Preface.Length..];
        return peer;
    }

    /// <summary>Sends the frames in one write. What valid SETTINGS and WINDOW_UPDATE frames allow the other side is remembered.</summary>
    public Task SendAsync(params RawFrame[] frames)
    {
        foreach (var frame in frames)
        {
            if (frame.Type == RawType.Settings && !frame.Has(RawFrame.Ack)) _unacknowledged.Enqueue(frame);
            if (frame.Type == RawType.WindowUpdate && frame.Payload.Length == 4) _rules.Credited(frame.Stream, frame.WordAt(0));
        }
        return SendAsync([.. frames.SelectMany(f => f.ToBytes())]);
    }

    /// <summary>Sends the bytes; that the other side has gone meanwhile is for the reader to see.</summary>
    public async Task SendAsync(byte[] bytes)
    {
        try
        {
            for (ReadOnlyMemory<byte> rest = bytes; !rest.IsEmpty;) rest = rest[(await _socket.SendAsync(rest))..];
        }
        catch (SocketException)
        {
            // reset by the other side
        }
    }

    /// <summary>Sends SETTINGS and waits for its acknowledgement.</summary>
    public async Task ChangeSettingsAsync(params (ushort Id, uint Value)[] settings)
    {
        var before = SettingsAcks;
        await SendAsync(RawFrame.Settings(settings));
        await UntilAsync(p => p.SettingsAcks > before);
    }

    /// <summary>DATA as far as the windows let it, waiting for more where they end.</summary>
    public async Task SendBodyAsync(int stream, byte[] body, bool end = true)
    {
        var at = 0;
        while (at < body.Length)
        {
            await UntilAsync(p => p.SendWindow > 0 && p.Stream(stream).SendWindow > 0 || p.IsOver(stream));
            if (IsOver(stream)) return;
            var size = (int)Math.Min(Math.Min(SendWindow, Stream(stream).SendWindow), Math.Min(16384, body.Length - at));
            await SendAsync(RawFrame.Data(stream, body[at..(at + size)], end && at + size == body.Length));
            Spend(stream, size);
            at += size;
        }
    }

    /// <summary>Accounts for DATA that was sent by hand.</summary>
    public void Spend(int stream, int octets)
    {
        SendWindow -= octets;
        Stream(stream).SendWindow -= octets;
    }

    /// <summary>A PING's echo: everything sent before has been read by the other side. False when the connection ended instead.</summary>
    public async Task<bool> BarrierAsync()
    {
        var ping = _pings++;
        await SendAsync(RawFrame.Ping(ping));
        await UntilAsync(p => p.PingAcks.Contains(ping));
        return PingAcks.Contains(ping);
    }

    /// <summary>Reads until <paramref name="condition"/> holds or the connection has ended. False, or a <see cref="TimeoutException"/>, when it does not come to hold.</summary>
    public async Task<bool> UntilAsync(Func<Http2Peer, bool> condition, TimeSpan? limit = null)
    {
        var clock = Stopwatch.StartNew();
        var patience = limit ?? Patience;
        while (!condition(this))
        {
            if (RawFrame.Read(_input) is { } frame)
            {
                _input = _input[(9 + frame.Payload.Length)..];
                await TakeAsync(frame);
                continue;
            }
            if (IsClosed) return false;
            if (clock.Elapsed >= patience) throw new TimeoutException($"nothing came within {patience.TotalSeconds} s; so far {string.Join(", ", Frames.TakeLast(12))}");
            await MoreAsync(patience - clock.Elapsed);
        }
        return true;
    }

    public void Dispose() => _socket.Dispose();

    private bool IsOver(int stream) => IsClosed || GoAway is { Code: not RawCode.NoError } || Stream(stream).Reset is not null;

    private async Task<bool> MoreAsync(TimeSpan limit)
    {
        using var over = new CancellationTokenSource(limit > TimeSpan.Zero ? limit : TimeSpan.FromMilliseconds(1));
        try
        {
            var read = await _socket.ReceiveAsync(_block, over.Token);
            if (read == 0) IsClosed = true;
            _input = [.. _input, .. _block.AsSpan(0, read)];
        }
        catch (SocketException)
        {
            IsClosed = true;
        }
        catch (OperationCanceledException)
        {
            // the caller says what did not come
        }
        return !IsClosed;
    }

    private async Task TakeAsync(RawFrame frame)
    {
        Frames.Add(frame);
        _rules.Check(frame);
        switch (frame.Type)
        {
            case RawType.Settings when frame.Has(RawFrame.Ack):
                SettingsAcks++;
                if (_unacknowledged.TryDequeue(out var acknowledged)) EachSetting(acknowledged, Announce);
                break;
            case RawType.Settings:
                EachSetting(frame, TakeSetting);
                if (AutoReply) await SendAsync(RawFrame.SettingsAck);
                break;
            case RawType.Ping when frame.Has(RawFrame.Ack):
                PingAcks.Add((ulong)frame.WordAt(0) << 32 | frame.WordAt(4));
                break;
            case RawType.Ping:
                if (AutoReply) await SendAsync(frame with { Flags = RawFrame.Ack });
                break;
            case RawType.GoAway when frame.Payload.Length >= 8:
                GoAway = ((int)frame.WordAt(0), (RawCode)frame.WordAt(4), System.Text.Encoding.Latin1.GetString(frame.Payload.AsSpan(8)));
                break;
            case RawType.WindowUpdate when frame.Stream == 0:
                SendWindow += frame.WordAt(0);
                break;
            case RawType.WindowUpdate:
                Stream(frame.Stream).SendWindow += frame.WordAt(0);
                break;
            case RawType.RstStream:
                Stream(frame.Stream).Reset = (RawCode)frame.WordAt(0);
                break;
            case RawType.Data:
                await TakeDataAsync(frame);
                break;
            case RawType.Headers or RawType.Continuation:
                TakeHead(frame);
                break;
        }
    }

    private static void EachSetting(RawFrame frame, Action<ushort, uint> action)
    {
        for (var at = 0; at + 6 <= frame.Payload.Length; at += 6) action((ushort)(frame.Payload[at] << 8 | frame.Payload[at + 1]), frame.WordAt(at + 2));
    }

    /// <summary>A setting of ours is in force from here on.</summary>
    private void Announce(ushort id, uint value)
    {
        if (id == 1) _hpack.SetLimit((int)Math.Min(value, int.MaxValue));
        _rules.Announced(id, value);
    }

    private void TakeSetting(ushort id, uint value)
    {
        if (id == 4)
        {
            var delta = (long)value - PeerSettings.GetValueOrDefault((ushort)4, 65535u);
            foreach (var stream in Streams.Values) stream.SendWindow += delta;
        }
        PeerSettings[id] = value;
    }

    private async Task TakeDataAsync(RawFrame frame)
    {
        var stream = Stream(frame.Stream);
        var content = frame.Has(RawFrame.Padded) ? frame.Payload.AsSpan(1, frame.Payload.Length - 1 - frame.Payload[0]) : frame.Payload;
        stream.Body.AddRange(content);
        stream.Ended |= frame.Has(RawFrame.EndStream);
        if (!AutoCredit || frame.Payload.Length == 0) return;
        await SendAsync(RawFrame.WindowUpdate(0, (uint)frame.Payload.Length));
        if (!stream.Ended) await SendAsync(RawFrame.WindowUpdate(frame.Stream, (uint)frame.Payload.Length));
    }

    private void TakeHead(RawFrame frame)
    {
        var stream = Stream(frame.Stream);
        var payload = frame.Payload.AsSpan();
        if (frame.Type == RawType.Headers)
        {
            if (frame.Has(RawFrame.Padded)) payload = payload[1..^payload[0]];
            if (frame.Has(RawFrame.WithPriority)) payload = payload[5..];
            stream.EndsWithHead = frame.Has(RawFrame.EndStream);
        }
        stream.Block.AddRange(payload);
        if (!frame.Has(RawFrame.EndHeaders)) return;
        try
        {
            var fields = _hpack.Decode([.. stream.Block]);
            stream.Heads.Add(fields);
            _rules.CheckFields(frame.Stream, fields, stream, _isClient);
        }
        catch (FormatException e)
        {
            Violations.Add($"a field block that cannot be decoded: {e.Message}");
        }
        stream.Block.Clear();
        stream.Ended |= stream.EndsWithHead;
    }
}
