using System.Buffers.Binary;
using Weft.Proxy.Workers;

namespace Weft.Bench.Clients;

/// <summary>GET / over HTTP/2 (RFC 9113), one stream at a time, with no dynamic table: as little as can be said. Written for itself, so that it shares no mistake with the engine's codec.</summary>
internal sealed class Http2Client(Worker worker, Target target, Herd herd) : ClientConnection(worker, target, herd)
{
    private const byte Data = 0, Headers = 1, ResetStream = 3, Settings = 4, Ping = 6, GoAway = 7;
    private const byte EndStream = 1, Ack = 1;
    private const int FrameHead = 9;

    // Preface; SETTINGS with ENABLE_PUSH 0; WINDOW_UPDATE of the connection by 2^30.
    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x06\x04\0\0\0\0\0\0\x02\0\0\0\0\0\0\x04\x08\0\0\0\0\0\x40\0\0\0"u8;

    // HEADERS with END_STREAM and END_HEADERS: GET (2), / (4), https (7), :authority literal without indexing (name 1).
    private readonly byte[] _request = [0, 0, 16, Headers, 5, 0, 0, 0, 0, 0x82, 0x84, 0x87, 0x01, 11, .. "bench.local"u8];
    private int _stream = -1;
    private bool _failed;

    protected override void Greet() => Write(Preface);

    protected override ReadOnlySpan<byte> Request()
    {
        _stream += 2;
        _failed = false;
        BinaryPrimitives.WriteInt32BigEndian(_request.AsSpan(5), _stream);
        return _request;
    }

    protected override int Parse(ReadOnlySpan<byte> bytes, out bool answered)
    {
        answered = false;
        var used = 0;
        while (bytes.Length - used >= FrameHead)
        {
            var frame = bytes[used..];
            var length = (frame[0] << 16) | (frame[1] << 8) | frame[2];
            if (frame.Length < FrameHead + length) break;
            OnFrame(frame[3], frame[4], frame.Slice(FrameHead, length), ref answered);
            used += FrameHead + length;
        }
        return used;
    }

    private void OnFrame(byte type, byte flags, ReadOnlySpan<byte> payload, ref bool answered)
    {
        switch (type)
        {
            case Settings when (flags & Ack) == 0:
                Write([0, 0, 0, Settings, Ack, 0, 0, 0, 0]);
                break;
            case Ping when (flags & Ack) == 0:
                Write([0, 0, 8, Ping, Ack, 0, 0, 0, 0, .. payload]);
                break;
            case Headers when !_failed && payload.IndexOf((byte)0x88) < 0: // :status 200 is entry 8 of the static table
                _failed = true;
                Break("an answer that is not 200");
                break;
            case Headers or Data when (flags & EndStream) != 0:
                answered = true;
                break;
            case ResetStream:
                Break("the stream was reset");
                break;
            case GoAway:
                Break("GOAWAY");
                break;
        }
    }
}
