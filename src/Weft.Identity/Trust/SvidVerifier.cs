using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Weft.Identity;

/// <summary>Which side of a TLS handshake the peer is on.</summary>
public enum PeerRole
{
    /// <summary>The peer called: its certificate must serve client authentication.</summary>
    Client,

    /// <summary>The peer was called: its certificate must serve server authentication.</summary>
    Server,
}

/// <summary>The identity that a peer proved, or why it proved none.</summary>
public readonly record struct SvidVerdict(SpiffeId? Id, SvidFailure Failure)
{
    /// <summary>Whether the peer is who its certificate says.</summary>
    [MemberNotNullWhen(true, nameof(Id))]
    public bool IsAccepted => Failure == SvidFailure.None;

    internal static SvidVerdict Refused(SvidFailure failure) => new(null, failure);
}

/// <summary>Verifies X.509-SVIDs in managed code: what the control plane, and an agent that calls it, use. The data plane does the same with libssl.</summary>
/// <remarks>The system's trust store plays no part: only the bundle of the trust domain that the leaf claims.</remarks>
public sealed class SvidVerifier(TimeProvider time)
{
    /// <summary>Verifies a peer's certificate.</summary>
    /// <param name="leaf">What the peer presented; null when nothing.</param>
    /// <param name="intermediates">What it sent beside the leaf. May hold anything, roots too: nothing in it is trusted.</param>
    /// <param name="bundles">One bundle per trust domain.</param>
    /// <param name="role">Which side the peer is on.</param>
    /// <param name="expiredGrace">How long past its end a leaf is still accepted. Zero everywhere but for the renewal of an expired certificate.</param>
    public SvidVerdict Verify(
        X509Certificate2? leaf, IEnumerable<X509Certificate2> intermediates, TrustBundleSet bundles, PeerRole role, TimeSpan expiredGrace = default)
    {
        if (leaf is null) return SvidVerdict.Refused(SvidFailure.NoCertificate);
        if (!X509Svid.TryRead(leaf, out var id, out var failure)) return SvidVerdict.Refused(failure);
        var purpose = role == PeerRole.Client ? X509Svid.ClientAuthenticationOid : X509Svid.ServerAuthenticationOid;
        if (!X509Svid.Covers(leaf, purpose)) return SvidVerdict.Refused(SvidFailure.ExtendedKeyUsage);
        if (!bundles.TryGet(id.TrustDomain, out var bundle)) return SvidVerdict.Refused(SvidFailure.UnknownTrustDomain);

        var now = time.GetUtcNow().UtcDateTime;
        var (notBefore, notAfter) = (leaf.NotBefore.ToUniversalTime(), leaf.NotAfter.ToUniversalTime());
        if (now < notBefore) return SvidVerdict.Refused(SvidFailure.NotYetValid);
        if (now >= notAfter + expiredGrace) return SvidVerdict.Refused(SvidFailure.Expired);

        // Within the grace the chain is judged as of the leaf's last second: its issuer may have ended since, too.
        return ChainEndsIn(bundle, leaf, intermediates, MomentOfLife(now, notBefore, notAfter)) ? new SvidVerdict(id, SvidFailure.None) : SvidVerdict.Refused(SvidFailure.Untrusted);
    }

    /// <summary>The moment within a certificate's life that is nearest to <paramref name="now"/>. The second of its end is not in it: RFC 5280 4.1.2.5 counts
    /// it, OpenSSL does not, and both ends of a handshake should agree.</summary>
    internal static DateTime MomentOfLife(DateTime now, DateTime notBefore, DateTime notAfter)
    {
        var last = notAfter - TimeSpan.FromSeconds(1);
        return now < notBefore ? notBefore : now > last ? last : now;
    }

    /// <summary>RFC 5280 path validation (signatures, validity, path length, name constraints) with one bundle's roots as the only anchors.</summary>
    internal static bool ChainEndsIn(TrustBundle bundle, X509Certificate2 leaf, IEnumerable<X509Certificate2> intermediates, DateTime moment)
    {
        if (bundle.Roots.IsEmpty) return false;
        using var chain = new X509Chain();
        var policy = chain.ChainPolicy;
        policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        policy.RevocationMode = X509RevocationMode.NoCheck;
        policy.DisableCertificateDownloads = true; // a peer's certificate must not make us fetch URLs
        policy.VerificationTime = moment;
        policy.VerificationTimeIgnored = false;
        policy.ExtraStore.AddRange(intermediates.ToArray());
        var roots = bundle.Roots.Select(X509CertificateLoader.LoadCertificate).ToList();
        policy.CustomTrustStore.AddRange(roots.ToArray());
        try
        {
            // The last element is compared as bytes: the platform's word "trusted" is not taken for it.
            return chain.Build(leaf) && bundle.Roots.Any(root => root.AsSpan().SequenceEqual(chain.ChainElements[^1].Certificate.RawData));
        }
        catch (CryptographicException) { return false; }
        finally
        {
            foreach (var element in chain.ChainElements) element.Certificate.Dispose();
            foreach (var root in roots) root.Dispose();
        }
    }
}
