using Shouldly;
using Weft.Proxy.Http2.Hpack;
using Xunit;

namespace Weft.Proxy.Tests.Http2.Hpack;

/// <summary>RFC 7541 section 5.2 and appendix B.</summary>
public sealed class HuffmanTests
{
    [Fact]
    public void The_code_is_complete_so_that_every_bit_sequence_has_one_reading() =>
        HuffmanCode.Lengths.ToArray().Sum(bits => 1L << (HuffmanCode.MaxBits - bits)).ShouldBe(1L << HuffmanCode.MaxBits);

    [Theory] // From the table of appendix B: symbol, code in hexadecimal, its bits.
    [InlineData('0', 0x0, 5)]
    [InlineData('a', 0x3, 5)]
    [InlineData(' ', 0x14, 6)]
    [InlineData('&', 0xf8, 8)]
    [InlineData('!', 0x3f8, 10)]
    [InlineData(0, 0x1ff8, 13)]
    [InlineData('\\', 0x7fff0, 19)]
    [InlineData(1, 0x7fffd8, 23)]
    [InlineData(255, 0x3ffffee, 26)]
    [InlineData(249, 0xffffffe, 28)]
    [InlineData(22, 0x3ffffffe, 30)]
    [InlineData(HuffmanCode.EndOfString, 0x3fffffff, 30)]
    public void Codes_are_those_of_the_appendix(int symbol, int code, int bits)
    {
        HuffmanCode.MakeCodes()[symbol].ShouldBe((uint)code);
        ((int)HuffmanCode.Lengths[symbol]).ShouldBe(bits);
    }

    [Fact]
    public void Every_octet_alone_and_in_company_is_read_back()
    {
        var random = new Random(7541);
        for (var octet = 0; octet < 256; octet++) AssertReadBack([(byte)octet]);
        for (var round = 0; round < 20_000; round++)
        {
            var text = new byte[random.Next(0, 80)];
            random.NextBytes(text);
            if (round % 2 == 0)
            {
                for (var i = 0; i < text.Length; i++) text[i] = (byte)(' ' + (text[i] % 95));
            }
            AssertReadBack(text);
        }
    }

    [Theory]
    [InlineData("", "an empty string is one")]
    [InlineData("1f", "a, then three ones")]
    [InlineData("f8", "&, which ends with its octet")]
    public void Padding_of_ones_shorter_than_an_octet_is_accepted(string hex, string because) => Decode(hex).ShouldBeGreaterThanOrEqualTo(0, because);

    [Theory]
    [InlineData("ff", "MUST: padding of eight bits")]
    [InlineData("1fff", "MUST: padding longer than seven bits")]
    [InlineData("1fffffffff", "MUST: padding longer than seven bits, and the end of a string within it")]
    [InlineData("18", "MUST: padding that is not the beginning of the end-of-string code")]
    [InlineData("1e", "MUST: padding that ends with zero")]
    [InlineData("fffffffc", "MUST: the end-of-string code")]
    [InlineData("ffffffff", "MUST: the end-of-string code and padding")]
    [InlineData("1fffffffff1f", "MUST: the end-of-string code between symbols")]
    [InlineData("fffffe", "a code that is cut off")]
    public void Wrong_endings_are_errors(string hex, string because) => Decode(hex).ShouldBe(-1, because);

    private static int Decode(string hex)
    {
        var coded = Blocks.Hex(hex);
        return HuffmanDecoder.Decode(coded, new byte[HuffmanDecoder.MaxDecodedLength(coded.Length)]);
    }

    private static void AssertReadBack(byte[] text)
    {
        var coded = new byte[text.Length * 4];
        var length = HuffmanEncoder.Encode(text, coded);
        length.ShouldBe(HuffmanEncoder.EncodedLength(text));
        var read = new byte[HuffmanDecoder.MaxDecodedLength(length)];
        read.AsSpan(0, HuffmanDecoder.Decode(coded.AsSpan(0, length), read)).SequenceEqual(text).ShouldBeTrue(Convert.ToHexString(text));
    }
}
