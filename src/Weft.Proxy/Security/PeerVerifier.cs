using System.Runtime.InteropServices;
using Weft.Identity;
using Weft.Proxy.Transport;

namespace Weft.Proxy.Security;

/// <summary>
/// Verifies a peer's chain inside the handshake, so that a refused peer gets its alert: finds the trust domain that the leaf claims, lets OpenSSL verify the chain against the
/// roots of that domain alone, and checks what X.509-SVID asks of a leaf.
/// </summary>
internal sealed class PeerVerifier(TrustRoots roots, TimeProvider time)
{
    private const int ErrorUnknownIssuer = 20; // X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY: the peer reads "unknown ca"
    private const int ErrorInvalidPurpose = 26; // X509_V_ERR_INVALID_PURPOSE: the peer reads "unsupported certificate"

    private static readonly VerifyCallback Callback = Verify;

    /// <summary>int (*)(X509_STORE_CTX *, void *argument); the argument is a GCHandle of the verifier.</summary>
    internal static readonly nint CallbackPointer = Marshal.GetFunctionPointerForDelegate(Callback);

    [ThreadStatic]
    private static string? t_refusal;

    private delegate int VerifyCallback(nint storeContext, nint argument);

    /// <summary>Why this thread's last verification refused, where OpenSSL has no words for it; taking it clears it.</summary>
    internal static string? TakeRefusal()
    {
        var refusal = t_refusal;
        t_refusal = null;
        return refusal;
    }

    /// <summary>The SPIFFE ID of a leaf: exactly one URI name that parses. Null otherwise, and <paramref name="why"/> says what is wrong with it.</summary>
    internal static SpiffeId? IdOf(nint leaf, out string why)
    {
        var uris = OpenSslCrypto.UriNamesOf(leaf);
        why = uris.Count == 1 ? "" : $"{uris.Count} URI names where a SPIFFE certificate has one";
        if (uris.Count != 1) return null;
        if (!SpiffeId.TryParse(uris[0], out var id, out var error))
        {
            why = $"its URI name {uris[0]} is not a SPIFFE ID: {error.Describe()}";
            return null;
        }
        if (!id.IsTrustDomain) return id;
        why = $"{id} names a trust domain and no workload";
        return null;
    }

    private static int Verify(nint storeContext, nint argument)
    {
        try
        {
            t_refusal = null;
            return ((PeerVerifier)GCHandle.FromIntPtr(argument).Target!).Verify(storeContext) ? 1 : 0;
        }
        catch (Exception e)
        {
            // An exception must not unwind through OpenSSL; whoever cannot be verified is refused.
            t_refusal = "verification failed: " + e.Message;
            OpenSslCrypto.X509_STORE_CTX_set_error(storeContext, OpenSslCrypto.VerifyApplication);
            return 0;
        }
    }

    private bool Verify(nint storeContext)
    {
        var leaf = OpenSslCrypto.X509_STORE_CTX_get0_cert(storeContext);
        var id = IdOf(leaf, out var why);
        var domain = id?.TrustDomain.Name;
        var anchors = roots.For(domain);
        if (anchors is null)
        {
            return Refuse(storeContext, ErrorUnknownIssuer,
                id is null ? $"peer has no usable SPIFFE ID: {why}" : $"no roots are known for trust domain {domain} of peer {id}");
        }
        OpenSslCrypto.X509_STORE_CTX_set0_trusted_stack(storeContext, anchors.Pointer);
        OpenSslCrypto.X509_STORE_CTX_set_flags(storeContext, OpenSslCrypto.VerifyPartialChain);
        OpenSslCrypto.X509_STORE_CTX_set_time(storeContext, 0, (nint)time.GetUtcNow().ToUnixTimeSeconds());
        if (OpenSslCrypto.X509_verify_cert(storeContext) != 1) return false;
        GC.KeepAlive(anchors);
        return id is null || IsLeaf(leaf) || Refuse(storeContext, ErrorInvalidPurpose, $"peer {id} shows a signing certificate: it proves no workload");
    }

    /// <summary>X.509-SVID, sections 3.2, 4.1, 4.3 and 5.2: no CA, no right to sign certificates or revocation lists.</summary>
    private static bool IsLeaf(nint certificate)
    {
        if ((OpenSslCrypto.X509_get_extension_flags(certificate) & OpenSslCrypto.ExtensionFlagCa) != 0) return false;
        var usage = OpenSslCrypto.X509_get_key_usage(certificate);
        return usage == OpenSslCrypto.KeyUsageAbsent || (usage & (OpenSslCrypto.KeyUsageCertSign | OpenSslCrypto.KeyUsageCrlSign)) == 0;
    }

    private static bool Refuse(nint storeContext, int error, string text)
    {
        t_refusal = text;
        OpenSslCrypto.X509_STORE_CTX_set_error(storeContext, error);
        return false;
    }
}
