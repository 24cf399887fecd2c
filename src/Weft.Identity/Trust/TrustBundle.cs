using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Weft.Identity;

/// <summary>The roots that vouch for one trust domain, and for no other (SPIFFE Trust Domain and Bundle, section 4). Immutable.</summary>
public sealed class TrustBundle
{
    /// <param name="trustDomain">The domain whose identities these roots verify.</param>
    /// <param name="roots">DER of each root. An empty list trusts nothing: it revokes the domain (section 4.1.3).</param>
    /// <param name="sequence">Rises with each change of the roots; 0 when unknown.</param>
    public TrustBundle(TrustDomain trustDomain, ImmutableArray<byte[]> roots, long sequence = 0)
    {
        TrustDomain = trustDomain;
        Roots = roots;
        Sequence = sequence;
    }

    /// <summary>The domain whose identities these roots verify.</summary>
    public TrustDomain TrustDomain { get; }

    /// <summary>DER of each root.</summary>
    public ImmutableArray<byte[]> Roots { get; }

    /// <summary>Rises with each change; 0 when unknown.</summary>
    public long Sequence { get; }

    /// <summary>Reads every certificate of a PEM text as a root.</summary>
    /// <exception cref="IdentityException">No certificate, or a damaged one.</exception>
    public static TrustBundle FromPem(TrustDomain trustDomain, ReadOnlySpan<byte> pem, long sequence = 0)
    {
        var certificates = CertificatePem.Read(pem, "trust bundle");
        var roots = certificates.Select(certificate => certificate.RawData).ToImmutableArray();
        foreach (var certificate in certificates) certificate.Dispose();
        return new TrustBundle(trustDomain, roots, sequence);
    }

    /// <summary>All roots in PEM: what the secret <c>ROOTCA</c> carries.</summary>
    public byte[] ToPem()
    {
        var certificates = Roots.Select(X509CertificateLoader.LoadCertificate).ToList();
        var pem = CertificatePem.Write(certificates);
        foreach (var certificate in certificates) certificate.Dispose();
        return pem;
    }

    /// <summary>SHA-256 of a root's DER: what a join token pins. 32 bytes.</summary>
    public static byte[] Pin(ReadOnlySpan<byte> rootDer) => SHA256.HashData(rootDer);
}
