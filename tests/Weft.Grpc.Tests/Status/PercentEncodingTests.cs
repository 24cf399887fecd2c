using System.Text;
using Shouldly;
using Xunit;

namespace Weft.Grpc.Tests.Status;

public sealed class PercentEncodingTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("my favorite character is \0", "my favorite character is %00")]
    [InlineData("my favorite character is %", "my favorite character is %25")]
    [InlineData("a b~!", "a b~!")]
    [InlineData("line\r\nbreak", "line%0D%0Abreak")]
    [InlineData("my favorite character is 𝄞", "my favorite character is %F0%9D%84%9E")]
    public void Message_is_encoded_and_decoded_alike(string text, string encoded)
    {
        PercentEncoding.Encode(text).ShouldBe(encoded);
        PercentEncoding.Decode(encoded).ShouldBe(text);
        var bytes = new byte[encoded.Length];
        PercentEncoding.Encode(Encoding.UTF8.GetBytes(text), bytes).ShouldBe(encoded.Length);
        Encoding.ASCII.GetString(bytes).ShouldBe(encoded);
    }

    [Theory]
    [InlineData(5, "ab%0A")]
    [InlineData(4, "ab")]
    [InlineData(2, "ab")]
    [InlineData(1, "a")]
    public void Message_that_is_too_long_is_cut_before_an_escape_that_does_not_fit(int room, string encoded)
    {
        var bytes = new byte[room];
        Encoding.ASCII.GetString(bytes, 0, PercentEncoding.Encode("ab\ncd"u8, bytes)).ShouldBe(encoded);
    }

    [Theory]
    [InlineData("100%", "100%")]
    [InlineData("%", "%")]
    [InlineData("%4", "%4")]
    [InlineData("%zz and %41", "%zz and A")]
    [InlineData("%e2%82%ac", "€")]
    [InlineData("%FF", "�")]
    [InlineData("é raw", "é raw")]
    public void Broken_encoding_is_kept_and_never_fails(string encoded, string text) =>
        PercentEncoding.Decode(encoded).ShouldBe(text);
}
