using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Shouldly;
using Weft.Routing.Compile;
using Weft.Routing.Security;
using Xunit;
using Secret = Envoy.Extensions.TransportSockets.Tls.V3.Secret;

namespace Weft.Routing.Tests.Compile;

public sealed class SecretCompilerTests
{
    [Fact]
    public void Validation_context_holds_roots_and_names()
    {
        var secret = SecretCompiler.Compile(new Secret
        {
            Name = "ROOTCA",
            ValidationContext = new CertificateValidationContext
            {
                TrustedCa = new Envoy.Config.Core.V3.DataSource { InlineString = "PEM" },
                MatchTypedSubjectAltNames =
                {
                    new SubjectAltNameMatcher { SanType = SubjectAltNameMatcher.Types.SanType.Uri, Matcher = new() { Prefix = "spiffe://weft.local/" } },
                    new SubjectAltNameMatcher { SanType = SubjectAltNameMatcher.Types.SanType.Uri, Matcher = new() { Exact = "spiffe://other/ns/a/sa/b" } },
                },
            },
        }).Value!;

        secret.Validation!.TrustedRoots!.Inline!.Value.ToArray().ShouldBe("PEM"u8.ToArray());
        secret.Validation.TrustDomains.ShouldBe(["weft.local"]);
        secret.Validation.SpiffeIds.ShouldBe(["spiffe://other/ns/a/sa/b"]);
    }

    [Theory]
    [InlineData("spiffe://weft.local")]
    [InlineData("spiffe://weft.local/ns/")]
    [InlineData("spiffe:///")]
    public void Prefix_that_is_no_trust_domain_is_refused(string prefix) =>
        SecretCompiler.Compile(new Secret
        {
            Name = "ROOTCA",
            ValidationContext = new CertificateValidationContext
            {
                TrustedCa = new Envoy.Config.Core.V3.DataSource { InlineString = "PEM" },
                MatchTypedSubjectAltNames = { new SubjectAltNameMatcher { SanType = SubjectAltNameMatcher.Types.SanType.Uri, Matcher = new() { Prefix = prefix } } },
            },
        }).Rejections.ShouldHaveSingleItem().Field.ShouldBe("validation_context.match_typed_subject_alt_names[0]");

    [Fact]
    public void Certificate_may_stand_in_files_and_its_key_is_never_printed()
    {
        var secret = SecretCompiler.Compile(new Secret
        {
            Name = "default",
            TlsCertificate = new Envoy.Extensions.TransportSockets.Tls.V3.TlsCertificate
            {
                CertificateChain = new Envoy.Config.Core.V3.DataSource { Filename = "/c.pem" },
                PrivateKey = new Envoy.Config.Core.V3.DataSource { InlineString = "key-material" },
            },
        }).Value!;

        secret.Certificate!.Chain.FileName.ShouldBe("/c.pem");
        secret.ToString().ShouldNotContain("key-material");
    }

    [Fact]
    public void Secret_without_roots_is_refused() =>
        SecretCompiler.Compile(new Secret { Name = "ROOTCA", ValidationContext = new() }).Rejections.ShouldHaveSingleItem().Field.ShouldBe("validation_context.trusted_ca");

    [Fact]
    public void Equal_content_is_equal_so_that_contexts_can_be_shared()
    {
        static TlsCertificateOf Make() => new(new Routing.Security.DataSource("a"u8.ToArray(), null));
        Make().Source.ShouldBe(Make().Source);
        new CommonTls { Alpn = ["a"] }.ShouldBe(new CommonTls { Alpn = ["a"] });
        new CommonTls { Alpn = ["a"] }.ShouldNotBe(new CommonTls { Alpn = ["b"] });
    }

    private sealed record TlsCertificateOf(Routing.Security.DataSource Source);
}
