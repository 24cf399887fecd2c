using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Weft.Identity.Tests.Support;

/// <summary>Certificate signing requests.</summary>
internal static class Requests
{
    public static readonly TrustDomain Domain = TrustDomain.Parse("weft.local");
    public static readonly SpiffeId Web = SpiffeId.ForServiceAccount(Domain, "default", "web");

    public static string Pem(AsymmetricAlgorithm? key = null, string? uri = null)
    {
        using var own = key is null ? ECDsa.Create(ECCurve.NamedCurves.nistP256) : null;
        var request = (key ?? own) switch
        {
            ECDsa ecdsa => new CertificateRequest("", ecdsa, HashAlgorithmName.SHA256),
            RSA rsa => new CertificateRequest("", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
            _ => throw new ArgumentException("which key?", nameof(key)),
        };
        if (uri is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddUri(new Uri(uri));
            names.AddDnsName("bank.example");
            request.CertificateExtensions.Add(names.Build());
        }
        return request.CreateSigningRequestPem();
    }

    public static SigningRequest Parsed(AsymmetricAlgorithm? key = null) =>
        SigningRequest.TryParse(Pem(key), out var request, out var error) ? request : throw new InvalidOperationException(error);
}
