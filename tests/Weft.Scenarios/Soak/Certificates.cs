using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Weft.Scenarios.Soak;

/// <summary>A root and two P-256 certificates with SPIFFE IDs under it, as files: what a hand-written configuration points at.</summary>
internal sealed class Certificates : IDisposable
{
    public Certificates(string folder)
    {
        var (from, to) = (DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=soak", rootKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        using var root = request.CreateSelfSigned(from, to);
        (Root, ServerChain, ServerKey) = (Path.Combine(folder, "ca.pem"), Path.Combine(folder, "server.pem"), Path.Combine(folder, "server.key"));
        File.WriteAllText(Root, root.ExportCertificatePem());
        using var server = Leaf("server", root, from, to);
        File.WriteAllText(ServerChain, server.ExportCertificatePem());
        File.WriteAllText(ServerKey, server.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        Client = Leaf("client", root, from, to);
    }

    public string Root { get; }

    public string ServerChain { get; }

    public string ServerKey { get; }

    public X509Certificate2 Client { get; }

    public void Dispose() => Client.Dispose();

    private static X509Certificate2 Leaf(string name, X509Certificate2 root, DateTimeOffset from, DateTimeOffset to)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + name, key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(new Uri($"spiffe://soak.local/ns/default/sa/{name}"));
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        using var leaf = request.Create(root, from, to, RandomNumberGenerator.GetBytes(8));
        return leaf.CopyWithPrivateKey(key);
    }
}
