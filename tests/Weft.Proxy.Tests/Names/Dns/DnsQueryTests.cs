using Shouldly;
using Weft.Proxy.Names.Dns;
using Xunit;
using static Weft.Proxy.Tests.Names.DnsBytes;

namespace Weft.Proxy.Tests.Names.Dns;

public sealed class DnsQueryTests
{
    private static DnsQueryVerdict Read(byte[] message, out DnsQuery query) => DnsQuery.TryRead(message, new byte[DnsName.MaxLength], out query);

    [Fact]
    public void A_question_is_read_with_its_name_in_lower_case()
    {
        var name = new byte[DnsName.MaxLength];
        DnsQuery.TryRead(Query("CATALOG.Default", type: 28, id: 0xBEEF), name, out var query).ShouldBe(DnsQueryVerdict.Ok);

        name[..query.NameLength].ShouldBe(Name("catalog.default"));
        query.Header.Id.ShouldBe((ushort)0xBEEF);
        query.Type.ShouldBe(DnsType.Aaaa);
        (query.HasEdns, query.PayloadBytes, query.WantsSignatures, query.WantsRecursion).ShouldBe((false, (ushort)512, false, true));
    }

    [Theory]
    [InlineData(4096, 4096)]
    [InlineData(100, 512)] // RFC 6891 section 6.2.3
    public void EDNS_says_how_much_the_client_takes(int said, int meant)
    {
        byte[] subnet = [0, 8, 0, 7, 0, 1, 24, 0, 10, 0, 0];
        Read(Message(7, Asks, 1, 0, 0, 1, Question("a"), Opt(said, signatures: true, options: subnet)), out var query).ShouldBe(DnsQueryVerdict.Ok);
        (query.HasEdns, query.PayloadBytes, query.WantsSignatures).ShouldBe((true, (ushort)meant, true));
    }

    public static TheoryData<string, byte[], int> Refused => new()
    {
        { "empty", [], (int)DnsQueryVerdict.Drop },
        { "half a header", [.. Query("a").Take(11)], (int)DnsQueryVerdict.Drop },
        { "a response", Message(7, Answers, 1, 0, 0, 0, Question("a")), (int)DnsQueryVerdict.Drop },
        { "a header alone", Message(7, Asks, 0, 0, 0, 0), (int)DnsQueryVerdict.Malformed },
        { "a question announced and not there", Message(7, Asks, 1, 0, 0, 0), (int)DnsQueryVerdict.Malformed },
        { "two questions", Message(7, Asks, 2, 0, 0, 0, Question("a"), Question("b")), (int)DnsQueryVerdict.Malformed },
        { "an answer in it", Message(7, Asks, 1, 1, 0, 0, Question("a"), A(PointerToQuestion, 1, "1.2.3.4")), (int)DnsQueryVerdict.Malformed },
        { "65,535 additional records announced", Message(7, Asks, 1, 0, 0, 65535, Question("a")), (int)DnsQueryVerdict.Malformed },
        { "bytes behind the end", [.. Query("a"), 0], (int)DnsQueryVerdict.Malformed },
        { "a name that points at itself", Message(7, Asks, 1, 0, 0, 0, PointerToQuestion, Number(1), Number(1)), (int)DnsQueryVerdict.Malformed },
        { "no class", [.. Query("a").SkipLast(2)], (int)DnsQueryVerdict.Malformed },
        { "two OPT records", Message(7, Asks, 1, 0, 0, 2, Question("a"), Opt(), Opt()), (int)DnsQueryVerdict.Malformed },
        { "an OPT record of somebody", Message(7, Asks, 1, 0, 0, 1, Question("a"), Record(Name("b"), 41, 0, [], 1232)), (int)DnsQueryVerdict.Malformed },
        { "a record cut off", Message(7, Asks, 1, 0, 0, 1, Question("a"), [.. Opt().SkipLast(1)]), (int)DnsQueryVerdict.Malformed },
        { "data cut off", Message(7, Asks, 1, 0, 0, 1, Question("a"), [.. Opt(options: [1, 2, 3]).SkipLast(1)]), (int)DnsQueryVerdict.Malformed },
        { "EDNS version 1", Message(7, Asks, 1, 0, 0, 1, Question("a"), Opt(version: 1)), (int)DnsQueryVerdict.BadVersion },
        { "an update", Message(7, Asks | (5 << 11), 1, 0, 0, 0, Question("a", 6)), (int)DnsQueryVerdict.NotImplemented },
        { "an inverse query", Message(7, Asks | (1 << 11), 1, 0, 0, 0, Question("a")), (int)DnsQueryVerdict.NotImplemented },
        { "class CHAOS", Query("version.bind", 16, cls: 3), (int)DnsQueryVerdict.Refused },
        { "class ANY", Query("a", cls: 255), (int)DnsQueryVerdict.Refused },
        { "a zone transfer", Query("a", 252), (int)DnsQueryVerdict.Refused },
        { "OPT as a question", Query("a", 41), (int)DnsQueryVerdict.Refused },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_is_no_question_for_us_is_told_why(string what, byte[] message, int verdict) => Read(message, out _).ShouldBe((DnsQueryVerdict)verdict, what);

    [Fact]
    public void Types_that_nobody_knows_are_questions_like_others()
    {
        Read(Query("a", 65280), out var query).ShouldBe(DnsQueryVerdict.Ok);
        query.Type.ShouldBe((ushort)65280);
    }
}
