using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Weft.Identity;

/// <summary>Which extensions each kind of certificate carries. The only place that says so (X509-SVID 3 and 4, RFC 5280 4.2).</summary>
internal static class CertificateProfile
{
    /// <summary>The root: may sign one level of signing certificates.</summary>
    public static void Root(CertificateRequest request, TrustDomain trustDomain)
    {
        Authority(request, trustDomain, pathLength: 1);
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(
            request.CertificateExtensions.OfType<X509SubjectKeyIdentifierExtension>().Single()));
    }

    /// <summary>The issuing certificate: signs leaves only, of its own trust domain only.</summary>
    public static void Issuer(CertificateRequest request, TrustDomain trustDomain, X509Certificate2 root)
    {
        Authority(request, trustDomain, pathLength: 0);
        request.CertificateExtensions.Add(AuthorityKey(root));
        // RFC 5280 4.2.1.10 wants a domain name in a URI constraint. Verifiers refuse the whole chain over an address there.
        if (!IPAddress.TryParse(trustDomain.Name, out _)) request.CertificateExtensions.Add(PermitOnly(trustDomain));
    }

    /// <summary>A workload's certificate. The subject is empty, so the subject alternative name is critical (RFC 5280 4.2.1.6).</summary>
    public static void Leaf(CertificateRequest request, SpiffeId id, IReadOnlyList<string> hostNames, X509Certificate2 issuer)
    {
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(
            [new Oid(X509Svid.ServerAuthenticationOid), new Oid(X509Svid.ClientAuthenticationOid)], critical: false));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(AuthorityKey(issuer));
        request.CertificateExtensions.Add(Names(id, hostNames, critical: true));
    }

    private static void Authority(CertificateRequest request, TrustDomain trustDomain, int pathLength)
    {
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, true, pathLength, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(Names(trustDomain.Id, [], critical: false));
    }

    private static X509AuthorityKeyIdentifierExtension AuthorityKey(X509Certificate2 issuer) =>
        X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(issuer.Extensions.OfType<X509SubjectKeyIdentifierExtension>().Single());

    // Written by hand: SubjectAlternativeNameBuilder takes a System.Uri, which gives the ID of a trust domain a slash that it must not have.
    private static X509Extension Names(SpiffeId id, IReadOnlyList<string> hostNames, bool critical)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteCharacterString(UniversalTagNumber.IA5String, id.Text, new Asn1Tag(TagClass.ContextSpecific, 6));
            foreach (var name in hostNames)
            {
                if (IPAddress.TryParse(name, out var address)) writer.WriteOctetString(address.GetAddressBytes(), new Asn1Tag(TagClass.ContextSpecific, 7));
                else writer.WriteCharacterString(UniversalTagNumber.IA5String, name, new Asn1Tag(TagClass.ContextSpecific, 2));
            }
        }
        return new X509Extension(X509Svid.SubjectAlternativeNameOid, writer.Encode(), critical);
    }

    // NameConstraints ::= SEQUENCE { permittedSubtrees [0] SEQUENCE OF SEQUENCE { base GeneralName } }
    private static X509Extension PermitOnly(TrustDomain trustDomain)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
        using (writer.PushSequence())
            writer.WriteCharacterString(UniversalTagNumber.IA5String, trustDomain.Name, new Asn1Tag(TagClass.ContextSpecific, 6));
        return new X509Extension("2.5.29.30", writer.Encode(), critical: true);
    }
}
