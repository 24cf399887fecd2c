namespace Weft.Identity;

/// <summary>Why a peer's certificate was not accepted. A closed set, so that it can be a metric label; each case is a rule of X509-SVID.</summary>
public enum SvidFailure
{
    /// <summary>It was accepted.</summary>
    None,

    /// <summary>The peer presented no certificate.</summary>
    NoCertificate,

    /// <summary>An extension cannot be read or stands there twice.</summary>
    Malformed,

    /// <summary>Not exactly one URI in the subject alternative name (X509-SVID 2).</summary>
    UriCount,

    /// <summary>The URI is not a SPIFFE ID.</summary>
    NotSpiffeId,

    /// <summary>A leaf that carries the ID of a trust domain, without a path (X509-SVID 3.1).</summary>
    NoPath,

    /// <summary>A leaf with cA=true: signing certificates authenticate nobody (X509-SVID 3.2, 4.1).</summary>
    IsAuthority,

    /// <summary>Key usage absent, not critical, without digitalSignature, or with keyCertSign or cRLSign (X509-SVID 4.3).</summary>
    KeyUsage,

    /// <summary>An extended key usage that does not cover this side of the handshake (X509-SVID 4.4).</summary>
    ExtendedKeyUsage,

    /// <summary>There is no bundle for the trust domain that the certificate claims.</summary>
    UnknownTrustDomain,

    /// <summary>The chain does not end in the bundle of the certificate's own trust domain (X509-SVID 5.1).</summary>
    Untrusted,

    /// <summary>Valid later: one of the two clocks is wrong.</summary>
    NotYetValid,

    /// <summary>Past its end.</summary>
    Expired,

    /// <summary>The identity is a good one, but not the one that was expected here.</summary>
    UnexpectedIdentity,
}

/// <summary>The sentence for each <see cref="SvidFailure"/>.</summary>
public static class SvidFailures
{
    /// <summary>A clause that stands alone in a log line.</summary>
    public static string Describe(this SvidFailure failure) => failure switch
    {
        SvidFailure.None => "accepted",
        SvidFailure.NoCertificate => "no certificate was presented",
        SvidFailure.Malformed => "an extension is malformed or repeated",
        SvidFailure.UriCount => "the subject alternative name must hold exactly one URI",
        SvidFailure.NotSpiffeId => "the URI in the subject alternative name is not a SPIFFE ID",
        SvidFailure.NoPath => "the SPIFFE ID names a trust domain and no workload",
        SvidFailure.IsAuthority => "it is a signing certificate (cA=true)",
        SvidFailure.KeyUsage => "key usage must be critical, with digitalSignature and without keyCertSign and cRLSign",
        SvidFailure.ExtendedKeyUsage => "the extended key usage does not cover this use",
        SvidFailure.UnknownTrustDomain => "no trust bundle is known for its trust domain",
        SvidFailure.Untrusted => "its chain does not end in a root of its trust domain",
        SvidFailure.NotYetValid => "it is not yet valid: compare the clocks of both machines",
        SvidFailure.Expired => "it has expired",
        SvidFailure.UnexpectedIdentity => "it carries another identity than the expected one",
        _ => throw new ArgumentOutOfRangeException(nameof(failure), failure, null),
    };
}
