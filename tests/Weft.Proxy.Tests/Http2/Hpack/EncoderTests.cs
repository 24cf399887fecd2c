using System.Text;
using Shouldly;
using Weft.Proxy.Http2.Hpack;
using Xunit;

namespace Weft.Proxy.Tests.Http2.Hpack;

/// <summary>What RFC 7541 binds an encoder to, what ours decides, and that our decoder agrees with it on any fields.</summary>
public sealed class EncoderTests
{
    private readonly HpackEncoder _encoder = new();
    private readonly HpackDecoder _decoder = new(HpackLimits.Default);

    [Fact]
    public void Static_fields_are_one_byte() =>
        Convert.ToHexStringLower(_encoder.Write((":method", "GET"), (":scheme", "https"), (":path", "/"), (":status", "200"), ("accept-encoding", "gzip, deflate")))
            .ShouldBe("8287848890");

    [Fact]
    public void Names_are_sent_in_lower_case_and_found_in_any()
    {
        var first = _encoder.Write(("X-Tenant", "a"), ("Accept-Language", "de"));
        _decoder.Read(first).ShouldBe(["x-tenant: a", "accept-language: de"]);
        _decoder.Read(_encoder.Write(("x-TENANT", "a"), ("ACCEPT-language", "de"))).ShouldBe(["x-tenant: a", "accept-language: de"]);
        var third = _encoder.Write(("X-Tenant", "a"), ("accept-language", "de"));
        third.Length.ShouldBe(2, "both are in the table by now");
        _decoder.Read(third).ShouldBe(["x-tenant: a", "accept-language: de"]);
    }

    [Fact]
    public void A_field_enters_the_table_when_it_comes_a_second_time()
    {
        for (var i = 0; i < 1000; i++) _decoder.Read(_encoder.Write((":path", $"/users/{i}")));
        _decoder.TableBytes.ShouldBe(0, "none of a thousand paths came twice");
        _decoder.Read(_encoder.Write((":path", "/users/999")));
        _decoder.TableBytes.ShouldBeGreaterThan(0);
        _encoder.Write((":path", "/users/999")).Length.ShouldBe(1);
    }

    [Fact]
    public void Values_that_change_each_time_teach_their_name_and_never_enter_again()
    {
        _decoder.Read(_encoder.Write(("x-request-id", "7b0d3c5e-0000-4000-8000-000000000001")));
        var taught = _decoder.TableBytes;
        taught.ShouldBe(12 + 36 + 32);
        for (var i = 0; i < 10; i++) _encoder.Write(("x-request-id", $"7b0d3c5e-0000-4000-8000-00000000000{i}")).Length.ShouldBe(3 + 36, "index in two bytes, length, value");
        foreach (var (name, value) in new[] { (":path", "/search?q=1"), ("date", "Mon, 21 Oct 2013 20:13:21 GMT"), ("content-length", "17") })
        {
            for (var i = 0; i < 3; i++) _decoder.Read(_encoder.Write((name, value)));
        }
        _decoder.TableBytes.ShouldBe(taught, "their names are static");
    }

    [Theory] // 6.2.3, 7.1.3
    [InlineData("authorization")]
    [InlineData("Proxy-Authorization")]
    [InlineData("cookie")]
    [InlineData("set-cookie")]
    [InlineData("x-api-key")]
    public void Credentials_are_marked_never_to_be_indexed(string name)
    {
        var block = new FieldBlock();
        for (var i = 0; i < 3; i++)
        {
            _decoder.Decode(_encoder.Write((name, "s3cret")), block).ShouldBe(HpackStatus.Ok);
            block.Fields[0].NeverIndexed.ShouldBeTrue();
            Encoding.ASCII.GetString(block.Value(block.Fields[0])).ShouldBe("s3cret");
        }
        _decoder.TableBytes.ShouldBe(0);
    }

    [Fact] // 6.2.3
    public void A_field_that_came_never_indexed_goes_on_so_even_when_a_table_has_it()
    {
        for (var i = 0; i < 3; i++) _decoder.Read(_encoder.Write("x-plan", "gold"));
        var block = new FieldBlock();
        _decoder.Decode(_encoder.Write("x-plan", "gold", IndexingPolicy.Never), block).ShouldBe(HpackStatus.Ok);
        block.Fields[0].NeverIndexed.ShouldBeTrue();
        block.Lines().ShouldBe(["x-plan: gold"]);
    }

    [Fact] // 4.2
    public void A_smaller_table_of_the_peer_is_announced_at_the_start_of_the_next_block()
    {
        _encoder.SetPeerTableBytes(100);
        _encoder.Write(":method", "GET").ShouldBe(Blocks.Hex("3f45 82"));
        _encoder.Write(":method", "GET").ShouldBe(Blocks.Hex("82"));
    }

    [Fact] // 4.2
    public void A_table_made_smaller_and_larger_again_is_announced_by_both_sizes()
    {
        Learn("x-a", "1");
        _encoder.SetPeerTableBytes(0);
        _encoder.SetPeerTableBytes(50);
        _encoder.SetPeerTableBytes(4096);
        _decoder.SetMaxTableBytes(0);
        _decoder.SetMaxTableBytes(4096);
        _encoder.Write(":method", "GET").ShouldBe(Blocks.Hex("20 3fe11f 82"));
        _decoder.Read(Blocks.Hex("20 3fe11f 82")).ShouldBe([":method: GET"]);
        _decoder.Read(_encoder.Write(("x-a", "1"))).ShouldBe(["x-a: 1"]);
    }

    [Fact]
    public void A_larger_table_of_the_peer_is_used_up_to_our_own_limit()
    {
        _encoder.SetPeerTableBytes(1 << 20);
        _encoder.Write(":method", "GET").ShouldBe(Blocks.Hex("82"), "nothing has changed");
        var large = new HpackEncoder(8192);
        large.SetPeerTableBytes(1 << 20);
        large.Write(":method", "GET").ShouldBe(Blocks.Hex("3fe13f 82"));
        var small = new HpackEncoder(0);
        small.Write(":method", "GET").ShouldBe(Blocks.Hex("20 82"));
        for (var i = 0; i < 3; i++) small.Write("x-a", "1").Length.ShouldBe(7, "a table of nothing holds nothing");
    }

    [Fact]
    public void A_field_of_more_than_half_the_table_does_not_enter_it()
    {
        for (var i = 0; i < 3; i++) _decoder.Read(_encoder.Write("x-large", new string('a', 2048)));
        _decoder.TableBytes.ShouldBe(0);
    }

    [Fact]
    public void Any_fields_are_read_back_whatever_sizes_are_agreed_on_in_between()
    {
        var random = new Random(9113);
        for (var connection = 0; connection < 50; connection++)
        {
            var encoder = new HpackEncoder(random.Next(0, 3) switch { 0 => 300, 1 => 4096, _ => 16384 });
            var decoder = new HpackDecoder(new HpackLimits { MaxListBytes = int.MaxValue, MaxFields = int.MaxValue });
            for (var block = 0; block < 100; block++)
            {
                for (var change = random.Next(0, 8) - 5; change > 0; change--)
                {
                    var bytes = random.Next(0, 3) switch { 0 => random.Next(0, 200), 1 => 4096, _ => random.Next(0, 20_000) };
                    decoder.SetMaxTableBytes(bytes);
                    encoder.SetPeerTableBytes((uint)bytes);
                }
                var fields = Enumerable.Range(0, random.Next(1, 12)).Select(_ => Field(random)).ToArray();
                decoder.Read(encoder.Write(fields)).ShouldBe(fields.Select(field => $"{field.Name}: {field.Value}"));
            }
        }
    }

    [Fact]
    public void A_warm_pair_allocates_nothing()
    {
        (byte[] Name, byte[] Value)[] fields = [.. new (string Name, string Value)[]
        {
            (":method", "POST"), (":scheme", "https"), (":path", "/shop.Catalogue/Get"), (":authority", "catalogue.default:80"), ("Content-Type", "application/grpc"),
            ("te", "trailers"), ("user-agent", "grpc-dotnet/2.60 (.NET 10)"), ("x-request-id", ""), ("x-tenant", "acme"), ("authorization", "Bearer abc"),
        }.Select(field => (Encoding.ASCII.GetBytes(field.Name), Encoding.ASCII.GetBytes(field.Value)))];
        var id = new byte[36];
        var output = new byte[4096];
        var block = new FieldBlock();
        for (var i = 0; i < 2_000; i++) Pass(i);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 20_000; i++) Pass(i);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);

        void Pass(int round)
        {
            var written = 0;
            BitConverter.TryWriteBytes(id, round);
            foreach (var (name, value) in fields) written += _encoder.Encode(name, value.Length == 0 ? id : value, IndexingPolicy.ByName, output.AsSpan(written));
            // A field that changes slowly keeps the table turning over.
            BitConverter.TryWriteBytes(id, round / 4);
            written += _encoder.Encode("x-epoch"u8, id, IndexingPolicy.ByName, output.AsSpan(written));
            if (_decoder.Decode(output.AsSpan(0, written), block) != HpackStatus.Ok) throw new InvalidOperationException(_decoder.Reason);
        }
    }

    private void Learn(string name, string value)
    {
        for (var i = 0; i < 3; i++) _decoder.Read(_encoder.Write(name, value));
    }

    private static (string Name, string Value) Field(Random random)
    {
        string[] names = [":path", ":status", "cookie", "x-request-id", "accept", "x-a", "x-b", "", new string('n', 40), "content-type", "a\u00ff"];
        var value = random.Next(0, 6) switch
        {
            0 => "",
            1 => "200",
            2 => new string('v', random.Next(0, 300)),
            3 => $"{random.Next(0, 40)}",
            4 => new string('\u00e4', random.Next(0, 20)),
            _ => $"/path/{random.Next(0, 10)}?q",
        };
        return (names[random.Next(names.Length)], value);
    }
}
