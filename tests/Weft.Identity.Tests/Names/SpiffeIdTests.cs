using Shouldly;
using Weft.TestSupport;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace Weft.Identity.Tests.Names;

public sealed class SpiffeIdTests
{
    [Theory]
    [InlineData("spiffe://example.org/ns/default/sa/web")]
    [InlineData("spiffe://td_1.example-2.org/a.b-c_D")]
    [InlineData("spiffe://10.0.0.1/x")]
    [InlineData("spiffe://example.org/...")]
    [InlineData("spiffe://example.org")]
    public void Valid_text_is_kept_byte_for_byte(string text)
    {
        SpiffeId.TryParse(text, out var id, out var error).ShouldBeTrue(error.ToString());
        id!.Text.ShouldBe(text);
    }

    [Theory]
    [InlineData("", SpiffeIdError.Empty)]
    [InlineData(null, SpiffeIdError.Empty)]
    [InlineData("http://example.org/a", SpiffeIdError.Scheme)]
    [InlineData("spiffe:example.org/a", SpiffeIdError.NoAuthority)]
    [InlineData("spiffe:/example.org/a", SpiffeIdError.NoAuthority)]
    [InlineData("spiffe:///a", SpiffeIdError.EmptyTrustDomain)]
    [InlineData("spiffe://", SpiffeIdError.EmptyTrustDomain)]
    [InlineData("spiffe://Example.org/a", SpiffeIdError.TrustDomainUpperCase)]
    [InlineData("spiffe://example.org:8080/a", SpiffeIdError.Port)]
    [InlineData("spiffe://example.org:/a", SpiffeIdError.Port)]
    [InlineData("spiffe://user@example.org/a", SpiffeIdError.UserInformation)]
    [InlineData("spiffe://user:word@example.org/a", SpiffeIdError.UserInformation)]
    [InlineData("spiffe://example.org/a?x=1", SpiffeIdError.Query)]
    [InlineData("spiffe://example.org?", SpiffeIdError.Query)]
    [InlineData("spiffe://example.org/a#f", SpiffeIdError.Fragment)]
    [InlineData("spiffe://example.org/a/", SpiffeIdError.TrailingSlash)]
    [InlineData("spiffe://example.org/", SpiffeIdError.TrailingSlash)]
    [InlineData("spiffe://example.org//a", SpiffeIdError.EmptySegment)]
    [InlineData("spiffe://example.org/a//b", SpiffeIdError.EmptySegment)]
    [InlineData("spiffe://example.org/./a", SpiffeIdError.RelativeSegment)]
    [InlineData("spiffe://example.org/a/../b", SpiffeIdError.RelativeSegment)]
    [InlineData("spiffe://example.org/a/..", SpiffeIdError.RelativeSegment)]
    [InlineData("spiffe://example.org/a%20b", SpiffeIdError.PathPercentEncoding)]
    [InlineData("spiffe://ex%61mple.org/a", SpiffeIdError.TrustDomainPercentEncoding)]
    [InlineData("spiffe://example.org/a b", SpiffeIdError.PathCharacter)]
    [InlineData("spiffe://example.org/a:b", SpiffeIdError.PathCharacter)]
    [InlineData("spiffe://example.org/a\0b", SpiffeIdError.PathCharacter)]
    [InlineData("spiffe://exämple.org/a", SpiffeIdError.NotAscii)]
    [InlineData("spiffe://[::1]/a", SpiffeIdError.TrustDomainCharacter)]
    public void Invalid_text_names_the_rule_it_breaks(string? text, SpiffeIdError expected)
    {
        SpiffeId.TryParse(text, out var id, out var error).ShouldBeFalse();
        id.ShouldBeNull();
        error.ShouldBe(expected);
        error.Describe().ShouldNotBeEmpty();
    }

    [Fact]
    public void Independent_vectors_all_pass()
    {
        using var reader = File.OpenText(Tool.RequireCase("spiffe-tls.yaml"));
        var yaml = new YamlStream();
        yaml.Load(reader);
        var vectors = (YamlMappingNode)yaml.Documents[0].RootNode["spiffe_id_vectors"];

        foreach (var text in Texts(vectors["valid"]))
        {
            SpiffeId.TryParse(text, out var id, out var error).ShouldBeTrue($"{text}: {error}");
            id!.IsTrustDomain.ShouldBeFalse();
            id.Text.ShouldBe(text);
        }
        foreach (var text in Texts(vectors["valid_trust_domain_only"]))
        {
            SpiffeId.TryParse(text, out var id, out var error).ShouldBeTrue($"{text}: {error}");
            id!.IsTrustDomain.ShouldBeTrue();
        }
        var invalid = ((YamlSequenceNode)vectors["invalid"]).Select(pair => ((YamlScalarNode)pair[0]).Value!).ToList();
        invalid.Count.ShouldBeGreaterThan(20);
        foreach (var text in invalid) SpiffeId.TryParse(text, out _, out _).ShouldBeFalse(text);
        var all = invalid.Count + Texts(vectors["valid"]).Count() + Texts(vectors["valid_trust_domain_only"]).Count();
        TestContext.Current.TestOutputHelper?.WriteLine($"score: {all} of {all}"); // it has thrown otherwise

        static IEnumerable<string> Texts(YamlNode node) => ((YamlSequenceNode)node).Select(item => ((YamlScalarNode)item).Value!);
    }

    [Fact]
    public void Length_limits_are_exact()
    {
        const string Start = "spiffe://example.org/";
        SpiffeId.TryParse(Start + new string('a', SpiffeId.MaximumBytes - Start.Length), out _, out _).ShouldBeTrue();
        SpiffeId.TryParse(Start + new string('a', SpiffeId.MaximumBytes - Start.Length + 1), out _, out var tooLong).ShouldBeFalse();
        tooLong.ShouldBe(SpiffeIdError.TooLong);

        SpiffeId.TryParse($"spiffe://{new string('a', TrustDomain.MaximumBytes)}/x", out _, out _).ShouldBeTrue();
        SpiffeId.TryParse($"spiffe://{new string('a', TrustDomain.MaximumBytes + 1)}/x", out _, out var longDomain).ShouldBeFalse();
        longDomain.ShouldBe(SpiffeIdError.TrustDomainTooLong);
    }

    [Fact]
    public void Scheme_is_compared_without_case_and_path_with_it()
    {
        SpiffeId.Parse("SPIFFE://example.org/a").ShouldBe(SpiffeId.Parse("spiffe://example.org/a"));
        SpiffeId.Parse("spiffe://example.org/A").ShouldNotBe(SpiffeId.Parse("spiffe://example.org/a"));
    }

    [Fact]
    public void Service_account_goes_in_and_comes_out()
    {
        var domain = TrustDomain.Parse("weft.local");
        var id = SpiffeId.ForServiceAccount(domain, "default", "web");
        id.Text.ShouldBe("spiffe://weft.local/ns/default/sa/web");
        id.TryGetServiceAccount(out var ns, out var name).ShouldBeTrue();
        (ns, name).ShouldBe(("default", "web"));

        SpiffeId.ForControlPlane(domain).IsControlPlane.ShouldBeTrue();
        SpiffeId.ForControlPlane(domain).TryGetServiceAccount(out _, out _).ShouldBeFalse();
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData("..")]
    [InlineData("")]
    [InlineData("a%2fb")]
    public void Service_account_that_is_not_one_segment_is_refused(string name) =>
        Should.Throw<FormatException>(() => SpiffeId.ForServiceAccount(TrustDomain.Parse("weft.local"), "default", name)).Message.ShouldContain("service account");
}
