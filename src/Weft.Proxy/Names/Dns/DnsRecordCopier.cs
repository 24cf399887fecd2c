using System.Buffers.Binary;

namespace Weft.Proxy.Names.Dns;

/// <summary>
/// Writes the records of a message anew. Names in known contents are written out and checked; names of records point at the question, or at an equal name before them.
/// </summary>
/// <remarks>
/// What is kept: the answer section, and of the authority section what proves that something does not exist (SOA, RFC 2308; NSEC and NSEC3 with their signatures for
/// those who ask for them). Name servers and additional records are for resolvers that walk the tree; whoever asks here does not.
/// </remarks>
internal ref struct DnsRecordCopier(ReadOnlySpan<byte> message, ReadOnlySpan<byte> lowerName, Span<byte> into)
{
    /// <summary>A pointer holds 14 bits.</summary>
    private const int Reach = 0x4000;

    private const int Remembered = 16, MaxRecords = 4096;

    private readonly ReadOnlySpan<byte> _message = message;
    private readonly ReadOnlySpan<byte> _lowerName = lowerName;
    private readonly Span<byte> _into = into;
    private readonly int _base = DnsHeader.Length + lowerName.Length + 4; // where the first record will stand in every response
    private NamePlaces _places;
    private int _written;
    private int _known;

    [System.Runtime.CompilerServices.InlineArray(Remembered)]
    private struct NamePlaces
    {
        private int _first;
    }

    /// <summary>False when the message breaks the format, or its records do not fit.</summary>
    public bool TryCopy(int at, DnsHeader header, ushort type, bool wantsSignatures, DnsLifetimes limits, out DnsAnswer? answer)
    {
        answer = null;
        if (header.Answers + header.Authorities > MaxRecords) return false;
        var lifetimes = new List<ushort>(header.Answers + 1);
        var shortest = limits.Positive;
        uint? nothing = null; // how long the absence holds, from the SOA record
        var found = false;
        Span<byte> owner = stackalloc byte[DnsName.MaxLength];
        for (var i = 0; i < header.Answers; i++)
        {
            if (!DnsRecord.TryRead(_message, ref at, owner, out var record)) return false;
            if (record.Type == DnsType.Opt || record.Class != DnsClass.Internet) return false;
            found |= record.Type == type || (type == DnsType.Any && record.Type != DnsType.Rrsig);
            shortest = Math.Min(shortest, record.LifetimeSeconds);
            if (!TryWrite(record, owner[..record.OwnerLength], record.LifetimeSeconds, lifetimes)) return false;
        }
        var answers = lifetimes.Count;
        var isNegative = !found || header.Rcode == (int)DnsRcode.NameError;
        for (var i = 0; i < header.Authorities; i++)
        {
            if (!DnsRecord.TryRead(_message, ref at, owner, out var record)) return false;
            var isProof = record.Type is DnsType.Nsec or DnsType.Nsec3 or DnsType.Rrsig && wantsSignatures;
            if (record.Class != DnsClass.Internet || !(isProof || (isNegative && record.Type == DnsType.Soa))) continue;
            var seconds = record.LifetimeSeconds;
            if (record.Type == DnsType.Soa)
            {
                // RFC 2308 section 3: the absence holds for the lesser of the record's time to live and its last field, and is told so.
                if (record.DataLength < 4) return false;
                seconds = Math.Min(seconds, BinaryPrimitives.ReadUInt32BigEndian(_message[(record.DataAt + record.DataLength - 4)..]));
                nothing = Math.Min(nothing ?? limits.Negative, seconds);
            }
            if (!TryWrite(record, owner[..record.OwnerLength], seconds, lifetimes)) return false;
        }
        for (var i = 0; i < header.Additionals; i++)
        {
            if (!DnsRecord.TryRead(_message, ref at, owner, out _)) return false;
        }
        // RFC 2308 section 5: without an SOA record nobody has said for how long.
        var life = isNegative ? Math.Min(shortest, nothing ?? 0) : shortest;
        answer = new DnsAnswer((DnsRcode)header.Rcode, header.Has(DnsHeader.AuthenticData), answers, _into[.._written].ToArray(), [.. lifetimes], life);
        return true;
    }

    private bool TryWrite(in DnsRecord record, scoped ReadOnlySpan<byte> owner, uint seconds, List<ushort> lifetimes)
    {
        if (!TryWriteOwner(owner) || _into.Length - _written < DnsRecord.FixedLength) return false;
        var head = _into[_written..];
        BinaryPrimitives.WriteUInt16BigEndian(head, record.Type);
        BinaryPrimitives.WriteUInt16BigEndian(head[2..], record.Class);
        BinaryPrimitives.WriteUInt32BigEndian(head[4..], seconds);
        if (_written + 4 > ushort.MaxValue) return false;
        lifetimes.Add((ushort)(_written + 4));
        _written += DnsRecord.FixedLength;
        var before = _written;
        if (!TryWriteData(record)) return false;
        BinaryPrimitives.WriteUInt16BigEndian(head[8..], (ushort)(_written - before));
        return _written <= ushort.MaxValue;
    }

    private bool TryWriteOwner(scoped ReadOnlySpan<byte> owner)
    {
        if (DnsName.Matches(owner, _lowerName)) return TryPointTo(DnsHeader.Length);
        foreach (var place in ((Span<int>)_places)[.._known])
        {
            if (_into[place..].StartsWith(owner)) return TryPointTo(_base + place);
        }
        return TryWriteName(owner);
    }

    private bool TryPointTo(int place)
    {
        if (_into.Length - _written < 2) return false;
        BinaryPrimitives.WriteUInt16BigEndian(_into[_written..], (ushort)(0xC000 | place));
        _written += 2;
        return true;
    }

    /// <summary>A name in full, which later records may point at.</summary>
    private bool TryWriteName(scoped ReadOnlySpan<byte> name)
    {
        if (name.Length > 1 && _known < Remembered && _base + _written < Reach) _places[_known++] = _written;
        return TryWriteBytes(name);
    }

    private bool TryWriteBytes(scoped ReadOnlySpan<byte> bytes)
    {
        if (!bytes.TryCopyTo(_into[_written..])) return false;
        _written += bytes.Length;
        return true;
    }

    /// <summary>The content. Where RFC 1035 and its contemporaries put names, names are read (RFC 3597 section 4 lists who may compress them); all else is bytes.</summary>
    private bool TryWriteData(in DnsRecord record)
    {
        var at = record.DataAt;
        var end = at + record.DataLength;
        switch (record.Type)
        {
            case DnsType.A:
                return record.DataLength == 4 && TryWriteBytes(_message[at..end]);
            case DnsType.Aaaa:
                return record.DataLength == 16 && TryWriteBytes(_message[at..end]);
            case DnsType.Ns or DnsType.Md or DnsType.Mf or DnsType.Cname or DnsType.Mb or DnsType.Mg or DnsType.Mr or DnsType.Ptr or DnsType.Dname:
                return TryWriteNames(ref at, end, 1) && at == end;
            case DnsType.Soa:
                return TryWriteNames(ref at, end, 2) && TryWriteFixed(ref at, end, 20) && at == end;
            case DnsType.Minfo or DnsType.Rp:
                return TryWriteNames(ref at, end, 2) && at == end;
            case DnsType.Mx or DnsType.Afsdb or DnsType.Rt:
                return TryWriteFixed(ref at, end, 2) && TryWriteNames(ref at, end, 1) && at == end;
            case DnsType.Px:
                return TryWriteFixed(ref at, end, 2) && TryWriteNames(ref at, end, 2) && at == end;
            case DnsType.Srv:
                return TryWriteFixed(ref at, end, 6) && TryWriteNames(ref at, end, 1) && at == end;
            case DnsType.Naptr:
                return TryWriteFixed(ref at, end, 4) && TryWriteText(ref at, end) && TryWriteText(ref at, end) && TryWriteText(ref at, end) && TryWriteNames(ref at, end, 1) && at == end;
            default:
                return TryWriteBytes(_message[at..end]);
        }
    }

    private bool TryWriteNames(ref int at, int end, int count)
    {
        Span<byte> name = stackalloc byte[DnsName.MaxLength];
        for (; count > 0; count--)
        {
            if (!DnsName.TryRead(_message, ref at, name, out var length) || at > end || !TryWriteName(name[..length])) return false;
        }
        return true;
    }

    private bool TryWriteFixed(ref int at, int end, int length)
    {
        if (end - at < length || !TryWriteBytes(_message.Slice(at, length))) return false;
        at += length;
        return true;
    }

    /// <summary>A length and so many bytes (RFC 1035 section 3.3, character-string).</summary>
    private bool TryWriteText(ref int at, int end) => at < end && TryWriteFixed(ref at, end, _message[at] + 1);
}
