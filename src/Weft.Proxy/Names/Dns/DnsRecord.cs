using System.Buffers.Binary;

namespace Weft.Proxy.Names.Dns;

/// <summary>One resource record of a message (RFC 1035 section 4.1.3), its content still in the message.</summary>
/// <param name="OwnerLength">Bytes of its name, without compression.</param>
/// <param name="Ttl">Seconds; of an OPT record it means something else.</param>
/// <param name="DataAt">Where its content begins in the message.</param>
/// <param name="DataLength">Bytes of its content as it stands there.</param>
internal readonly record struct DnsRecord(int OwnerLength, ushort Type, ushort Class, uint Ttl, int DataAt, int DataLength)
{
    /// <summary>Bytes between name and content: type, class, time to live, length.</summary>
    public const int FixedLength = 10;

    /// <summary>Reads the record at <paramref name="at"/> and moves behind it. False when it is cut off or its name is none.</summary>
    /// <param name="owner">At least <see cref="DnsName.MaxLength"/> bytes: its name.</param>
    public static bool TryRead(ReadOnlySpan<byte> message, ref int at, Span<byte> owner, out DnsRecord record)
    {
        record = default;
        if (!DnsName.TryRead(message, ref at, owner, out var length) || message.Length - at < FixedLength) return false;
        var rest = message[at..];
        record = new DnsRecord(length, BinaryPrimitives.ReadUInt16BigEndian(rest), BinaryPrimitives.ReadUInt16BigEndian(rest[2..]),
            BinaryPrimitives.ReadUInt32BigEndian(rest[4..]), at + FixedLength, BinaryPrimitives.ReadUInt16BigEndian(rest[8..]));
        if (record.DataLength > rest.Length - FixedLength) return false;
        at = record.DataAt + record.DataLength;
        return true;
    }

    /// <summary>Seconds that the record may be kept. A number with its highest bit set is zero (RFC 2181 section 8).</summary>
    public uint LifetimeSeconds => Ttl > int.MaxValue ? 0 : Ttl;
}
