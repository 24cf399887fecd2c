using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Weft.Proxy.Admin;

/// <summary><c>/certs</c>: the proxy's own chain and the roots that it trusts (envoy.admin.v3.Certificates). Public parts only.</summary>
internal static class CertificatesEndpoint
{
    public static void Serve(AdminSources sources, AdminResponse response) => EnvoyJson.Respond(response, json =>
    {
        json.WriteStartArray("certificates");
        if (sources.Certificate() is { } material)
        {
            var now = sources.Time.GetUtcNow();
            json.WriteStartObject();
            Write(json, "ca_cert", material.RootsPem, now);
            Write(json, "cert_chain", material.ChainPem, now);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });

    private static void Write(Utf8JsonWriter json, string field, ReadOnlyMemory<byte> pem, DateTimeOffset now)
    {
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPem(System.Text.Encoding.ASCII.GetString(pem.Span));
        json.WriteStartArray(field);
        foreach (var certificate in certificates)
        {
            using (certificate) Write(json, certificate, now);
        }
        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, X509Certificate2 certificate, DateTimeOffset now)
    {
        var until = new DateTimeOffset(certificate.NotAfter.ToUniversalTime(), TimeSpan.Zero);
        json.WriteStartObject();
        json.WriteString("serial_number", certificate.SerialNumber.ToLowerInvariant());
        json.WriteStartArray("subject_alt_names");
        // One URI is all that an SVID may have, and what its issuers carry too.
        if (certificate.GetNameInfo(X509NameType.UrlName, forIssuer: false) is { Length: > 0 } uri)
        {
            json.WriteStartObject();
            json.WriteString("uri", uri);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteLong("days_until_expiration", Math.Max(0, (long)(until - now).TotalDays));
        json.WriteTimestamp("valid_from", new DateTimeOffset(certificate.NotBefore.ToUniversalTime(), TimeSpan.Zero));
        json.WriteTimestamp("expiration_time", until);
        json.WriteEndObject();
    }
}
