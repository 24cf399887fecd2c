using Envoy.Config.Route.V3;
using Envoy.Type.V3;
using Shouldly;
using Weft.Routing.Compile;
using Xunit;
using StringMatcher = Envoy.Type.Matcher.V3.StringMatcher;

namespace Weft.Routing.Tests.Matching;

public sealed class HeaderMatcherTests
{
    private static bool Matches(HeaderMatcher matcher, params (string, string)[] headers)
    {
        var compiled = RouteCompiler.Compile(TestResources.Routes(new Route { Match = new RouteMatch { Prefix = "/", Headers = { matcher } }, Route_ = new RouteAction { Cluster = "c" } }));
        compiled.Rejections.ShouldBeEmpty();
        return compiled.Value!.Match(new TestRequest("/p?q", "host.example", "POST", headers: headers).Head).Route is not null;
    }

    public static TheoryData<HeaderMatcher, string, bool> Forms => new()
    {
        { new() { ExactMatch = "v" }, "v", true }, { new() { ExactMatch = "v" }, "V", false },
        { new() { PrefixMatch = "va" }, "value", true }, { new() { SuffixMatch = "ue" }, "value", true }, { new() { ContainsMatch = "lu" }, "value", true },
        { new() { ContainsMatch = "x" }, "value", false }, { new() { SafeRegexMatch = new() { Regex = "v.*e" } }, "value", true },
        { new() { SafeRegexMatch = new() { Regex = "v" } }, "value", false },
        { new() { StringMatch = new StringMatcher { Exact = "VALUE", IgnoreCase = true } }, "value", true },
        { new() { StringMatch = new StringMatcher { Contains = "LU", IgnoreCase = true } }, "value", true },
        { new() { StringMatch = new StringMatcher { Suffix = "UE", IgnoreCase = true } }, "value", true },
        { new() { RangeMatch = new Int64Range { Start = -5, End = 10 } }, "-5", true }, { new() { RangeMatch = new Int64Range { Start = -5, End = 10 } }, "10", false },
        { new() { RangeMatch = new Int64Range { Start = 1, End = 10 } }, "5x", false },
        { new() { PresentMatch = true }, "", true }, { new() { PresentMatch = false }, "v", false }, { new(), "v", true },
        { new() { ExactMatch = "v", InvertMatch = true }, "w", true }, { new() { ExactMatch = "v", InvertMatch = true }, "v", false },
    };

    [Theory]
    [MemberData(nameof(Forms))]
    public void Every_form_compares_as_documented(HeaderMatcher matcher, string value, bool expected)
    {
        matcher.Name = "X-Name";
        Matches(matcher, ("x-name", value)).ShouldBe(expected);
    }

    [Fact]
    public void Missing_field_fails_every_comparison_inverted_or_not()
    {
        Matches(new HeaderMatcher { Name = "x", ExactMatch = "v" }).ShouldBeFalse();
        Matches(new HeaderMatcher { Name = "x", ExactMatch = "v", InvertMatch = true }).ShouldBeFalse();
        Matches(new HeaderMatcher { Name = "x", ExactMatch = "", TreatMissingHeaderAsEmpty = true }).ShouldBeTrue();
    }

    [Fact]
    public void Absence_can_be_asked_for()
    {
        Matches(new HeaderMatcher { Name = "x", PresentMatch = false }).ShouldBeTrue();
        Matches(new HeaderMatcher { Name = "x", PresentMatch = true, InvertMatch = true }).ShouldBeTrue();
        Matches(new HeaderMatcher { Name = "x", PresentMatch = true }).ShouldBeFalse();
    }

    [Fact]
    public void Repeated_field_is_compared_joined_by_commas() =>
        Matches(new HeaderMatcher { Name = "x", ExactMatch = "a,b" }, ("x", "a"), ("y", "-"), ("X", "b")).ShouldBeTrue();

    [Theory]
    [InlineData(":method", "POST")]
    [InlineData(":path", "/p?q")]
    [InlineData(":authority", "host.example")]
    [InlineData(":scheme", "http")]
    [InlineData("host", "host.example")]
    public void Request_line_is_matched_by_pseudo_headers(string name, string value) =>
        Matches(new HeaderMatcher { Name = name, StringMatch = new StringMatcher { Exact = value } }).ShouldBeTrue();
}
