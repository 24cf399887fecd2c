using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Weft.Identity;

/// <summary>The TLS side of the control plane's gRPC port: its own certificate, renewed at half of its life, and the check of clients.
/// Thread-safe.</summary>
/// <remarks>A client without a certificate gets through the handshake, because a new proxy has none; a client with a bad one does not.
/// What a client without identity may call is the caller's decision.</remarks>
/// <param name="authority">Signs the control plane's own certificate.</param>
/// <param name="hostNames">DNS names and addresses in it, for clients that check them.</param>
/// <param name="bundles">Asked at every handshake: which domains are trusted now.</param>
/// <param name="options">For how long an expired client may still come, to renew.</param>
/// <param name="time">The clock.</param>
public sealed class ControlPlaneTls(
    CertificateAuthority authority, IReadOnlyList<string> hostNames, Func<TrustBundleSet> bundles, CertificateServiceOptions options, TimeProvider time)
{
    private readonly SvidVerifier _verifier = new(time);
    private readonly Lock _lock = new(); // guards _own and _renewAt
    private SslStreamCertificateContext? _own;
    private DateTimeOffset _renewAt;

    /// <summary>Settings for one incoming connection.</summary>
    /// <param name="identified">Told the client's identity once its certificate was verified; not called for a client without one.</param>
    /// <param name="refused">Told why a client's certificate was refused: for the log and the counters, the client sees an alert only.</param>
    public SslServerAuthenticationOptions ForConnection(Action<ClientIdentity> identified, Action<SvidFailure> refused) => new()
    {
        ServerCertificateContext = Own(),
        ClientCertificateRequired = true,
        RemoteCertificateValidationCallback = (_, certificate, chain, _) => Accept(certificate, chain, identified, refused),
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        EncryptionPolicy = EncryptionPolicy.RequireEncryption,
        AllowRenegotiation = false,
        AllowTlsResume = false, // a resumed session would skip the check of a client that has expired or was revoked since
        ApplicationProtocols = [SslApplicationProtocol.Http2],
    };

    private bool Accept(X509Certificate? certificate, X509Chain? chain, Action<ClientIdentity> identified, Action<SvidFailure> refused)
    {
        if (certificate is null) return true;
        var leaf = (X509Certificate2)certificate;
        var verdict = _verifier.Verify(leaf, chain?.ChainPolicy.ExtraStore ?? [], bundles(), PeerRole.Client, options.ExpiredGrace);
        if (!verdict.IsAccepted)
        {
            refused(verdict.Failure);
            return false;
        }
        identified(new ClientIdentity(verdict.Id, X509Svid.SerialNumber(leaf), new DateTimeOffset(leaf.NotAfter.ToUniversalTime(), TimeSpan.Zero)));
        return true;
    }

    private SslStreamCertificateContext Own()
    {
        lock (_lock)
        {
            var now = time.GetUtcNow();
            if (_own is not null && now < _renewAt) return _own;
            var material = authority.IssueControlPlane(hostNames);
            var (leaf, intermediates) = material.Load();
            material.ClearKey(); // from here on the key is in the native object of the leaf only
            // The former context is not disposed: handshakes that began with it may still be under way.
            _own = SslStreamCertificateContext.Create(leaf, intermediates, offline: true);
            _renewAt = now + ((material.NotAfter - now) / 2);
            return _own;
        }
    }
}
