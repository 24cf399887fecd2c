using Weft.Proxy.Transport;

namespace Weft.Proxy.Security;

/// <summary>What may be told to others of a peer's verified certificate.</summary>
/// <param name="Sha256">Of its DER form, hexadecimal in lower case.</param>
/// <param name="Subject">Its distinguished name as RFC 2253 writes it; may be empty.</param>
/// <param name="Uris">URI names, in the certificate's order.</param>
/// <param name="DnsNames">DNS names, in the certificate's order.</param>
internal sealed record CertificateDetails(string Sha256, string Subject, IReadOnlyList<string> Uris, IReadOnlyList<string> DnsNames)
{
    /// <param name="certificate">An X509*.</param>
    public static CertificateDetails Of(nint certificate) => new(
        Convert.ToHexStringLower(OpenSslCrypto.Sha256Of(certificate)),
        OpenSslCrypto.SubjectOf(certificate),
        OpenSslCrypto.NamesOf(certificate, OpenSslCrypto.GeneralNameUri),
        OpenSslCrypto.NamesOf(certificate, OpenSslCrypto.GeneralNameDns));
}
