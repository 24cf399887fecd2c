using System.Text;
using Shouldly;
using Weft.Proxy.Http2.Hpack;
using Weft.Routing.Requests;
using Xunit;

namespace Weft.Proxy.Tests.Http2.Hpack;

/// <summary>Every MUST of RFC 7541 that binds a decoder, by section, and the limits that are ours.</summary>
public sealed class DecoderTests
{
    private readonly HpackDecoder _decoder = new(HpackLimits.Default);

    [Theory] // 2.3.3, 6.1
    [InlineData("80", "index 0")]
    [InlineData("be", "index 62 of an empty dynamic table")]
    [InlineData("7e0161", "a literal whose name is index 62 of an empty dynamic table")]
    [InlineData("0f2f0161", "the same without indexing")]
    [InlineData("1f2f0161", "the same never indexed")]
    [InlineData("ffffffff07", "an index near 2^31")]
    public void An_index_beyond_both_tables_is_an_error(string hex, string because) => _decoder.Status(hex).ShouldBe(HpackStatus.Error, because);

    [Fact] // 2.3.3
    public void Indexes_count_from_the_static_table_on_to_the_youngest_entry()
    {
        _decoder.Read(Blocks.Hex("400161 0131 400162 0132 bebf")).ShouldBe(["a: 1", "b: 2", "b: 2", "a: 1"]);
        _decoder.Status("c0").ShouldBe(HpackStatus.Error);
    }

    [Fact] // 3.2
    public void Order_and_repetition_are_kept() =>
        _decoder.Read(Blocks.Hex("0001610132 0001610131 82 0001610132")).ShouldBe(["a: 2", "a: 1", ":method: GET", "a: 2"]);

    [Fact] // 4.1, 4.4
    public void An_entry_as_large_as_the_table_fits_and_one_byte_more_empties_it()
    {
        _decoder.Read(Literal("a", "1"));
        _decoder.Read(Literal("b", new string('x', 4096 - 32 - 1)));
        _decoder.TableBytes.ShouldBe(4096);
        _decoder.Status("bf").ShouldBe(HpackStatus.Error, "the first entry had to go");
        _decoder.Read(Literal("b", new string('x', 4096 - 32))).Count.ShouldBe(1, "not an error");
        _decoder.TableBytes.ShouldBe(0);
    }

    [Fact] // 4.2, 6.3
    public void A_size_update_beyond_our_setting_is_an_error()
    {
        _decoder.Status("3fe11f").ShouldBe(HpackStatus.Ok, "4096");
        _decoder.Status("3fe21f").ShouldBe(HpackStatus.Error, "4097");
    }

    [Fact] // 4.2
    public void A_size_update_behind_a_field_is_an_error() => _decoder.Status("8220").ShouldBe(HpackStatus.Error);

    [Fact] // 4.2, 4.3
    public void Two_size_updates_at_the_start_evict_by_the_smallest()
    {
        _decoder.Read(Literal("a", "1"));
        _decoder.Read(Blocks.Hex("20 3fe11f 82")).ShouldBe([":method: GET"]);
        _decoder.TableBytes.ShouldBe(0);
    }

    [Fact] // 4.2, RFC 9113 section 4.3.1
    public void After_our_smaller_setting_a_block_without_its_update_is_an_error()
    {
        _decoder.SetMaxTableBytes(100);
        _decoder.Status("82").ShouldBe(HpackStatus.Error);

        var raised = new HpackDecoder(HpackLimits.Default);
        raised.SetMaxTableBytes(0);
        raised.SetMaxTableBytes(4096);
        raised.Status("3fe11f82").ShouldBe(HpackStatus.Error, "the smallest size must be announced too");

        var announced = new HpackDecoder(HpackLimits.Default);
        announced.SetMaxTableBytes(0);
        announced.SetMaxTableBytes(4096);
        announced.Status("203fe11f82").ShouldBe(HpackStatus.Ok);
        announced.Status("82").ShouldBe(HpackStatus.Ok);
    }

    [Fact] // 4.4
    public void A_new_entry_may_take_its_name_from_the_entry_that_it_pushes_out()
    {
        var name = new string('n', 2000);
        _decoder.Read(Literal(name, new string('v', 2000)));
        _decoder.Read([0x7e, .. String(new string('w', 2050))]).ShouldBe([$"{name}: {new string('w', 2050)}"]);
        _decoder.Read([0xbe]).ShouldBe([$"{name}: {new string('w', 2050)}"]);
        _decoder.Status("bf").ShouldBe(HpackStatus.Error);
    }

    [Theory] // 5.1
    [InlineData("ff80808080808080", "octets that add nothing and do not end")]
    [InlineData("ffffffffffff7f", "more than 2^31 - 1")]
    [InlineData("ff8080808000", "a zero in the sixth further octet")]
    [InlineData("ff", "cut off")]
    [InlineData("3fffffffffff7f", "a table size")]
    [InlineData("007fffffffffff7f", "the length of a string")]
    public void Integers_beyond_our_limits_are_errors(string hex, string because) => _decoder.Status(hex).ShouldBe(HpackStatus.Error, because);

    [Fact] // 5.1
    public void An_integer_may_be_longer_than_it_needs() => _decoder.Read(Blocks.Hex("0f9000 00 82")).ShouldBe(["content-type: ", ":method: GET"]);

    [Theory] // 5.2
    [InlineData("00", "no name")]
    [InlineData("000161", "no value")]
    [InlineData("0002 61", "a name cut off")]
    [InlineData("0001 61 05 62", "a value cut off")]
    [InlineData("0001 61 82 1f", "a coded value cut off")]
    [InlineData("0001 61 81 ff", "a coded value with eight bits of padding")]
    public void Strings_beyond_the_block_and_wrong_codes_are_errors(string hex, string because) => _decoder.Status(hex).ShouldBe(HpackStatus.Error, because);

    [Fact] // 6.2.2, 6.2.3
    public void Literals_that_are_not_to_be_indexed_do_not_enter_the_table()
    {
        _decoder.Read(Blocks.Hex("0001610131 1001610131")).Count.ShouldBe(2);
        _decoder.TableBytes.ShouldBe(0);
    }

    [Fact]
    public void Fields_carry_their_identity_from_every_representation()
    {
        var block = new FieldBlock();
        _decoder.Decode([0x9c, 0xa0, .. Literal("x-request-id", "1"), .. Literal("other", ""), 0xbf, 0xbe, .. Literal("te", "trailers")], block).ShouldBe(HpackStatus.Ok);
        var known = new List<KnownHeader>();
        foreach (var field in block.Fields) known.Add(field.Known);
        known.ShouldBe([
            KnownHeader.ContentLength, KnownHeader.Other, KnownHeader.XRequestId, KnownHeader.Other, KnownHeader.XRequestId, KnownHeader.Other, KnownHeader.Te]);
        block.Fields[0].HopByHop.ShouldBeTrue();
        block.Fields[2].HopByHop.ShouldBeFalse();
    }

    [Fact]
    public void A_list_over_the_limit_is_dropped_and_the_table_stays_right()
    {
        var decoder = new HpackDecoder(new HpackLimits { MaxListBytes = 200 });
        var block = new FieldBlock();
        decoder.Decode([.. Literal("a", new string('x', 150)), .. Literal("b", "2"), .. Literal("c", "3")], block).ShouldBe(HpackStatus.TooLarge);
        block.Fields.Length.ShouldBe(0);
        decoder.Read([0xbe, 0xbf]).ShouldBe(["c: 3", "b: 2"]);
    }

    [Fact]
    public void The_limits_are_exact()
    {
        var bytes = new HpackDecoder(new HpackLimits { MaxListBytes = 2 * (32 + 2) });
        bytes.Status("0001610131 0001610131").ShouldBe(HpackStatus.Ok);
        bytes.Status("0001610131 000161023131").ShouldBe(HpackStatus.TooLarge);
        var fields = new HpackDecoder(new HpackLimits { MaxFields = 3 });
        fields.Status("828282").ShouldBe(HpackStatus.Ok);
        fields.Status("82828282").ShouldBe(HpackStatus.TooLarge);
    }

    [Fact]
    public void A_bomb_of_references_to_a_large_entry_costs_no_more_than_the_limit()
    {
        _decoder.Read(Literal("a", new string('x', 4000)));
        var bomb = new byte[100_000];
        bomb.AsSpan().Fill(0xbe);
        var block = new FieldBlock();
        var before = GC.GetAllocatedBytesForCurrentThread();
        _decoder.Decode(bomb, block).ShouldBe(HpackStatus.TooLarge);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(256 * 1024, "400 MB of fields were asked for");
    }

    [Fact]
    public void A_bomb_of_literals_that_borrow_a_long_name_ends()
    {
        _decoder.Read(Literal(new string('a', 4000), "x"));
        var bomb = new byte[100_000]; // 0x0f 0x2f: the name of entry 62; 0x00: no value
        for (var i = 0; i + 2 < bomb.Length; i += 3) (bomb[i], bomb[i + 1]) = (0x0f, 0x2f);
        bomb[^1] = 0x80;
        _decoder.Decode(bomb, new FieldBlock()).ShouldBe(HpackStatus.Error, "130 MB of names were asked for");
        _decoder.Reason.ShouldContain("SETTINGS_MAX_HEADER_LIST_SIZE");
    }

    private static byte[] Literal(string name, string value) => [0x40, .. String(name), .. String(value)];

    private static byte[] String(string text)
    {
        var length = new byte[HpackInteger.MaxBytes];
        return [.. length[..HpackInteger.Write(text.Length, 0x7f, 0, length)], .. Encoding.ASCII.GetBytes(text)];
    }
}
