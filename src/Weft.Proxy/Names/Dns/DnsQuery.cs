using System.Buffers.Binary;

namespace Weft.Proxy.Names.Dns;

/// <summary>What becomes of a message that a client sent.</summary>
internal enum DnsQueryVerdict : byte
{
    /// <summary>A question that can be answered.</summary>
    Ok,

    /// <summary>Not even an error may be sent: too short for a header, or itself a response, and two servers that answer each other's responses never end.</summary>
    Drop,

    /// <summary>It breaks the format: FORMERR.</summary>
    Malformed,

    /// <summary>An operation other than asking: NOTIMP.</summary>
    NotImplemented,

    /// <summary>A class other than the Internet's, or a transfer of a zone: REFUSED.</summary>
    Refused,

    /// <summary>A version of EDNS that is not spoken (RFC 6891 section 6.1.3): BADVERS.</summary>
    BadVersion,
}

/// <summary>One question, as a client sent it. Its name is in the message, from <see cref="DnsHeader.Length"/> on.</summary>
/// <param name="Header">As it came.</param>
/// <param name="NameLength">Bytes of the name. A first question cannot be compressed: there is no name before it.</param>
/// <param name="Type">What is asked for.</param>
/// <param name="HasEdns">The message has an OPT record, so the response must have one (RFC 6891 section 6.1.1).</param>
/// <param name="PayloadBytes">Largest datagram that the client takes; 512 without EDNS (RFC 1035 section 4.2.1), and where it says less (RFC 6891 section 6.2.3).</param>
/// <param name="WantsSignatures">The DO bit (RFC 3225).</param>
internal readonly record struct DnsQuery(DnsHeader Header, int NameLength, ushort Type, bool HasEdns, ushort PayloadBytes, bool WantsSignatures)
{
    /// <summary>Largest datagram of a client that speaks no EDNS.</summary>
    public const ushort PlainPayloadBytes = 512;

    /// <summary>Bytes of the question: name, type and class.</summary>
    public int QuestionLength => NameLength == 0 ? 0 : NameLength + 4;

    /// <summary>True when the client asks for the whole work of a resolver; without it only what is at hand may be told.</summary>
    public bool WantsRecursion => Header.Has(DnsHeader.RecursionDesired);

    /// <summary>Reads a message from a client.</summary>
    /// <param name="message">One datagram, or what one length of TCP announced.</param>
    /// <param name="lowerName">At least <see cref="DnsName.MaxLength"/> bytes: the question's name in lower case.</param>
    /// <param name="query">As far as it was understood: with any verdict but <see cref="DnsQueryVerdict.Drop"/> enough to answer with an error.</param>
    public static DnsQueryVerdict TryRead(ReadOnlySpan<byte> message, Span<byte> lowerName, out DnsQuery query)
    {
        query = default;
        if (message.Length < DnsHeader.Length) return DnsQueryVerdict.Drop;
        var header = DnsHeader.Read(message);
        if (header.Has(DnsHeader.Response)) return DnsQueryVerdict.Drop;
        query = new DnsQuery(header, 0, 0, HasEdns: false, PlainPayloadBytes, WantsSignatures: false);
        if (header.Opcode != 0) return DnsQueryVerdict.NotImplemented;
        // RFC 9619: a query has one question. Answers in it are for no one.
        if (header.Questions != 1 || header.Answers != 0 || header.Authorities != 0) return DnsQueryVerdict.Malformed;
        var at = DnsHeader.Length;
        if (!DnsName.TryRead(message, ref at, lowerName, out var length) || message.Length - at < 4) return DnsQueryVerdict.Malformed;
        DnsName.Lower(lowerName[..length]);
        var type = BinaryPrimitives.ReadUInt16BigEndian(message[at..]);
        var cls = BinaryPrimitives.ReadUInt16BigEndian(message[(at + 2)..]);
        at += 4;
        query = query with { NameLength = length, Type = type };
        if (!TryReadAdditionals(message, at, ref query, out var version)) return DnsQueryVerdict.Malformed;
        if (version > 0) return DnsQueryVerdict.BadVersion;
        return cls != DnsClass.Internet || DnsType.IsMeta(type) ? DnsQueryVerdict.Refused : DnsQueryVerdict.Ok;
    }

    /// <summary>Looks for the OPT record. Its options are skipped: client subnet (RFC 7871) would make answers that only some may see, cookies (RFC 7873) guard open servers.</summary>
    private static bool TryReadAdditionals(ReadOnlySpan<byte> message, int at, ref DnsQuery query, out int version)
    {
        version = 0;
        Span<byte> owner = stackalloc byte[DnsName.MaxLength];
        for (var left = query.Header.Additionals; left > 0; left--)
        {
            if (!DnsRecord.TryRead(message, ref at, owner, out var record)) return false;
            if (record.Type != DnsType.Opt) continue;
            if (query.HasEdns || record.OwnerLength != 1) return false; // RFC 6891 section 6.1.1: one, and its owner is the root
            version = (int)(record.Ttl >> 16) & 0xFF;
            query = query with { HasEdns = true, PayloadBytes = Math.Max(record.Class, PlainPayloadBytes), WantsSignatures = (record.Ttl & 0x8000) != 0 };
        }
        return at == message.Length; // what is behind the last record was counted wrongly, or is not for us
    }
}
