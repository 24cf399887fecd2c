using Shouldly;
using Weft.Resources;
using Xunit;

namespace Weft.Resources.Tests.Text;

public sealed class GatewayDurationTests
{
    [Theory]
    [InlineData("0s", 0)]
    [InlineData("500ms", 500)]
    [InlineData("1m30s", 90_000)]
    [InlineData("1h30m10s5ms", 5_410_005)]
    [InlineData("10s10s", 20_000)]
    [InlineData("99999h", 359_996_400_000)]
    public void What_gep_2257_allows_is_read(string text, long milliseconds) =>
        GatewayDuration.Parse(text).Value.ShouldBe(TimeSpan.FromMilliseconds(milliseconds));

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("s")]
    [InlineData("1.5h")]
    [InlineData("-1s")]
    [InlineData("1d")]
    [InlineData("1us")]
    [InlineData("100000s")]
    [InlineData("1h1m1s1ms1ms")]
    [InlineData("1h 1m")]
    [InlineData("1H")]
    public void What_it_does_not_allow_is_refused(string text) => GatewayDuration.TryParse(text, out _).ShouldBeFalse();

    [Theory]
    [InlineData("90s", "1m30s")]
    [InlineData("0ms", "0s")]
    [InlineData("25h", "25h")]
    public void The_written_form_is_the_shortest(string text, string shortest) => GatewayDuration.Parse(text).ToString().ShouldBe(shortest);
}
