using System.Collections.Immutable;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.RawBuffer.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Envoy.Type.Matcher.V3;
using Weft.Control.Model;

namespace Weft.Control.Translation;

/// <summary>Mutual TLS between Weft proxies: TLS 1.3, the own certificate from the proxy's store, the peer's SPIFFE ID of the same trust domain.</summary>
internal static class TlsTranslation
{
    /// <summary>What an inbound listener asks of its peers.</summary>
    /// <param name="alpn">What it agrees to, the most wanted first.</param>
    public static TransportSocket Downstream(ImmutableArray<string> alpn, MeshSettings settings) => Socket("tls", new DownstreamTlsContext
    {
        CommonTlsContext = Common(alpn, settings),
        RequireClientCertificate = true,
    });

    /// <summary>How a cluster calls endpoints that have a sidecar. The endpoint's own identity, which its metadata tells, is checked besides.</summary>
    public static TransportSocket Upstream(ServicePortKey key, ImmutableArray<string> alpn, MeshSettings settings) => Socket("tls", new UpstreamTlsContext
    {
        CommonTlsContext = Common(alpn, settings),
        Sni = $"{key.Port}.{key.Service}.{key.Namespace}.weft",
    });

    public static TransportSocket Plaintext() => Socket("raw_buffer", new RawBuffer());

    private static CommonTlsContext Common(ImmutableArray<string> alpn, MeshSettings settings) => new()
    {
        TlsParams = new TlsParameters
        {
            TlsMinimumProtocolVersion = TlsParameters.Types.TlsProtocol.Tlsv13,
            TlsMaximumProtocolVersion = TlsParameters.Types.TlsProtocol.Tlsv13,
        },
        TlsCertificateSdsSecretConfigs = { new SdsSecretConfig { Name = XdsNames.OwnCertificateSecret, SdsConfig = EnvoyParts.FromAds } },
        CombinedValidationContext = new CommonTlsContext.Types.CombinedCertificateValidationContext
        {
            DefaultValidationContext = new CertificateValidationContext
            {
                MatchTypedSubjectAltNames =
                {
                    new SubjectAltNameMatcher
                    {
                        SanType = SubjectAltNameMatcher.Types.SanType.Uri,
                        // The slash ends the trust domain: without it weft.local would also take weft.local.example.
                        Matcher = new StringMatcher { Prefix = $"spiffe://{settings.TrustDomain.Name}/" },
                    },
                },
            },
            ValidationContextSdsSecretConfig = new SdsSecretConfig { Name = XdsNames.RootsSecret, SdsConfig = EnvoyParts.FromAds },
        },
        AlpnProtocols = { alpn },
    };

    private static TransportSocket Socket(string name, Google.Protobuf.IMessage config) =>
        new() { Name = $"envoy.transport_sockets.{name}", TypedConfig = EnvoyParts.Pack(config) };
}
