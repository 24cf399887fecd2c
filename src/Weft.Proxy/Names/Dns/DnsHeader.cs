using System.Buffers.Binary;

namespace Weft.Proxy.Names.Dns;

/// <summary>The twelve bytes that every message begins with (RFC 1035 section 4.1.1).</summary>
/// <param name="Id">Chosen by who asks, repeated by who answers.</param>
/// <param name="Flags">The bits below, the opcode, and the lower four bits of the response code.</param>
/// <param name="Questions">Entries that follow; so for the others.</param>
internal readonly record struct DnsHeader(ushort Id, ushort Flags, ushort Questions, ushort Answers, ushort Authorities, ushort Additionals)
{
    /// <summary>Bytes.</summary>
    public const int Length = 12;

    public const ushort Response = 0x8000, Authoritative = 0x0400, Truncated = 0x0200, RecursionDesired = 0x0100, RecursionAvailable = 0x0080,
        AuthenticData = 0x0020, CheckingDisabled = 0x0010;

    private const ushort OpcodeMask = 0x7800, RcodeMask = 0x000F;

    /// <summary>0 asks; nothing else is spoken.</summary>
    public int Opcode => (Flags & OpcodeMask) >> 11;

    public int Rcode => Flags & RcodeMask;

    public bool Has(ushort flag) => (Flags & flag) != 0;

    /// <param name="message">At least <see cref="Length"/> bytes.</param>
    public static DnsHeader Read(ReadOnlySpan<byte> message) => new(
        BinaryPrimitives.ReadUInt16BigEndian(message), BinaryPrimitives.ReadUInt16BigEndian(message[2..]), BinaryPrimitives.ReadUInt16BigEndian(message[4..]),
        BinaryPrimitives.ReadUInt16BigEndian(message[6..]), BinaryPrimitives.ReadUInt16BigEndian(message[8..]), BinaryPrimitives.ReadUInt16BigEndian(message[10..]));

    public void Write(Span<byte> into)
    {
        BinaryPrimitives.WriteUInt16BigEndian(into, Id);
        BinaryPrimitives.WriteUInt16BigEndian(into[2..], Flags);
        BinaryPrimitives.WriteUInt16BigEndian(into[4..], Questions);
        BinaryPrimitives.WriteUInt16BigEndian(into[6..], Answers);
        BinaryPrimitives.WriteUInt16BigEndian(into[8..], Authorities);
        BinaryPrimitives.WriteUInt16BigEndian(into[10..], Additionals);
    }
}
