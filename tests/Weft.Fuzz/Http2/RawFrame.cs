using System.Buffers.Binary;

namespace Weft.Fuzz.Http2;

/// <summary>Frame types of RFC 9113 section 6.</summary>
public enum RawType : byte
{
    Data = 0,
    Headers = 1,
    Priority = 2,
    RstStream = 3,
    Settings = 4,
    PushPromise = 5,
    Ping = 6,
    GoAway = 7,
    WindowUpdate = 8,
    Continuation = 9,
}

/// <summary>Error codes of RFC 9113 section 7.</summary>
public enum RawCode : uint
{
    NoError = 0,
    ProtocolError = 1,
    InternalError = 2,
    FlowControlError = 3,
    SettingsTimeout = 4,
    StreamClosed = 5,
    FrameSizeError = 6,
    RefusedStream = 7,
    Cancel = 8,
    CompressionError = 9,
    ConnectError = 10,
    EnhanceYourCalm = 11,
    InadequateSecurity = 12,
    Http11Required = 13,
}

/// <summary>
/// One HTTP/2 frame as octets, right or wrong: nothing is checked. Written from the RFC for tests, with nothing of the product's codec in it, so that both
/// cannot share a misunderstanding.
/// </summary>
/// <param name="Type">Any octet.</param>
/// <param name="Flags">Any octet.</param>
/// <param name="Stream">31 bits; <see cref="Reserved"/> is the 32nd.</param>
public sealed record RawFrame(RawType Type, byte Flags, int Stream, byte[] Payload)
{
    public const byte EndStream = 1, Ack = 1, EndHeaders = 4, Padded = 8, WithPriority = 32;

    /// <summary>"PRI * HTTP/2.0" and the rest (RFC 9113 section 3.4).</summary>
    public static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <summary>The bit in front of the stream identifier, which senders leave 0 and receivers ignore.</summary>
    public bool Reserved { get; init; }

    public bool Has(byte flag) => (Flags & flag) != 0;

    public byte[] ToBytes()
    {
        var bytes = new byte[9 + Payload.Length];
        bytes[0] = (byte)(Payload.Length >> 16);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(1), (ushort)Payload.Length);
        bytes[3] = (byte)Type;
        bytes[4] = Flags;
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(5), (uint)Stream | (Reserved ? 0x8000_0000 : 0));
        Payload.CopyTo(bytes, 9);
        return bytes;
    }

    /// <summary>The first frame in <paramref name="bytes"/>; null when it is not whole.</summary>
    public static RawFrame? Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 9) return null;
        var length = (bytes[0] << 16) | (bytes[1] << 8) | bytes[2];
        if (bytes.Length < 9 + length) return null;
        var stream = BinaryPrimitives.ReadUInt32BigEndian(bytes[5..]);
        return new RawFrame((RawType)bytes[3], bytes[4], (int)(stream & 0x7fff_ffff), bytes.Slice(9, length).ToArray()) { Reserved = stream >> 31 == 1 };
    }

    public static RawFrame Data(int stream, byte[] content, bool end = false) => new(RawType.Data, end ? EndStream : (byte)0, stream, content);

    public static RawFrame Data(int stream, string content, bool end = false) => Data(stream, System.Text.Encoding.Latin1.GetBytes(content), end);

    /// <summary>HEADERS with the whole block, or with its first part when <paramref name="endHeaders"/> is false.</summary>
    public static RawFrame Headers(int stream, byte[] block, bool end = true, bool endHeaders = true) =>
        new(RawType.Headers, (byte)((end ? EndStream : 0) | (endHeaders ? EndHeaders : 0)), stream, block);

    public static RawFrame Continuation(int stream, byte[] block, bool endHeaders = true) => new(RawType.Continuation, endHeaders ? EndHeaders : (byte)0, stream, block);

    public static RawFrame Priority(int stream, uint dependsOn = 0, byte weight = 15) => new(RawType.Priority, 0, stream, [.. Word(dependsOn), weight]);

    public static RawFrame Reset(int stream, RawCode code = RawCode.Cancel) => new(RawType.RstStream, 0, stream, Word((uint)code));

    public static RawFrame Settings(params (ushort Id, uint Value)[] settings)
    {
        var payload = new List<byte>();
        foreach (var (id, value) in settings) payload.AddRange([(byte)(id >> 8), (byte)id, .. Word(value)]);
        return new RawFrame(RawType.Settings, 0, 0, [.. payload]);
    }

    public static RawFrame SettingsAck { get; } = new(RawType.Settings, Ack, 0, []);

    public static RawFrame Ping(ulong content, bool ack = false)
    {
        var payload = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(payload, content);
        return new RawFrame(RawType.Ping, ack ? Ack : (byte)0, 0, payload);
    }

    public static RawFrame GoAway(int lastStream, RawCode code) => new(RawType.GoAway, 0, 0, [.. Word((uint)lastStream), .. Word((uint)code)]);

    public static RawFrame WindowUpdate(int stream, uint increment) => new(RawType.WindowUpdate, 0, stream, Word(increment));

    /// <summary>The same frame with <paramref name="padding"/> octets of padding (DATA, HEADERS, PUSH_PROMISE).</summary>
    public RawFrame Pad(byte padding) => this with { Flags = (byte)(Flags | Padded), Payload = [padding, .. Payload, .. new byte[padding]] };

    /// <summary>The same HEADERS frame with the deprecated priority fields (before any padding is added).</summary>
    public RawFrame Prioritize(uint dependsOn, byte weight) => this with { Flags = (byte)(Flags | WithPriority), Payload = [.. Word(dependsOn), weight, .. Payload] };

    public static byte[] Word(uint value) => [(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value];

    public uint WordAt(int offset) => BinaryPrimitives.ReadUInt32BigEndian(Payload.AsSpan(offset));

    public override string ToString() => $"{Type} flags {Flags} stream {Stream} ({Payload.Length} bytes)";
}
