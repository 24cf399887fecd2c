using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Weft.Proxy.Security;

namespace Weft.Proxy.Tests.Security;

/// <summary>A certificate authority of one test: P-256, made when asked for.</summary>
internal sealed class TestAuthority
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _root;

    public TestAuthority(string trustDomain = "weft.local", string rootName = "test root")
    {
        TrustDomain = trustDomain;
        var request = new CertificateRequest("CN=" + rootName, _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        _root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-10), DateTimeOffset.UtcNow.AddDays(100));
        RootPem = Encoding.ASCII.GetBytes(_root.ExportCertificatePem() + "\n");
    }

    public string TrustDomain { get; }

    public byte[] RootPem { get; }

    public TrustRoots Roots => new(TrustDomain, RootPem);

    public string IdOf(string name) => $"spiffe://{TrustDomain}/ns/default/sa/{name}";

    public Material Issue(string name, Action<Request>? adjust = null) => IssueUris([IdOf(name)], adjust);

    public Material IssueUris(IReadOnlyList<string> uris, Action<Request>? adjust = null)
    {
        var wish = new Request();
        adjust?.Invoke(wish);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(wish.Subject, key, HashAlgorithmName.SHA256);
        if (uris.Count > 0 || wish.DnsName is not null)
        {
            request.CertificateExtensions.Add(new X509Extension("2.5.29.17", AlternativeNames(uris, wish.DnsName), critical: true));
        }
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(wish.IsAuthority, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(wish.KeyUsage, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        var generator = X509SignatureGenerator.CreateForECDsa(_key);
        using var certificate = request.Create(_root.SubjectName, generator, wish.NotBefore, wish.NotAfter, RandomNumberGenerator.GetBytes(8));
        return new Material(certificate.ExportCertificatePem() + "\n" + _root.ExportCertificatePem() + "\n", key.ExportPkcs8PrivateKeyPem() + "\n");
    }

    /// <summary>By hand: the framework's builder takes a Uri, which puts a slash behind a bare host.</summary>
    private static byte[] AlternativeNames(IReadOnlyList<string> uris, string? dnsName)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            foreach (var uri in uris) writer.WriteCharacterString(UniversalTagNumber.IA5String, uri, new Asn1Tag(TagClass.ContextSpecific, 6));
            if (dnsName is not null) writer.WriteCharacterString(UniversalTagNumber.IA5String, dnsName, new Asn1Tag(TagClass.ContextSpecific, 2));
        }
        return writer.Encode();
    }

    public sealed class Request
    {
        public DateTimeOffset NotBefore { get; set; } = DateTimeOffset.UtcNow.AddMinutes(-5);

        public DateTimeOffset NotAfter { get; set; } = DateTimeOffset.UtcNow.AddHours(1);

        public bool IsAuthority { get; set; }

        public string? DnsName { get; set; }

        public string Subject { get; set; } = "";

        public X509KeyUsageFlags KeyUsage { get; set; } = X509KeyUsageFlags.DigitalSignature;
    }

    public sealed record Material(string ChainPem, string KeyPem)
    {
        public TlsCertificate Load() => TlsCertificate.Load(Encoding.ASCII.GetBytes(ChainPem), Encoding.ASCII.GetBytes(KeyPem));

        public X509Certificate2 ForDotNet()
        {
            using var pem = X509Certificate2.CreateFromPem(ChainPem, KeyPem);
            return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
        }
    }
}
