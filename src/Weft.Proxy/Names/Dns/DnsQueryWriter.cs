using System.Buffers.Binary;

namespace Weft.Proxy.Names.Dns;

/// <summary>Writes a question to an upstream resolver.</summary>
internal static class DnsQueryWriter
{
    /// <summary>Bytes of the longest question: header, name, type and class, OPT.</summary>
    public const int MaxLength = DnsHeader.Length + DnsName.MaxLength + 4 + 11;

    /// <param name="into">At least <see cref="MaxLength"/> bytes.</param>
    /// <param name="id">Unpredictable (RFC 5452 section 9.2).</param>
    /// <param name="name">Wire form.</param>
    /// <param name="flags">RD, CD and AD as they apply.</param>
    /// <param name="payloadBytes">Largest datagram that is taken; 0 writes no OPT record.</param>
    /// <param name="wantsSignatures">The DO bit; of no effect without an OPT record.</param>
    public static int Write(Span<byte> into, ushort id, ReadOnlySpan<byte> name, ushort type, ushort flags, ushort payloadBytes, bool wantsSignatures)
    {
        new DnsHeader(id, flags, 1, 0, 0, (ushort)(payloadBytes > 0 ? 1 : 0)).Write(into);
        var at = DnsHeader.Length;
        name.CopyTo(into[at..]);
        at += name.Length;
        BinaryPrimitives.WriteUInt16BigEndian(into[at..], type);
        BinaryPrimitives.WriteUInt16BigEndian(into[(at + 2)..], DnsClass.Internet);
        at += 4;
        if (payloadBytes == 0) return at;
        var opt = into.Slice(at, 11);
        opt.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(opt[1..], DnsType.Opt);
        BinaryPrimitives.WriteUInt16BigEndian(opt[3..], payloadBytes);
        if (wantsSignatures) opt[7] = 0x80;
        return at + 11;
    }
}
