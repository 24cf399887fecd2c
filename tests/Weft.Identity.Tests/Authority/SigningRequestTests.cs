using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Shouldly;
using Weft.Identity.Tests.Support;
using Xunit;

namespace Weft.Identity.Tests.Authority;

public sealed class SigningRequestTests
{
    [Fact]
    public void P256_P384_and_RSA_2048_are_accepted()
    {
        using var p256 = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        using var rsa = RSA.Create(2048);
        foreach (var key in new AsymmetricAlgorithm[] { p256, p384, rsa })
            SigningRequest.TryParse(Requests.Pem(key), out _, out var error).ShouldBeTrue(error);
    }

    [Fact]
    public void Weak_or_odd_keys_are_refused_with_the_reason()
    {
        using var p521 = ECDsa.Create(ECCurve.NamedCurves.nistP521);
        using var rsa = RSA.Create(1024);
        Refusal(Requests.Pem(p521)).ShouldContain("P-256 or P-384");
        Refusal(Requests.Pem(rsa)).ShouldContain("2048");
    }

    [Fact]
    public void Ed25519_request_of_openssl_is_refused_with_the_reason()
    {
        using var directory = new TemporaryDirectory();
        OpenSsl.Must("req", "-new", "-newkey", "ed25519", "-nodes", "-keyout", directory["k"], "-subj", "/CN=x", "-out", directory["csr"]);
        Refusal(File.ReadAllText(directory["csr"])).ShouldContain("supported key");
    }

    [Fact]
    public void Explicit_curve_parameters_are_refused()
    {
        using var directory = new TemporaryDirectory();
        OpenSsl.Must("ecparam", "-name", "prime256v1", "-genkey", "-param_enc", "explicit", "-noout", "-out", directory["k"]);
        OpenSsl.Must("req", "-new", "-key", directory["k"], "-subj", "/CN=x", "-out", directory["csr"]);
        Refusal(File.ReadAllText(directory["csr"])).ShouldNotBeEmpty();
    }

    [Fact]
    public void Request_signed_by_another_key_is_refused()
    {
        var der = Convert.FromBase64String(Regex.Replace(Requests.Pem(), "-----[A-Z ]+-----|\\s", ""));
        der[^3] ^= 1; // in the signature
        Refusal(PemEncoding.WriteString("CERTIFICATE REQUEST", der)).ShouldContain("signature");
    }

    [Theory]
    [InlineData(null, "empty")]
    [InlineData(" ", "empty")]
    [InlineData("hello", "PKCS#10")]
    [InlineData("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----", "PKCS#10")]
    public void Rubbish_is_refused(string? pem, string reason) => Refusal(pem).ShouldContain(reason);

    [Fact]
    public void Length_is_bounded() => Refusal(new string('x', SigningRequest.MaximumLength + 1)).ShouldContain($"{SigningRequest.MaximumLength}");

    [Fact]
    public void Wanted_names_are_read()
    {
        SigningRequest.TryParse(Requests.Pem(uri: "spiffe://weft.local/ns/default/sa/web"), out var request, out _).ShouldBeTrue();
        request!.Uris.ShouldBe(["spiffe://weft.local/ns/default/sa/web"]);
    }

    private static string Refusal(string? pem)
    {
        SigningRequest.TryParse(pem, out var request, out var error).ShouldBeFalse();
        request.ShouldBeNull();
        return error;
    }
}
