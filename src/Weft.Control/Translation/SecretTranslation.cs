using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;

namespace Weft.Control.Translation;

/// <summary>The one secret that the control plane sends, and it is public: the roots of the trust domain. A private key never travels.</summary>
internal static class SecretTranslation
{
    public static Secret Roots(string pem) => new()
    {
        Name = XdsNames.RootsSecret,
        ValidationContext = new CertificateValidationContext { TrustedCa = new DataSource { InlineBytes = ByteString.CopyFromUtf8(pem) } },
    };
}
