using System.Text;
using Shouldly;
using Weft.Proxy.Mesh;
using Xunit;

namespace Weft.Proxy.Tests.Mesh;

public sealed class MeshDeadlineTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("1500", 1500)]
    [InlineData("2147483647", int.MaxValue)]
    [InlineData("0000000007", 7)]
    public void Digits_are_milliseconds(string value, long expected)
    {
        MeshDeadline.TryParse(Encoding.ASCII.GetBytes(value), out var left).ShouldBeTrue();
        left.ShouldBe(expected);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData(" 1")]
    [InlineData("1 ")]
    [InlineData("1s")]
    [InlineData("1e3")]
    [InlineData("0x10")]
    [InlineData("2147483648")]
    [InlineData("00000000001")]
    [InlineData("99999999999999999999")]
    public void Anything_else_is_no_deadline(string value) => MeshDeadline.TryParse(Encoding.ASCII.GetBytes(value), out _).ShouldBeFalse();

    [Theory]
    [InlineData(-5, "0")]
    [InlineData(1234, "1234")]
    [InlineData(long.MaxValue, "2147483647")]
    public void What_is_written_is_in_range(long left, string expected)
    {
        Span<byte> text = stackalloc byte[MeshDeadline.MaxLength];

        Encoding.ASCII.GetString(text[..MeshDeadline.Format(left, text)]).ShouldBe(expected);
    }
}
