using System.Buffers.Binary;

namespace Weft.Proxy.Http2;

/// <summary>RFC 9113 section 6. Other values are extensions and ignored.</summary>
internal enum FrameType : byte
{
    Data,
    Headers,
    Priority,
    RstStream,
    Settings,
    PushPromise,
    Ping,
    GoAway,
    WindowUpdate,
    Continuation,
}

/// <summary>Flags of all frame types; which ones a type has, its section says. <see cref="Ack"/> and <see cref="EndStream"/> share a bit.</summary>
[Flags]
internal enum FrameFlags : byte
{
    None = 0,
    EndStream = 0x1,
    Ack = 0x1,
    EndHeaders = 0x4,
    Padded = 0x8,
    Priority = 0x20,
}

/// <summary>The nine octets before every frame's payload (RFC 9113 section 4.1).</summary>
/// <param name="Length">Of the payload, 0 to 2^24-1.</param>
/// <param name="StreamId">0 for the connection; the reserved bit is dropped.</param>
internal readonly record struct FrameHeader(int Length, FrameType Type, FrameFlags Flags, int StreamId)
{
    public const int Size = 9;

    public bool Has(FrameFlags flag) => (Flags & flag) != FrameFlags.None;

    /// <param name="from">At least <see cref="Size"/> bytes.</param>
    public static FrameHeader Read(ReadOnlySpan<byte> from)
    {
        var lengthAndType = BinaryPrimitives.ReadUInt32BigEndian(from);
        return new((int)(lengthAndType >> 8), (FrameType)(byte)lengthAndType, (FrameFlags)from[4], (int)(BinaryPrimitives.ReadUInt32BigEndian(from[5..]) & int.MaxValue));
    }

    /// <param name="to">At least <see cref="Size"/> bytes.</param>
    public void Write(Span<byte> to)
    {
        BinaryPrimitives.WriteUInt32BigEndian(to, ((uint)Length << 8) | (byte)Type);
        to[4] = (byte)Flags;
        BinaryPrimitives.WriteInt32BigEndian(to[5..], StreamId);
    }
}
