using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Weft.Identity;

/// <summary>Under which conditions one connection to the control plane is good, and what is shown on it.</summary>
internal abstract class ControlTrust
{
    /// <summary>TLS settings of a client connection.</summary>
    /// <param name="host">Server name to send; an address sends none.</param>
    /// <param name="verifier">Checks what the server shows.</param>
    /// <param name="refused">Told why the server was refused.</param>
    public SslClientAuthenticationOptions ForConnection(string host, ControlVerifier verifier, Action<SvidFailure> refused)
    {
        return new SslClientAuthenticationOptions
        {
            TargetHost = host,
            ClientCertificateContext = ClientCertificate(),
            RemoteCertificateValidationCallback = (_, certificate, chain, _) => Accept(certificate as X509Certificate2, chain),
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            AllowRenegotiation = false,
            AllowTlsResume = false,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
        };

        bool Accept(X509Certificate2? leaf, X509Chain? chain)
        {
            var failure = Judge(verifier, leaf, chain?.ChainPolicy.ExtraStore ?? []);
            if (failure != SvidFailure.None) refused(failure);
            return failure == SvidFailure.None;
        }
    }

    protected abstract SvidFailure Judge(ControlVerifier verifier, X509Certificate2? leaf, X509Certificate2Collection sent);

    protected virtual SslStreamCertificateContext? ClientCertificate() => null;

    /// <summary>Anyone may be the server. For one purpose: to read the public roots, of which only the pinned one is kept.</summary>
    public sealed class Nobody : ControlTrust
    {
        protected override SvidFailure Judge(ControlVerifier verifier, X509Certificate2? leaf, X509Certificate2Collection sent) => SvidFailure.None;
    }

    /// <summary>The first connection: the chain must end in the root whose hash the join token carries. The token names no trust domain, so the
    /// server's own word for it counts, and the root decides.</summary>
    public sealed class Pinned(byte[] rootDer) : ControlTrust
    {
        protected override SvidFailure Judge(ControlVerifier verifier, X509Certificate2? leaf, X509Certificate2Collection sent)
        {
            if (leaf is null) return SvidFailure.NoCertificate;
            if (!X509Svid.TryRead(leaf, out var claimed, out var failure)) return failure;
            var bundle = new TrustBundle(claimed.TrustDomain, [rootDer]);
            return RequireControlPlane(verifier.Verify(leaf, sent, new TrustBundleSet(bundle)));
        }
    }

    /// <summary>Every later connection: the saved roots, the own trust domain, and the own certificate shown.</summary>
    public sealed class Saved(CertificateMaterial material) : ControlTrust
    {
        protected override SvidFailure Judge(ControlVerifier verifier, X509Certificate2? leaf, X509Certificate2Collection sent) =>
            RequireControlPlane(verifier.Verify(leaf, sent, new TrustBundleSet(material.Roots)));

        protected override SslStreamCertificateContext ClientCertificate()
        {
            var (leaf, intermediates) = material.Load();
            return SslStreamCertificateContext.Create(leaf, intermediates, offline: true);
        }
    }

    // A workload of the mesh must not be able to play the control plane with its own good certificate.
    private static SvidFailure RequireControlPlane(SvidVerdict verdict) =>
        verdict.IsAccepted && !verdict.Id.IsControlPlane ? SvidFailure.UnexpectedIdentity : verdict.Failure;
}
