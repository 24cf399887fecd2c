using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Weft.Proxy.Transport;

namespace Weft.Proxy.Security;

/// <summary>What may be shown of an own certificate.</summary>
/// <param name="Uris">Its URI names; one SPIFFE ID in a mesh certificate.</param>
/// <param name="SerialNumber">Hexadecimal, lower case, two digits per byte, without a leading zero byte.</param>
internal sealed record CertificateInfo(IReadOnlyList<string> Uris, string SerialNumber, DateTimeOffset NotBefore, DateTimeOffset NotAfter)
{
    /// <summary>When it ends as a proof of identity (it carries a SPIFFE ID); null for the certificate of a host name, whose readers judge its dates themselves.</summary>
    public DateTimeOffset? IdentityEnd { get; } = Uris.Any(static u => u.StartsWith("spiffe://", StringComparison.OrdinalIgnoreCase)) ? NotAfter : null;
}

/// <summary>An own certificate with its chain and private key, loaded once into OpenSSL and shared by every context made of it.</summary>
internal sealed class TlsCertificate
{
    private readonly X509Stack _chain; // leaf first
    private readonly PrivateKey _key;

    private TlsCertificate(X509Stack chain, PrivateKey key)
    {
        _chain = chain;
        _key = key;
        var leaf = chain[0];
        Info = new CertificateInfo(
            OpenSslCrypto.UriNamesOf(leaf),
            Convert.ToHexStringLower(OpenSslCrypto.BytesOf(OpenSslCrypto.X509_get0_serialNumber(leaf))),
            OpenSslCrypto.TimeOf(OpenSslCrypto.X509_get0_notBefore(leaf)),
            OpenSslCrypto.TimeOf(OpenSslCrypto.X509_get0_notAfter(leaf)));
    }

    public CertificateInfo Info { get; }

    /// <summary>Loads a chain (PEM, leaf first) and its key (PEM, not encrypted).</summary>
    /// <param name="keyPem">Overwritten with zeros before this returns or throws: no managed copy of a key outlives its loading.</param>
    /// <exception cref="TlsException">Either cannot be read, or they do not belong together.</exception>
    public static TlsCertificate Load(ReadOnlySpan<byte> chainPem, Span<byte> keyPem)
    {
        try
        {
            var chain = X509Stack.Parse(chainPem, "certificate chain");
            // The empty passphrase argument keeps OpenSSL from asking the terminal when the key is encrypted.
            var handle = OpenSslCrypto.WithBio(keyPem, bio => OpenSslCrypto.PEM_read_bio_PrivateKey(bio, 0, 0, "\0"u8));
            if (handle == 0)
                throw new TlsException($"the private key cannot be read: {OpenSslCrypto.TakeError().Text ?? "no PEM block with a key"}");
            var key = new PrivateKey(handle);
            if (OpenSslCrypto.X509_check_private_key(chain[0], handle) != 1)
            {
                OpenSslCrypto.TakeError();
                key.Dispose();
                throw new TlsException("the private key does not belong to the first certificate of the chain");
            }
            return new TlsCertificate(chain, key);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(keyPem);
        }
    }

    /// <summary>Makes <paramref name="context"/> show this certificate. The context takes references of its own.</summary>
    internal void ApplyTo(nint context)
    {
        var added = false;
        _key.DangerousAddRef(ref added);
        try
        {
            if (OpenSsl.SSL_CTX_use_certificate(context, _chain[0]) != 1 || OpenSsl.SSL_CTX_use_PrivateKey(context, _key.DangerousGetHandle()) != 1)
                throw new TlsException($"the certificate cannot be used: {OpenSslCrypto.TakeError().Text}");
            for (var i = 1; i < _chain.Count; i++) OpenSsl.SSL_CTX_ctrl(context, OpenSsl.ControlChainCertificate, 1, _chain[i]);
        }
        finally
        {
            if (added) _key.DangerousRelease();
            GC.KeepAlive(_chain);
        }
    }

    private sealed class PrivateKey : SafeHandle
    {
        public PrivateKey(nint key) : base(0, ownsHandle: true) => SetHandle(key);

        public override bool IsInvalid => handle == 0;

        protected override bool ReleaseHandle()
        {
            OpenSslCrypto.EVP_PKEY_free(handle); // OpenSSL cleanses key memory itself
            return true;
        }
    }
}
