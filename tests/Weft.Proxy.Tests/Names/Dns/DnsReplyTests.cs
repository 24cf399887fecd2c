using System.Buffers.Binary;
using Shouldly;
using Weft.Proxy.Names.Dns;
using Xunit;
using static Weft.Proxy.Tests.Names.DnsBytes;

namespace Weft.Proxy.Tests.Names.Dns;

public sealed class DnsReplyTests
{
    private static readonly byte[] Asked = Query("www.shop.test");

    private static DnsReplyVerdict Read(byte[] message, out DnsAnswer? answer, bool edns = true, int type = 1, bool signatures = false) => DnsReply.TryRead(
        message, 7, Name("www.shop.test"), (ushort)type, signatures, edns, new DnsLifetimes(86400, 300), new byte[1 << 16], out answer);

    /// <summary>What a client would be sent.</summary>
    private static byte[] Written(DnsAnswer answer, uint age = 0, int room = 65535)
    {
        DnsQuery.TryRead(Asked, new byte[DnsName.MaxLength], out var query).ShouldBe(DnsQueryVerdict.Ok);
        var into = new byte[room];
        var writer = new DnsResponseWriter(into, Asked, query);
        writer.Records(answer, age);
        return into[..writer.End(answer.Rcode, DnsHeader.RecursionAvailable, 1232)];
    }

    [Fact]
    public void An_answer_is_written_anew_with_names_that_point_at_the_question()
    {
        // The upstream server does not compress at all.
        Read(Reply(Asked, Answers, 2, 0, A(Name("WWW.shop.test"), 60, "10.0.0.1"), A(Name("www.shop.test"), 30, "10.0.0.2")), out var answer).ShouldBe(DnsReplyVerdict.Answer);

        answer.ShouldNotBeNull().LifetimeSeconds.ShouldBe(30u);
        Written(answer).ShouldBe(Reply(Asked, Answers, 2, 0, A(PointerToQuestion, 60, "10.0.0.1"), A(PointerToQuestion, 30, "10.0.0.2")));
        Written(answer, age: 29).ShouldBe(Reply(Asked, Answers, 2, 0, A(PointerToQuestion, 31, "10.0.0.1"), A(PointerToQuestion, 1, "10.0.0.2")));
    }

    [Fact]
    public void Compressed_contents_are_read_and_a_name_that_was_written_is_pointed_at()
    {
        // www.shop.test CNAME edge.(shop.test by pointer), edge (by pointer into that content) A
        var at = Asked.Length;
        var reply = Reply(Asked, Answers, 2, 0,
            Record(PointerToQuestion, 5, 300, [4, .. "edge"u8, 0xC0, 16]),
            A([0xC0, (byte)(at + 12)], 20, "10.0.0.9"));

        Read(reply, out var answer).ShouldBe(DnsReplyVerdict.Answer);
        Written(answer!).ShouldBe(Reply(Asked, Answers, 2, 0, Record(PointerToQuestion, 5, 300, Name("edge.shop.test")), A([0xC0, (byte)(at + 12)], 20, "10.0.0.9")));
    }

    [Fact]
    public void Absence_holds_for_the_lesser_of_the_SOA_records_two_numbers_and_our_limit()
    {
        Read(Reply(Asked, Answers | 3, 0, 1, Soa("shop.test", 3600, 120)), out var answer).ShouldBe(DnsReplyVerdict.Answer);
        (answer!.Rcode, answer.LifetimeSeconds).ShouldBe((DnsRcode.NameError, 120u));
        Read(Reply(Asked, Answers | 3, 0, 1, Soa("shop.test", 60, 120)), out answer).ShouldBe(DnsReplyVerdict.Answer);
        answer!.LifetimeSeconds.ShouldBe(60u);
        Read(Reply(Asked, Answers, 0, 1, Soa("shop.test", 7200, 7200)), out answer).ShouldBe(DnsReplyVerdict.Answer);
        (answer!.Rcode, answer.LifetimeSeconds).ShouldBe((DnsRcode.NoError, 300u));
        Read(Reply(Asked, Answers | 3, 0, 0), out answer).ShouldBe(DnsReplyVerdict.Answer);
        answer!.LifetimeSeconds.ShouldBe(0u, "nobody said for how long: RFC 2308 section 5");
    }

    [Fact]
    public void A_time_to_live_with_its_highest_bit_set_is_none()
    {
        Read(Reply(Asked, Answers, 1, 0, A(PointerToQuestion, 0x80000001, "10.0.0.1")), out var answer).ShouldBe(DnsReplyVerdict.Answer);
        answer!.LifetimeSeconds.ShouldBe(0u); // RFC 2181 section 8
        Read(Reply(Asked, Answers, 1, 0, A(PointerToQuestion, 0x7FFFFFFF, "10.0.0.1")), out answer).ShouldBe(DnsReplyVerdict.Answer);
        answer!.LifetimeSeconds.ShouldBe(86400u);
    }

    [Fact]
    public void Name_servers_and_glue_stay_behind_and_proofs_go_to_those_who_ask()
    {
        byte[][] records = [A(PointerToQuestion, 60, "10.0.0.1"), Record(Name("shop.test"), 2, 60, Name("ns.shop.test")), Record(Name("shop.test"), 46, 60, [1, 2, 3])];
        var reply = Message(7, Answers, 1, 1, 2, 1, [Question("www.shop.test"), .. records, A(Name("ns.shop.test"), 60, "10.0.0.53")]);

        Read(reply, out var answer).ShouldBe(DnsReplyVerdict.Answer);
        (answer!.Answers, answer.Authorities).ShouldBe((1, 0));
        Read(reply, out answer, signatures: true).ShouldBe(DnsReplyVerdict.Answer);
        (answer!.Answers, answer.Authorities).ShouldBe((1, 1));
    }

    [Fact]
    public void What_does_not_fit_is_left_out_and_said_to_be()
    {
        var records = Enumerable.Range(0, 40).Select(i => A(PointerToQuestion, 60, $"10.0.0.{i}")).ToArray();
        Read(Reply(Asked, Answers, 40, 0, records), out var answer).ShouldBe(DnsReplyVerdict.Answer);

        Written(answer!, room: 512).ShouldBe(Reply(Asked, Answers | 0x0200, 0, 0));
        Written(answer!).Length.ShouldBe(Asked.Length + (40 * 16));
    }

    public static TheoryData<string, byte[], int> Verdicts => new()
    {
        { "another id", Message(8, Answers, 1, 1, 0, 0, Question("www.shop.test"), A(PointerToQuestion, 60, "6.6.6.6")), (int)DnsReplyVerdict.Foreign },
        { "another name", Message(7, Answers, 1, 1, 0, 0, Question("www.evil.test"), A(PointerToQuestion, 60, "6.6.6.6")), (int)DnsReplyVerdict.Foreign },
        { "another type", Message(7, Answers, 1, 0, 0, 0, Question("www.shop.test", 28)), (int)DnsReplyVerdict.Foreign },
        { "another class", Message(7, Answers, 1, 0, 0, 0, Question("www.shop.test", 1, 3)), (int)DnsReplyVerdict.Foreign },
        { "no question", Message(7, Answers, 0, 1, 0, 0, A(Name("www.shop.test"), 60, "6.6.6.6")), (int)DnsReplyVerdict.Foreign },
        { "a question, not an answer", Asked, (int)DnsReplyVerdict.Foreign },
        { "short", [0, 7, 0x81], (int)DnsReplyVerdict.Foreign },
        { "truncated", Reply(Asked, Answers | 0x0200, 0, 0), (int)DnsReplyVerdict.Truncated },
        { "truncated in the middle of a record", [.. Reply(Asked, Answers | 0x0200, 1, 0), 0xC0], (int)DnsReplyVerdict.Truncated },
        { "does not know EDNS", Reply(Asked, Answers | 1, 0, 0), (int)DnsReplyVerdict.NoEdns },
        { "does not know EDNS, nor the question", Message(7, Answers | 1, 0, 0, 0, 0), (int)DnsReplyVerdict.NoEdns },
        { "SERVFAIL", Reply(Asked, Answers | 2, 0, 0), (int)DnsReplyVerdict.Failed },
        { "REFUSED", Reply(Asked, Answers | 5, 0, 0), (int)DnsReplyVerdict.Failed },
        { "more records announced", Reply(Asked, Answers, 2, 0, A(PointerToQuestion, 60, "10.0.0.1")), (int)DnsReplyVerdict.Malformed },
        { "an address of three bytes", Reply(Asked, Answers, 1, 0, Record(PointerToQuestion, 1, 60, [1, 2, 3])), (int)DnsReplyVerdict.Malformed },
        { "a CNAME with bytes behind it", Reply(Asked, Answers, 1, 0, Record(PointerToQuestion, 5, 60, [.. Name("a"), 0])), (int)DnsReplyVerdict.Malformed },
        { "a CNAME that points at itself", Reply(Asked, Answers, 1, 0, Record(PointerToQuestion, 5, 60, [0xC0, (byte)(Asked.Length + 12)])), (int)DnsReplyVerdict.Malformed },
        { "an OPT record that answers", Reply(Asked, Answers, 1, 0, Opt()), (int)DnsReplyVerdict.Malformed },
        { "an SOA record of one byte", Reply(Asked, Answers | 3, 0, 1, Record(PointerToQuestion, 6, 60, [0])), (int)DnsReplyVerdict.Malformed },
        { "60,000 records announced", Reply(Asked, Answers, 60000, 0), (int)DnsReplyVerdict.Malformed },
    };

    [Theory]
    [MemberData(nameof(Verdicts))]
    public void What_is_no_answer_is_told_apart(string what, byte[] message, int verdict)
    {
        Read(message, out var answer).ShouldBe((DnsReplyVerdict)verdict, what);
        answer.ShouldBeNull();
    }

    [Fact]
    public void Records_of_types_that_nobody_knows_pass_as_bytes()
    {
        var asked = Query("www.shop.test", 65280);
        Read(Reply(asked, Answers, 1, 0, Record(PointerToQuestion, 65280, 60, [0xC0, 0xFF, 1])), out var answer, type: 65280).ShouldBe(DnsReplyVerdict.Answer);
        answer!.LifetimeSeconds.ShouldBe(60u);
        answer.Length.ShouldBe(2 + 10 + 3);
    }

    [Fact]
    public void Every_content_that_may_hold_compressed_names_is_written_without()
    {
        byte[] name = [0xC0, 12];
        var full = Name("www.shop.test");
        (int Type, byte[] Before, byte[] After)[] contents =
        [
            (2, name, full), (12, name, full), (39, name, full), (15, [0, 5, .. name], [0, 5, .. full]), (33, [0, 1, 0, 2, 0, 80, .. name], [0, 1, 0, 2, 0, 80, .. full]),
            (17, [.. name, .. name], [.. full, .. full]), (26, [0, 9, .. name, .. name], [0, 9, .. full, .. full]),
            (35, [0, 1, 0, 1, 1, (byte)'s', 1, (byte)'t', 0, .. name], [0, 1, 0, 1, 1, (byte)'s', 1, (byte)'t', 0, .. full]),
        ];
        foreach (var (type, before, after) in contents)
        {
            Read(Reply(Asked, Answers, 1, 0, Record(PointerToQuestion, type, 60, before)), out var answer).ShouldBe(DnsReplyVerdict.Answer, $"type {type}");
            var written = Written(answer!);
            written[^after.Length..].ShouldBe(after, $"type {type}");
            BinaryPrimitives.ReadUInt16BigEndian(written.AsSpan(written.Length - after.Length - 2)).ShouldBe((ushort)after.Length);
        }
    }
}
