using System.Net;
using Weft.Proxy.Names.Dns;

namespace Weft.Fuzz.Targets;

/// <summary>
/// Messages of clients and of upstream resolvers: whatever is read of a question can be answered, and whatever is accepted as an answer reads, once written anew, as the same answer again.
/// </summary>
public sealed class DnsTarget : IFuzzTarget
{
    private static readonly byte[] Header = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    private static readonly byte[] Question = [3, (byte)'w', (byte)'w', (byte)'w', 1, (byte)'a', 0, 0, 1, 0, 1];

    public string Name => "dns";

    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        [.. Header, .. Question],
        [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, .. Question, 0, 0, 41, 4, 208, 0, 0, 128, 0, 0, 0],
        [0, 7, 129, 128, 0, 1, 0, 1, 0, 0, 0, 0, .. Question, 192, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 1],
        [0, 7, 129, 128, 0, 1, 0, 2, 0, 0, 0, 0, .. Question, 192, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 4, 1, (byte)'b', 192, 16, 192, 35, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 1],
        [0, 7, 129, 131, 0, 1, 0, 0, 0, 1, 0, 0, .. Question, 192, 16, 0, 6, 0, 1, 0, 0, 0, 60, 0, 24, 192, 12, 192, 12, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5],
    ];

    public IReadOnlyList<byte[]> Dictionary { get; } =
    [
        [192, 12], [192, 23], [192, 0], [255, 255], [63], [64], [0, 41], [0, 5], [0, 6], [0, 35], [0, 46], [0, 1, 0, 1], [0, 0, 0, 60], [128, 0], [131, 128], Question,
    ];

    public string Check(byte[] input, Random random)
    {
        var asked = CheckQuery(input, random);
        var answered = CheckReply(input);
        return $"{asked}, {answered}";
    }

    private static string CheckQuery(byte[] input, Random random)
    {
        var name = new byte[DnsName.MaxLength];
        var verdict = DnsQuery.TryRead(input, name, out var query);
        if (verdict == DnsQueryVerdict.Drop) return "no question";
        var into = new byte[512 + random.Next(1000)];
        var writer = new DnsResponseWriter(into, input, query);
        for (var i = random.Next(60); i > 0; i--) writer.Address(IPAddress.Loopback, 5);
        if (random.Next(2) == 0) writer.Nothing(5);
        var length = writer.End(DnsRcode.NoError, 0, 1232);
        if (length > into.Length) throw new FuzzException($"{length} bytes written where {into.Length} may be");
        if (verdict != DnsQueryVerdict.Ok) return $"question {verdict}";
        var read = DnsReply.TryRead(into.AsSpan(0, length), query.Header.Id, name.AsSpan(0, query.NameLength), query.Type, true, false, new DnsLifetimes(100, 100), new byte[1 << 16], out _);
        if (query.Header.Opcode == 0 && read is not (DnsReplyVerdict.Answer or DnsReplyVerdict.Truncated)) throw new FuzzException($"our own answer reads as {read}");
        return $"question {verdict}, answer {read}";
    }

    /// <summary>Taken for the answer to just the question that it repeats.</summary>
    private static string CheckReply(byte[] input)
    {
        var name = new byte[DnsName.MaxLength];
        var at = DnsHeader.Length;
        if (input.Length < DnsHeader.Length || !DnsName.TryRead(input, ref at, name, out var length) || input.Length - at < 4) return "no reply";
        DnsName.Lower(name.AsSpan(0, length));
        var (id, type) = (DnsHeader.Read(input).Id, (ushort)((input[at] << 8) | input[at + 1]));
        var lower = name.AsSpan(0, length);
        var verdict = DnsReply.TryRead(input, id, lower, type, true, true, new DnsLifetimes(100, 100), new byte[1 << 16], out var answer);
        if (answer is null) return $"reply {verdict}";
        var again = Rewrite(answer, id, lower, type);
        var second = DnsReply.TryRead(again, id, lower, type, true, true, new DnsLifetimes(100, 100), new byte[1 << 16], out var same);
        if (second == DnsReplyVerdict.Truncated) return "reply that fits into no message";
        if (same is null) throw new FuzzException($"an answer, written anew, reads as {second}");
        if (!Rewrite(same, id, lower, type).AsSpan().SequenceEqual(again)) throw new FuzzException("an answer changes each time that it is written");
        return $"reply {answer.Rcode}, {Math.Min(answer.Answers, 3)} answers, {Math.Min(answer.Authorities, 3)} proofs, holds {answer.LifetimeSeconds > 0}";
    }

    private static byte[] Rewrite(DnsAnswer answer, ushort id, ReadOnlySpan<byte> name, ushort type)
    {
        var message = new byte[DnsQueryWriter.MaxLength];
        var length = DnsQueryWriter.Write(message, id, name, type, 0, 0, false);
        var query = new DnsQuery(DnsHeader.Read(message), name.Length, type, HasEdns: false, 512, WantsSignatures: false);
        var into = new byte[ushort.MaxValue];
        var writer = new DnsResponseWriter(into, message.AsSpan(0, length), query);
        writer.Records(answer, 0);
        return into[..writer.End(answer.Rcode, answer.IsAuthentic ? DnsHeader.AuthenticData : (ushort)0, 1232)];
    }
}
