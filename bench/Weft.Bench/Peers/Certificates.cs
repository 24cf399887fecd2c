using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Weft.Bench.Peers;

/// <summary>
/// One P-256 root and P-256 certificates under it, a day long, made anew for each run: <c>client</c> for the generator, <c>proxy</c> for a single proxy, <c>near</c> and <c>far</c> for
/// two in a row, <c>app</c> for the application. Every proxy of a row uses the same ones. Each carries a SPIFFE ID, which Weft verifies, and a DNS name, which the others verify.
/// </summary>
internal static class Certificates
{
    public const string TrustDomain = "bench.local";

    private static readonly string[] Names = ["client", "proxy", "near", "far", "app"];

    public static string Root => Path.Combine(Folder, "ca.pem");

    private static string Folder => Path.Combine(Repository.Made, "certificates");

    public static string Chain(string name) => Path.Combine(Folder, name + ".pem");

    public static string Key(string name) => Path.Combine(Folder, name + ".key");

    public static void Make()
    {
        Directory.CreateDirectory(Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var (from, to) = (DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=weft bench", rootKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        using var root = request.CreateSelfSigned(from, to);
        File.WriteAllText(Root, root.ExportCertificatePem() + "\n");
        foreach (var name in Names) MakeLeaf(name, root, from, to);
    }

    private static void MakeLeaf(string name, X509Certificate2 root, DateTimeOffset from, DateTimeOffset to)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + name, key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(new Uri($"spiffe://{TrustDomain}/ns/default/sa/{name}"));
        names.AddDnsName(TrustDomain);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], critical: false));
        using var leaf = request.Create(root, from, to, RandomNumberGenerator.GetBytes(8));
        var (chain, secret) = (leaf.ExportCertificatePem() + "\n", key.ExportPkcs8PrivateKeyPem() + "\n");
        File.WriteAllText(Chain(name), chain);
        File.WriteAllText(Key(name), secret);
        File.WriteAllText(Path.Combine(Folder, name + "-and-key.pem"), chain + secret); // as HAProxy wants it
    }
}
