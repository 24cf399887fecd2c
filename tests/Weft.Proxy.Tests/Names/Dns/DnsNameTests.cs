using System.Text;
using Shouldly;
using Weft.Proxy.Names.Dns;
using Xunit;
using static Weft.Proxy.Tests.Names.DnsBytes;

namespace Weft.Proxy.Tests.Names.Dns;

public sealed class DnsNameTests
{
    private static readonly byte[] Header = new byte[12];

    private static string? Read(byte[] message, int at, out int behind)
    {
        Span<byte> name = stackalloc byte[DnsName.MaxLength];
        Span<byte> text = stackalloc byte[DnsName.MaxLength];
        behind = at;
        if (!DnsName.TryRead(message, ref behind, name, out var length)) return null;
        return DnsName.TryWriteText(name[..length], text, out var written) ? Encoding.ASCII.GetString(text[..written]) : "";
    }

    [Fact]
    public void A_name_is_read_label_by_label_and_through_pointers()
    {
        byte[] message = [.. Header, .. Name("Catalog.default"), 3, (byte)'w', (byte)'w', (byte)'w', 0xC0, 12, 0xC0, 29];

        Read(message, 12, out var behind).ShouldBe("Catalog.default");
        behind.ShouldBe(29);
        Read(message, 29, out behind).ShouldBe("www.Catalog.default");
        behind.ShouldBe(35);
        Read(message, 35, out behind).ShouldBe("www.Catalog.default");
        behind.ShouldBe(37);
    }

    public static TheoryData<string, byte[]> Broken => new()
    {
        { "nothing", [] },
        { "no end", [1, (byte)'a'] },
        { "label cut off", [5, (byte)'a'] },
        { "pointer cut off", [0xC0] },
        { "to itself", [0xC0, 12] },
        { "forward", [0xC0, 14, 0] },
        { "to behind itself, in its own labels", [1, (byte)'a', 0xC0, 12] },
        { "into the header", [0xC0, 11] },
        { "two that lead to each other", [1, (byte)'a', 0xC0, 16, 1, (byte)'b', 0xC0, 12] },
        { "kind 0x40", [0x41, 0] },
        { "kind 0x80", [0x80, 0] },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public void What_is_no_name_is_refused(string what, byte[] bytes) => Read([.. Header, .. bytes], 12, out _).ShouldBeNull(what);

    [Fact]
    public void Names_may_have_255_bytes_and_no_more()
    {
        var longest = string.Join('.', new string('a', 63), new string('b', 63), new string('c', 63), new string('d', 61));
        Read([.. Header, .. Name(longest)], 12, out _).ShouldBe(longest);
        Read([.. Header, .. Name(longest + "d")], 12, out _).ShouldBeNull();
    }

    [Fact]
    public void A_chain_of_ten_thousand_pointers_costs_no_more_than_its_length()
    {
        // Each leads one step towards the beginning: no loop, and still of no use to anybody who wants to keep a reader busy.
        var message = new byte[12 + 1 + (8000 * 2)];
        for (var i = 0; i < 8000; i++) Number(0xC000 | (i == 0 ? 12 : 13 + ((i - 1) * 2))).CopyTo(message, 13 + (i * 2));

        Read(message, message.Length - 2, out var behind).ShouldBe("");
        behind.ShouldBe(message.Length);
    }

    [Theory]
    [InlineData("catalog", true)]
    [InlineData("catalog.default.", true)]
    [InlineData("_http._tcp.catalog", true)]
    [InlineData("", false)]
    [InlineData(".", false)]
    [InlineData("a..b", false)]
    [InlineData("a..", false)]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false)]
    public void Text_becomes_a_name(string text, bool isName)
    {
        Span<byte> name = stackalloc byte[DnsName.MaxLength];
        DnsName.TryParse(Encoding.ASCII.GetBytes(text), name, out var length).ShouldBe(isName);
        if (isName) name[..length].ToArray().ShouldBe(Name(text));
    }

    [Theory]
    [InlineData("a:80")]
    [InlineData("a b")]
    [InlineData("a\0")]
    [InlineData("münchen")]
    public void Labels_that_hosts_do_not_have_have_no_text(string label)
    {
        Span<byte> text = stackalloc byte[DnsName.MaxLength];
        DnsName.TryWriteText([(byte)label.Length, .. Encoding.Latin1.GetBytes(label), 0], text, out _).ShouldBeFalse();
    }

    [Fact]
    public void Case_makes_no_difference_and_other_bytes_do()
    {
        DnsName.Matches(Name("CaTaLoG"), Name("catalog")).ShouldBeTrue();
        DnsName.Matches(Name("cat@log"), Name("cat`log")).ShouldBeFalse();
        DnsName.Matches(Name("catalog."), Name("catalog.a")).ShouldBeFalse();
    }

    [Theory]
    [InlineData("7.3.240.240.in-addr.arpa", "240.240.3.7")]
    [InlineData("0.0.0.0.in-addr.arpa", "0.0.0.0")]
    [InlineData("7.3.240.in-addr.arpa", null)]
    [InlineData("1.7.3.240.240.in-addr.arpa", null)]
    [InlineData("256.3.240.240.in-addr.arpa", null)]
    [InlineData("07.3.240.240.in-addr.arpa", null)]
    [InlineData("-7.3.240.240.in-addr.arpa", null)]
    [InlineData("in-addr.arpa", null)]
    [InlineData("7.0.0.0.3.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.4.7.6.6.5.6.7.7.d.f.ip6.arpa", "fd77:6566:7400::3:7")]
    [InlineData("7.0.0.0.ip6.arpa", null)]
    [InlineData("g.0.0.0.3.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.4.7.6.6.5.6.7.7.d.f.ip6.arpa", null)]
    public void Names_of_addresses_are_read(string name, string? address) => ReverseName.Parse(Name(name))?.ToString().ShouldBe(address);
}
