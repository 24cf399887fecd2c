using System.Diagnostics.CodeAnalysis;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Weft.Identity;

/// <summary>What one leaf certificate must look like to be an X.509-SVID, apart from who signed it and when (X509-SVID, sections 2 to 4).</summary>
public static class X509Svid
{
    internal const string ServerAuthenticationOid = "1.3.6.1.5.5.7.3.1";
    internal const string ClientAuthenticationOid = "1.3.6.1.5.5.7.3.2";
    internal const string SubjectAlternativeNameOid = "2.5.29.17";
    private const string BasicConstraintsOid = "2.5.29.19";
    private const string KeyUsageOid = "2.5.29.15";
    private const string AnyExtendedKeyUsageOid = "2.5.29.37.0";

    /// <summary>Checks the leaf's own rules and reads its identity. Says nothing about trust: see <see cref="SvidVerifier"/>.</summary>
    public static bool TryRead(X509Certificate2 leaf, [NotNullWhen(true)] out SpiffeId? id, out SvidFailure failure)
    {
        try
        {
            failure = Check(leaf, out id);
        }
        catch (Exception error) when (error is AsnContentException or CryptographicException)
        {
            (id, failure) = (null, SvidFailure.Malformed);
        }
        if (failure != SvidFailure.None) id = null;
        return failure == SvidFailure.None && id is not null;
    }

    private static SvidFailure Check(X509Certificate2 leaf, out SpiffeId? id)
    {
        id = null;
        // RFC 5280 4.2: at most one of each. A reader that takes the first and another that takes the last see two identities.
        if (leaf.Extensions.GroupBy(extension => extension.Oid?.Value).Any(group => group.Count() > 1)) return SvidFailure.Malformed;

        var uris = leaf.Extensions[SubjectAlternativeNameOid] is { } names ? ReadUris(names.RawData) : [];
        if (uris.Count != 1) return SvidFailure.UriCount;
        if (!SpiffeId.TryParse(uris[0], out id, out _)) return SvidFailure.NotSpiffeId;

        if (leaf.Extensions[BasicConstraintsOid] is { } basic &&
            new X509BasicConstraintsExtension(new AsnEncodedData(basic.RawData), basic.Critical).CertificateAuthority) return SvidFailure.IsAuthority;
        if (id.IsTrustDomain) return SvidFailure.NoPath;

        if (leaf.Extensions[KeyUsageOid] is not { Critical: true } usage) return SvidFailure.KeyUsage;
        var flags = new X509KeyUsageExtension(new AsnEncodedData(usage.RawData), critical: true).KeyUsages;
        var signsOthers = (flags & (X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign)) != X509KeyUsageFlags.None;
        return signsOthers || (flags & X509KeyUsageFlags.DigitalSignature) == X509KeyUsageFlags.None ? SvidFailure.KeyUsage : SvidFailure.None;
    }

    /// <summary>Whether the extended key usage covers <paramref name="purposeOid"/>. An absent extension covers everything (RFC 5280 4.2.1.12).</summary>
    internal static bool Covers(X509Certificate2 leaf, string purposeOid) =>
        leaf.Extensions.OfType<X509EnhancedKeyUsageExtension>().FirstOrDefault() is not { } extended ||
        extended.EnhancedKeyUsages.Cast<Oid>().Any(oid => oid.Value == purposeOid || oid.Value == AnyExtendedKeyUsageOid);

    /// <summary>The serial number as people and tools write it: hexadecimal, upper case, without the zero byte that DER puts before a high bit.
    /// With it, a serial number copied from openssl into a revocation would match nothing.</summary>
    internal static string SerialNumber(X509Certificate2 certificate) =>
        certificate.SerialNumber is ['0', '0', _, ..] text ? text[2..] : certificate.SerialNumber;

    /// <summary>The uniformResourceIdentifier entries of a SubjectAltName value (RFC 5280 4.2.1.6), in order.</summary>
    /// <exception cref="AsnContentException">Not DER, or not a GeneralNames.</exception>
    internal static List<string> ReadUris(ReadOnlyMemory<byte> subjectAltName)
    {
        var uriTag = new Asn1Tag(TagClass.ContextSpecific, 6);
        var uris = new List<string>();
        var reader = new AsnReader(subjectAltName, AsnEncodingRules.DER);
        var names = reader.ReadSequence();
        reader.ThrowIfNotEmpty();
        while (names.HasData)
        {
            if (names.PeekTag().HasSameClassAndValue(uriTag)) uris.Add(names.ReadCharacterString(UniversalTagNumber.IA5String, uriTag));
            else names.ReadEncodedValue();
        }
        return uris;
    }
}
