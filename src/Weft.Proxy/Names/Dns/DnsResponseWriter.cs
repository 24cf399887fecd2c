using System.Buffers.Binary;
using System.Net;

namespace Weft.Proxy.Names.Dns;

/// <summary>
/// Writes the response to one question: the question as the client wrote it, case included, then records that point at its name. What does not fit is left out whole, with the TC
/// bit, and the client asks again over TCP.
/// </summary>
/// <param name="into">Room for the largest response that may be sent; what is longer is truncated.</param>
/// <param name="message">The client's message.</param>
/// <param name="query">What was read of it.</param>
internal ref struct DnsResponseWriter(Span<byte> into, ReadOnlySpan<byte> message, scoped in DnsQuery query)
{
    private const ushort QuestionPointer = 0xC000 | DnsHeader.Length;

    /// <summary>Root name, type, payload size, flags, no options.</summary>
    private const int OptLength = 11;

    private readonly Span<byte> _into = into;
    private readonly ReadOnlySpan<byte> _message = message;
    private readonly DnsQuery _query = query;
    private int _written = DnsHeader.Length + query.QuestionLength;
    private ushort _answers, _authorities;
    private bool _overflows;

    /// <summary>Bytes that records may take.</summary>
    private readonly Span<byte> Room => _into[_written..^(_query.HasEdns ? OptLength : 0)];

    /// <summary>An A or AAAA record.</summary>
    public void Address(IPAddress address, uint seconds)
    {
        var isV6 = address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        if (TryBegin(isV6 ? DnsType.Aaaa : DnsType.A, seconds, isV6 ? 16 : 4, out var data)) address.TryWriteBytes(data, out _);
        _answers++;
    }

    /// <summary>A record whose content is a name, such as PTR.</summary>
    /// <param name="name">Wire form.</param>
    public void Name(ushort type, scoped ReadOnlySpan<byte> name, uint seconds)
    {
        if (TryBegin(type, seconds, name.Length, out var data)) name.CopyTo(data);
        _answers++;
    }

    /// <summary>
    /// Says that there is nothing of the type that was asked for, and for how long (RFC 2308 section 2.2). The name itself is the zone: a service has no records beneath it that somebody else
    /// could hold, and it is true for each name by itself.
    /// </summary>
    public void Nothing(uint seconds)
    {
        ReadOnlySpan<byte> names = [0, 0]; // no server to send updates to, nobody to write to
        if (TryBegin(DnsType.Soa, seconds, names.Length + 20, out var data))
        {
            names.CopyTo(data);
            Span<uint> numbers = [1, seconds, seconds, seconds, seconds]; // serial, refresh, retry, expire: for servers that copy zones; minimum
            for (var i = 0; i < numbers.Length; i++) BinaryPrimitives.WriteUInt32BigEndian(data[(names.Length + (i * 4))..], numbers[i]);
        }
        _authorities++;
    }

    /// <summary>What an upstream resolver said.</summary>
    /// <param name="ageSeconds">Since then.</param>
    public void Records(DnsAnswer answer, uint ageSeconds)
    {
        if (answer.Length > Room.Length)
        {
            _overflows = true;
            return;
        }
        answer.CopyTo(Room, ageSeconds);
        _written += answer.Length;
        (_answers, _authorities) = ((ushort)answer.Answers, (ushort)answer.Authorities);
    }

    /// <summary>Finishes the response, and says how many bytes it has.</summary>
    /// <param name="flags">AA, RA and AD as they apply; the others follow from the question.</param>
    /// <param name="ownPayloadBytes">The largest datagram that is taken here, for the OPT record.</param>
    public int End(DnsRcode rcode, ushort flags, ushort ownPayloadBytes)
    {
        if (_overflows)
        {
            (_written, _answers, _authorities) = (DnsHeader.Length + _query.QuestionLength, 0, 0);
            flags |= DnsHeader.Truncated;
        }
        const ushort Repeated = 0x7800 | DnsHeader.RecursionDesired | DnsHeader.CheckingDisabled; // opcode and two wishes
        flags |= (ushort)(DnsHeader.Response | (_query.Header.Flags & Repeated) | ((ushort)rcode & 0xF));
        _message.Slice(DnsHeader.Length, _query.QuestionLength).CopyTo(_into[DnsHeader.Length..]);
        new DnsHeader(_query.Header.Id, flags, (ushort)(_query.QuestionLength == 0 ? 0 : 1), _answers, _authorities, (ushort)(_query.HasEdns ? 1 : 0)).Write(_into);
        if (_query.HasEdns) WriteOpt(rcode, ownPayloadBytes);
        return _written;
    }

    private void WriteOpt(DnsRcode rcode, ushort payloadBytes)
    {
        var opt = _into.Slice(_written, OptLength);
        opt.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(opt[1..], DnsType.Opt);
        BinaryPrimitives.WriteUInt16BigEndian(opt[3..], payloadBytes);
        opt[5] = (byte)((int)rcode >> 4);
        if (_query.WantsSignatures) opt[7] = 0x80; // RFC 3225 section 3: the bit is repeated
        _written += OptLength;
    }

    /// <summary>The fixed part of a record of the question's name.</summary>
    private bool TryBegin(ushort type, uint seconds, int dataLength, out Span<byte> data)
    {
        data = default;
        var room = Room;
        if (_overflows || room.Length < 2 + DnsRecord.FixedLength + dataLength)
        {
            _overflows = true;
            return false;
        }
        BinaryPrimitives.WriteUInt16BigEndian(room, QuestionPointer);
        BinaryPrimitives.WriteUInt16BigEndian(room[2..], type);
        BinaryPrimitives.WriteUInt16BigEndian(room[4..], DnsClass.Internet);
        BinaryPrimitives.WriteUInt32BigEndian(room[6..], seconds);
        BinaryPrimitives.WriteUInt16BigEndian(room[10..], (ushort)dataLength);
        data = room.Slice(2 + DnsRecord.FixedLength, dataLength);
        _written += 2 + DnsRecord.FixedLength + dataLength;
        return true;
    }
}
