using System.Security.Cryptography;
using System.Text;
using Shouldly;
using Weft.Proxy.Security;
using Xunit;

namespace Weft.Proxy.Tests.Security;

public sealed class TlsCertificateTests
{
    private readonly TestAuthority _authority = new();

    [Fact]
    public void Loading_zeroes_the_key_and_tells_what_may_be_shown()
    {
        var material = _authority.Issue("web");
        var key = Encoding.ASCII.GetBytes(material.KeyPem);
        var certificate = TlsCertificate.Load(Encoding.ASCII.GetBytes(material.ChainPem), key);
        key.ShouldAllBe(b => b == 0);
        using var same = System.Security.Cryptography.X509Certificates.X509Certificate2.CreateFromPem(material.ChainPem);
        certificate.Info.Uris.ShouldBe([_authority.IdOf("web")]);
        certificate.Info.SerialNumber.ShouldBe(Convert.ToHexStringLower(same.SerialNumberBytes.Span.TrimStart((byte)0)));
        certificate.Info.NotBefore.UtcDateTime.ShouldBe(same.NotBefore.ToUniversalTime());
        certificate.Info.NotAfter.UtcDateTime.ShouldBe(same.NotAfter.ToUniversalTime());
    }

    [Fact]
    public void What_cannot_be_used_is_refused_in_words_and_its_key_zeroed_too()
    {
        var (one, other) = (_authority.Issue("one"), _authority.Issue("other"));
        using var ecdsa = ECDsa.Create();
        var encrypted = ecdsa.ExportEncryptedPkcs8PrivateKeyPem("secret", new PbeParameters(PbeEncryptionAlgorithm.Aes128Cbc, HashAlgorithmName.SHA256, 1));
        Refusal(one.ChainPem, other.KeyPem).ShouldBe("the private key does not belong to the first certificate of the chain");
        Refusal(one.ChainPem, "").ShouldStartWith("the private key cannot be read: ");
        Refusal(one.ChainPem, encrypted).ShouldStartWith("the private key cannot be read: ");
        Refusal("", one.KeyPem).ShouldBe("the certificate chain holds no certificate");
        Refusal(one.ChainPem[..^60] + one.ChainPem[^40..], one.KeyPem).ShouldStartWith("the certificate chain is broken after 1 certificates: ");
        Should.Throw<TlsException>(() => new TrustRoots("weft.local", "junk"u8.ToArray())).Message.ShouldBe("the roots of trust domain weft.local holds no certificate");
        Should.Throw<TlsException>(() => new TrustRoots([new("a", _authority.RootPem), new("a", _authority.RootPem)])).Message.ShouldBe("trust domain a appears twice");
        Should.Throw<TlsException>(() => new ClientTls(new ClientTlsSettings { Alpn = [new string('x', 256)] }, TimeProvider.System));
    }

    private static string Refusal(string chain, string key)
    {
        var keyBytes = Encoding.ASCII.GetBytes(key);
        var message = Should.Throw<TlsException>(() => TlsCertificate.Load(Encoding.ASCII.GetBytes(chain), keyBytes)).Message;
        keyBytes.ShouldAllBe(b => b == 0);
        return message;
    }
}
