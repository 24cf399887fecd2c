using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Weft.Identity;

/// <summary>One generation of a workload's identity: the chain, its private key, and the roots that were trusted when it was issued.
/// Key and chain always belong together. Immutable but for <see cref="ClearKey"/>.</summary>
/// <remarks>
/// Where the private key lives: on disk in the keys directory (0600); in this object as PEM bytes in one pinned array, which the collector
/// never copies, until <see cref="ClearKey"/> overwrites it; and in the native key object of whoever loaded it (libssl). Nothing turns it into a
/// string, because a string can be neither overwritten nor found again. <see cref="IdentityAgent"/> clears a generation when its
/// successor's successor arrives, so a consumer has at least half a certificate's life to load it.
/// </remarks>
public sealed class CertificateMaterial
{
    private readonly Lock _lock = new(); // guards _key: a copy never interleaves with the overwrite
    private byte[]? _key;

    /// <summary>Takes a copy of <paramref name="keyPem"/>; the caller still owns, and clears, its own.</summary>
    /// <param name="chainPem">Leaf first, then intermediates, no root; PEM.</param>
    /// <param name="keyPem">The leaf's key, PKCS#8 PEM.</param>
    /// <param name="rootsPem">One or more roots, PEM.</param>
    /// <exception cref="IdentityException">The chain is unreadable, its leaf is no X.509-SVID, or the key is not the leaf's.</exception>
    public CertificateMaterial(ReadOnlySpan<byte> chainPem, ReadOnlySpan<byte> keyPem, ReadOnlySpan<byte> rootsPem)
    {
        ChainPem = chainPem.ToArray();
        RootsPem = rootsPem.ToArray();
        _key = GC.AllocateUninitializedArray<byte>(keyPem.Length, pinned: true);
        keyPem.CopyTo(_key);

        var chain = CertificatePem.Read(chainPem, "certificate chain");
        using var leaf = chain[0];
        using var key = CertificatePem.ReadKey(keyPem);
        if (!key.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(leaf.PublicKey.ExportSubjectPublicKeyInfo()))
            throw new IdentityException("the private key does not belong to the certificate");
        if (!X509Svid.TryRead(leaf, out var id, out var failure))
            throw new IdentityException($"the certificate is no X.509-SVID: {failure.Describe()}");
        SpiffeId = id;
        NotBefore = new DateTimeOffset(leaf.NotBefore.ToUniversalTime(), TimeSpan.Zero);
        NotAfter = new DateTimeOffset(leaf.NotAfter.ToUniversalTime(), TimeSpan.Zero);
        SerialNumber = X509Svid.SerialNumber(leaf);
        foreach (var other in chain.Skip(1)) other.Dispose();
        Roots = TrustBundle.FromPem(id.TrustDomain, rootsPem);
    }

    /// <summary>The identity that the leaf carries.</summary>
    public SpiffeId SpiffeId { get; }

    /// <summary>Start of the leaf's validity (backdated by the authority against clock skew: not the moment of issue).</summary>
    public DateTimeOffset NotBefore { get; }

    /// <summary>End of the leaf's validity.</summary>
    public DateTimeOffset NotAfter { get; }

    /// <summary>The leaf's serial number, hexadecimal, upper case.</summary>
    public string SerialNumber { get; }

    /// <summary>Leaf first, then intermediates; PEM. The root is not sent: a peer trusts its own.</summary>
    public ReadOnlyMemory<byte> ChainPem { get; }

    /// <summary>All roots of the workload's own trust domain, PEM.</summary>
    public ReadOnlyMemory<byte> RootsPem { get; }

    /// <summary>The same roots as a bundle.</summary>
    public TrustBundle Roots { get; }

    /// <summary>A fresh copy of the PKCS#8 PEM key in a pinned array. It is the caller's: overwrite it
    /// (<see cref="CryptographicOperations.ZeroMemory"/>) as soon as libssl has read it.</summary>
    /// <exception cref="ObjectDisposedException">The generation was superseded twice and its key is gone: take the agent's current one.</exception>
    public byte[] CopyKeyPem()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_key is null, this);
            var copy = GC.AllocateUninitializedArray<byte>(_key.Length, pinned: true);
            _key.CopyTo(copy, 0);
            return copy;
        }
    }

    /// <summary>Overwrites the key. Idempotent.</summary>
    public void ClearKey()
    {
        lock (_lock)
        {
            if (_key is null) return;
            CryptographicOperations.ZeroMemory(_key);
            _key = null;
        }
    }

    /// <summary>The leaf joined with its key (in a native key object), and the intermediates: what SslStream asks for. The caller disposes them.</summary>
    public (X509Certificate2 Leaf, X509Certificate2Collection Intermediates) Load()
    {
        var pem = CopyKeyPem();
        try
        {
            var chain = CertificatePem.Read(ChainPem.Span, "certificate chain");
            using var publicLeaf = chain[0];
            using var key = CertificatePem.ReadKey(pem);
            var leaf = key switch
            {
                ECDsa ecdsa => publicLeaf.CopyWithPrivateKey(ecdsa),
                RSA rsa => publicLeaf.CopyWithPrivateKey(rsa),
                _ => throw new IdentityException("the private key is neither ECDSA nor RSA"),
            };
            return (leaf, [.. chain.Skip(1)]);
        }
        finally { CryptographicOperations.ZeroMemory(pem); }
    }

    /// <summary>Names the identity and its end; never the key.</summary>
    public override string ToString() => $"{SpiffeId} serial {SerialNumber} until {NotAfter:u}";
}
