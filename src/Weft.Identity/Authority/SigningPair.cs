using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Weft.Identity;

/// <summary>A signing certificate with its key. The key lives in the native key object; its PEM only while it is written or read.</summary>
internal sealed class SigningPair(X509Certificate2 certificate, ECDsa key) : IDisposable
{
    public X509Certificate2 Certificate => certificate;

    public DateTimeOffset NotBefore { get; } = new(certificate.NotBefore.ToUniversalTime(), TimeSpan.Zero);

    public DateTimeOffset NotAfter { get; } = new(certificate.NotAfter.ToUniversalTime(), TimeSpan.Zero);

    /// <summary>A self-signed root.</summary>
    public static SigningPair CreateRoot(TrustDomain trustDomain, DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = Request("Weft root CA", key);
        CertificateProfile.Root(request, trustDomain);
        return new SigningPair(Sign(request, request.SubjectName, key, notBefore, notAfter), key);
    }

    /// <summary>An issuing certificate with a key of its own, signed by this root.</summary>
    public SigningPair CreateIssuer(TrustDomain trustDomain, DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        var issuerKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = Request("Weft issuing CA", issuerKey);
        CertificateProfile.Issuer(request, trustDomain, certificate);
        return new SigningPair(Sign(request, certificate.SubjectName, key, notBefore, notAfter), issuerKey);
    }

    /// <summary>A leaf for somebody else's key.</summary>
    public X509Certificate2 SignLeaf(PublicKey publicKey, SpiffeId id, IReadOnlyList<string> hostNames, DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        var request = new CertificateRequest(new X500DistinguishedName(""), publicKey, HashAlgorithmName.SHA256);
        CertificateProfile.Leaf(request, id, hostNames, certificate);
        return Sign(request, certificate.SubjectName, key, notBefore, notAfter);
    }

    // The random part of the name keeps two generations apart where a tool looks certificates up by subject.
    private static CertificateRequest Request(string name, ECDsa key) =>
        new($"CN={name} {RandomNumberGenerator.GetHexString(8, lowercase: true)}", key, HashAlgorithmName.SHA256);

    // 128 random bits as serial number (CA/Browser baseline 7.1: at least 64).
    private static X509Certificate2 Sign(CertificateRequest request, X500DistinguishedName issuer, ECDsa key, DateTimeOffset notBefore, DateTimeOffset notAfter) =>
        request.Create(issuer, X509SignatureGenerator.CreateForECDsa(key), notBefore, notAfter, RandomNumberGenerator.GetBytes(16));

    /// <summary>Certificate and key as files' contents. The caller clears the key.</summary>
    public (byte[] CertificatePem, byte[] KeyPem) Export() =>
        (Encoding.ASCII.GetBytes(certificate.ExportCertificatePem() + "\n"), Identity.CertificatePem.WriteKey(key));

    /// <summary>Reads a pair back.</summary>
    /// <exception cref="IdentityException">A file is damaged, or the two do not belong together. The message names the file.</exception>
    public static SigningPair Load(string certificatePath, ReadOnlySpan<byte> certificatePem, string keyPath, ReadOnlySpan<byte> keyPem)
    {
        var certificates = Guard(certificatePath, certificatePem, static pem => Identity.CertificatePem.Read(pem, "file"));
        if (certificates.Count != 1) throw new IdentityException($"{certificatePath} is damaged: it must hold one certificate, not {certificates.Count}");
        var key = Guard(keyPath, keyPem, Identity.CertificatePem.ReadKey);
        if (key is not ECDsa ecdsa) throw new IdentityException($"{keyPath} is damaged: it must hold an ECDSA key");
        if (!ecdsa.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(certificates[0].PublicKey.ExportSubjectPublicKeyInfo()))
            throw new IdentityException($"{keyPath} is not the key of the certificate in {certificatePath}: restore both from one backup");
        return new SigningPair(certificates[0], ecdsa);

        static T Guard<T>(string path, ReadOnlySpan<byte> pem, Func<ReadOnlySpan<byte>, T> read)
        {
            try
            {
                return read(pem);
            }
            catch (IdentityException error)
            {
                throw new IdentityException($"{path} is damaged: {error.Message}. Restore it from a backup; it is never made anew over your head, because every proxy trusts the old one", error);
            }
        }
    }

    public void Dispose()
    {
        certificate.Dispose();
        key.Dispose();
    }
}
