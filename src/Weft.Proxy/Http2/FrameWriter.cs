using System.Buffers.Binary;

namespace Weft.Proxy.Http2;

/// <summary>Appends the frames of fixed size to a connection's output.</summary>
internal static class FrameWriter
{
    /// <summary>What a client sends first (RFC 9113 section 3.4).</summary>
    public static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    public static void RstStream(OutputChain output, int streamId, Http2ErrorCode code) => FourBytes(output, FrameType.RstStream, streamId, (uint)code);

    /// <param name="increment">1 to 2^31-1.</param>
    public static void WindowUpdate(OutputChain output, int streamId, int increment) => FourBytes(output, FrameType.WindowUpdate, streamId, (uint)increment);

    public static void Ping(OutputChain output, ulong opaque, bool ack)
    {
        var to = Begin(output, 8, FrameType.Ping, ack ? FrameFlags.Ack : FrameFlags.None);
        BinaryPrimitives.WriteUInt64BigEndian(to, opaque);
        output.Commit(FrameHeader.Size + 8);
    }

    public static void GoAway(OutputChain output, int lastStreamId, Http2ErrorCode code)
    {
        var to = Begin(output, 8, FrameType.GoAway, FrameFlags.None);
        BinaryPrimitives.WriteInt32BigEndian(to, lastStreamId);
        BinaryPrimitives.WriteUInt32BigEndian(to[4..], (uint)code);
        output.Commit(FrameHeader.Size + 8);
    }

    public static void SettingsAck(OutputChain output)
    {
        Begin(output, 0, FrameType.Settings, FrameFlags.Ack);
        output.Commit(FrameHeader.Size);
    }

    public static void Settings(OutputChain output, params ReadOnlySpan<(SettingId Id, uint Value)> settings)
    {
        var to = Begin(output, settings.Length * 6, FrameType.Settings, FrameFlags.None);
        for (var i = 0; i < settings.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(to[(i * 6)..], (ushort)settings[i].Id);
            BinaryPrimitives.WriteUInt32BigEndian(to[(i * 6 + 2)..], settings[i].Value);
        }
        output.Commit(FrameHeader.Size + settings.Length * 6);
    }

    private static void FourBytes(OutputChain output, FrameType type, int streamId, uint value)
    {
        var to = output.Reserve(FrameHeader.Size + 4);
        new FrameHeader(4, type, FrameFlags.None, streamId).Write(to);
        BinaryPrimitives.WriteUInt32BigEndian(to[FrameHeader.Size..], value);
        output.Commit(FrameHeader.Size + 4);
    }

    private static Span<byte> Begin(OutputChain output, int length, FrameType type, FrameFlags flags)
    {
        var to = output.Reserve(FrameHeader.Size + length);
        new FrameHeader(length, type, flags, 0).Write(to);
        return to[FrameHeader.Size..];
    }
}
