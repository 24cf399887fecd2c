using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Weft.Identity;

/// <summary>A PKCS#10 request (RFC 2986) whose signature was checked: whoever sent it holds the private key.
/// Only the key is taken from it; subject and extensions are the requester's wish, not a fact.</summary>
public sealed class SigningRequest
{
    /// <summary>The longest request that is looked at, in characters of PEM. An RSA key of 4096 bits makes 1,700.</summary>
    public const int MaximumLength = 16 * 1024;

    private const int MinimumRsaBits = 2048;
    private const int MaximumRsaBits = 8192; // beyond it, a signature check is work that a stranger chooses for us
    private const string P256 = "1.2.840.10045.3.1.7";
    private const string P384 = "1.3.132.0.34";

    private SigningRequest(PublicKey publicKey, ImmutableArray<string> uris)
    {
        PublicKey = publicKey;
        Uris = uris;
    }

    /// <summary>The key to certify: ECDSA on P-256 or P-384, or RSA of 2048 to 8192 bits.</summary>
    public PublicKey PublicKey { get; }

    /// <summary>The URIs of the subject alternative name that it asks for, as written. Usually none.</summary>
    public ImmutableArray<string> Uris { get; }

    /// <summary>Reads a request in PEM and checks its signature and its key. <paramref name="error"/> is a sentence for the requester.</summary>
    public static bool TryParse(string? pem, [NotNullWhen(true)] out SigningRequest? request, out string error)
    {
        request = null;
        if (string.IsNullOrWhiteSpace(pem)) { error = "the certificate signing request is empty"; return false; }
        if (pem.Length > MaximumLength) { error = $"the certificate signing request is longer than {MaximumLength} characters"; return false; }

        CertificateRequest read;
        try
        {
            // "Unsafe" means that extensions are copied into the object. They are read here and never signed.
            read = CertificateRequest.LoadSigningRequestPem(pem, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
        }
        catch (Exception failure) when (failure is CryptographicException or ArgumentException or AsnContentException or NotSupportedException)
        {
            error = $"the certificate signing request is not PKCS#10 in PEM with a good signature of a supported key: {failure.Message}";
            return false;
        }
        if (RefuseKey(read.PublicKey) is { } refusal) { error = refusal; return false; }
        if (!TryReadUris(read, out var uris)) { error = "the subject alternative name of the certificate signing request is malformed"; return false; }
        request = new SigningRequest(read.PublicKey, uris);
        error = "";
        return true;
    }

    private static string? RefuseKey(PublicKey key)
    {
        try
        {
            using var ecdsa = key.GetECDsaPublicKey();
            if (ecdsa is not null)
            {
                var curve = ecdsa.ExportParameters(false).Curve;
                return curve.IsNamed && curve.Oid.Value is P256 or P384
                    ? null
                    : $"an elliptic curve key must be on P-256 or P-384, not on {(curve.IsNamed ? curve.Oid.FriendlyName ?? curve.Oid.Value : "a curve of its own")}";
            }
            using var rsa = key.GetRSAPublicKey();
            if (rsa is null) return $"a key of the kind {key.Oid.FriendlyName ?? key.Oid.Value} is not accepted: use ECDSA on P-256 or P-384, or RSA";
            return rsa.KeySize is >= MinimumRsaBits and <= MaximumRsaBits
                ? null
                : $"an RSA key must have {MinimumRsaBits} to {MaximumRsaBits} bits, not {rsa.KeySize}";
        }
        catch (CryptographicException failure) { return $"the public key is malformed: {failure.Message}"; }
    }

    private static bool TryReadUris(CertificateRequest request, out ImmutableArray<string> uris)
    {
        try
        {
            uris = [.. request.CertificateExtensions.Where(e => e.Oid?.Value == X509Svid.SubjectAlternativeNameOid).SelectMany(e => X509Svid.ReadUris(e.RawData))];
            return true;
        }
        catch (AsnContentException)
        {
            uris = [];
            return false;
        }
    }
}
