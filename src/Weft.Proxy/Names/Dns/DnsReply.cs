using System.Buffers.Binary;

namespace Weft.Proxy.Names.Dns;

/// <summary>What a message from an upstream resolver is worth.</summary>
internal enum DnsReplyVerdict : byte
{
    /// <summary>An answer to the question, or that there is none.</summary>
    Answer,

    /// <summary>Not a response to what was asked: another id, question or direction. A forger's, or one that comes too late; whoever waits goes on waiting.</summary>
    Foreign,

    /// <summary>A response to the question that breaks the format.</summary>
    Malformed,

    /// <summary>There is more than fits into a datagram: to be asked over TCP (RFC 7766 section 5).</summary>
    Truncated,

    /// <summary>The resolver does not understand EDNS: to be asked without (RFC 6891 section 6.2.2).</summary>
    NoEdns,

    /// <summary>This resolver cannot answer; another may.</summary>
    Failed,
}

/// <summary>Reads what an upstream resolver sent, and makes of it a <see cref="DnsAnswer"/> that is written anew: nothing of its bytes is passed on that was not understood.</summary>
internal static class DnsReply
{
    /// <param name="message">As it came.</param>
    /// <param name="id">Of the question.</param>
    /// <param name="lowerName">The question's name, in lower case.</param>
    /// <param name="hadEdns">The question carried an OPT record.</param>
    /// <param name="limits">How long answers are kept at most.</param>
    /// <param name="scratch">64 KiB, to put the records together in.</param>
    /// <param name="answer">With <see cref="DnsReplyVerdict.Answer"/> alone.</param>
    public static DnsReplyVerdict TryRead(
        ReadOnlySpan<byte> message, ushort id, ReadOnlySpan<byte> lowerName, ushort type, bool wantsSignatures, bool hadEdns, DnsLifetimes limits, Span<byte> scratch, out DnsAnswer? answer)
    {
        answer = null;
        if (message.Length < DnsHeader.Length) return DnsReplyVerdict.Foreign;
        var header = DnsHeader.Read(message);
        if (header.Id != id || !header.Has(DnsHeader.Response) || header.Opcode != 0) return DnsReplyVerdict.Foreign;
        var refusesEdns = hadEdns && header.Rcode is (int)DnsRcode.FormatError or (int)DnsRcode.NotImplemented;
        if (header.Questions == 0 && refusesEdns) return DnsReplyVerdict.NoEdns; // some do not repeat a question that they did not understand
        if (header.Questions != 1 || !IsQuestion(message, lowerName, type, out var at)) return DnsReplyVerdict.Foreign;
        if (refusesEdns) return DnsReplyVerdict.NoEdns;
        if (header.Rcode is not ((int)DnsRcode.NoError or (int)DnsRcode.NameError)) return DnsReplyVerdict.Failed;
        if (header.Has(DnsHeader.Truncated)) return DnsReplyVerdict.Truncated;
        var records = new DnsRecordCopier(message, lowerName, scratch);
        return records.TryCopy(at, header, type, wantsSignatures, limits, out answer) ? DnsReplyVerdict.Answer : DnsReplyVerdict.Malformed;
    }

    /// <summary>RFC 5452 section 9.1: an answer counts only for the very question that was asked.</summary>
    private static bool IsQuestion(ReadOnlySpan<byte> message, ReadOnlySpan<byte> lowerName, ushort type, out int at)
    {
        at = DnsHeader.Length;
        Span<byte> name = stackalloc byte[DnsName.MaxLength];
        if (!DnsName.TryRead(message, ref at, name, out var length) || message.Length - at < 4) return false;
        var rest = message[at..];
        at += 4;
        return DnsName.Matches(name[..length], lowerName) && BinaryPrimitives.ReadUInt16BigEndian(rest) == type && BinaryPrimitives.ReadUInt16BigEndian(rest[2..]) == DnsClass.Internet;
    }
}

/// <summary>How long an answer is kept at most, whatever its records say. Seconds.</summary>
/// <param name="Positive">Of an answer with records.</param>
/// <param name="Negative">Of "no such name" and "no such records" (RFC 2308 section 5).</param>
internal readonly record struct DnsLifetimes(uint Positive, uint Negative);
