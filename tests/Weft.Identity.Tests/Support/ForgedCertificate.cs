using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Weft.Identity.Tests.Support;

/// <summary>A certificate with exactly the faults that a test gives it. The defaults make a good leaf.</summary>
internal sealed record ForgedCertificate
{
    public string[] Uris { get; init; } = [Requests.Web.Text];

    public bool IsAuthority { get; init; }

    public X509KeyUsageFlags? KeyUsage { get; init; } = X509KeyUsageFlags.DigitalSignature;

    public bool KeyUsageCritical { get; init; } = true;

    public string[] ExtendedKeyUsage { get; init; } = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"];

    public bool TwoNameExtensions { get; init; }

    public string? RawNames { get; init; }

    public TimeSpan Start { get; init; } = TimeSpan.FromMinutes(-5);

    public TimeSpan End { get; init; } = TimeSpan.FromHours(1);

    public X509Certificate2 Sign(X509Certificate2? issuer, ECDsa issuerKey, DateTimeOffset now, ECDsa? subjectKey = null, string subject = "")
    {
        using var own = subjectKey is null ? ECDsa.Create(ECCurve.NamedCurves.nistP256) : null;
        var request = new CertificateRequest(subject, subjectKey ?? own!, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(IsAuthority, false, 0, true));
        if (KeyUsage is { } usage) request.CertificateExtensions.Add(new X509KeyUsageExtension(usage, KeyUsageCritical));
        if (ExtendedKeyUsage.Length > 0)
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([.. ExtendedKeyUsage.Select(oid => new Oid(oid))], false));
        if (RawNames is not null) request.CertificateExtensions.Add(new X509Extension("2.5.29.17", Convert.FromHexString(RawNames), true));
        else if (Uris.Length > 0) request.CertificateExtensions.Add(Names());
        if (TwoNameExtensions) request.CertificateExtensions.Add(new X509Extension("2.5.29.117", Names().RawData, true));
        var certificate = request.Create(
            issuer?.SubjectName ?? request.SubjectName, X509SignatureGenerator.CreateForECDsa(issuerKey), now + Start, now + End, RandomNumberGenerator.GetBytes(16));
        return TwoNameExtensions ? Patched(certificate.RawData) : certificate;
    }

    // The library refuses to write an extension twice, so another one is renamed in the bytes. The signature breaks; the repetition must be found before it.
    private static X509Certificate2 Patched(byte[] der)
    {
        var at = der.AsSpan().IndexOf((ReadOnlySpan<byte>)[0x55, 0x1D, 117]);
        der[at + 2] = 17;
        return X509CertificateLoader.LoadCertificate(der);
    }

    private X509Extension Names()
    {
        var names = new SubjectAlternativeNameBuilder();
        foreach (var uri in Uris) names.AddUri(new Uri(uri));
        return names.Build(critical: true);
    }
}
