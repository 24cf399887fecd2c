using System.Collections.Immutable;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using Weft.Routing.Security;
using DataSource = Weft.Routing.Security.DataSource;
using StringMatcher = Envoy.Type.Matcher.V3.StringMatcher;
using ProtoData = Envoy.Config.Core.V3.DataSource;
using SanType = Envoy.Extensions.TransportSockets.Tls.V3.SubjectAltNameMatcher.Types.SanType;
using TlsCertificate = Weft.Routing.Security.TlsCertificate;
using TlsProtocol = Envoy.Extensions.TransportSockets.Tls.V3.TlsParameters.Types.TlsProtocol;

namespace Weft.Routing.Compile;

/// <summary>Transport sockets and TLS contexts of both sides.</summary>
internal static class TlsCompiler
{
    private static readonly MessageParser<DownstreamTlsContext> DownstreamParser = DownstreamTlsContext.Parser.WithDiscardUnknownFields(true);
    private static readonly MessageParser<UpstreamTlsContext> UpstreamParser = UpstreamTlsContext.Parser.WithDiscardUnknownFields(true);

    /// <summary>A filter chain's socket; null is plaintext.</summary>
    public static DownstreamTls? Downstream(TransportSocket? socket, FieldPath at, Compilation into)
    {
        if (socket is null || IsRaw(socket)) return null;
        if (!Is(socket, TypeUrls.DownstreamTls, at, into)) return null;
        at = at.Field("typed_config");
        if (into.Unpack(socket.TypedConfig, DownstreamParser, at) is not { } context) return null;
        if (context.RequireSni is true) into.Refuse(at.Field("require_sni"), "is not supported");
        var common = Common(context.CommonTlsContext, at.Field("common_tls_context"), into);
        if (common.Certificate is null) into.Refuse(at.Field("common_tls_context"), "a server needs a certificate: tls_certificates or tls_certificate_sds_secret_configs");
        if (context.RequireClientCertificate is true && common.Validation is null)
            into.Refuse(at.Field("require_client_certificate"), "needs a validation context to verify the certificate with");
        return new DownstreamTls(common, context.RequireClientCertificate is true, !context.DisableStatelessSessionResumption);
    }

    /// <summary>A cluster's socket; null is plaintext.</summary>
    public static UpstreamTls? Upstream(TransportSocket? socket, FieldPath at, Compilation into)
    {
        if (socket is null || IsRaw(socket)) return null;
        if (!Is(socket, TypeUrls.UpstreamTls, at, into)) return null;
        at = at.Field("typed_config");
        if (into.Unpack(socket.TypedConfig, UpstreamParser, at) is not { } context) return null;
        if (context.Sni.Length > 255) into.Refuse(at.Field("sni"), $"{context.Sni.Length} characters are over 255");
        return new UpstreamTls(Common(context.CommonTlsContext, at.Field("common_tls_context"), into), context.Sni);
    }

    public static TlsCertificate? Certificate(Envoy.Extensions.TransportSockets.Tls.V3.TlsCertificate certificate, FieldPath at, Compilation into)
    {
        var chain = Data(certificate.CertificateChain, at.Field("certificate_chain"), into);
        var key = Data(certificate.PrivateKey, at.Field("private_key"), into);
        return chain is null || key is null ? null : new TlsCertificate(chain, key);
    }

    public static ValidationContext Validation(CertificateValidationContext context, FieldPath at, Compilation into)
    {
        var ids = ImmutableArray.CreateBuilder<string>();
        var domains = ImmutableArray.CreateBuilder<string>();
        for (var i = 0; i < context.MatchTypedSubjectAltNames.Count; i++)
        {
            var name = context.MatchTypedSubjectAltNames[i];
            if (name.SanType == SanType.Uri && name.Matcher is { MatchPatternCase: StringMatcher.MatchPatternOneofCase.Exact, Exact.Length: > 0 })
                ids.Add(name.Matcher.Exact);
            else if (name.SanType == SanType.Uri && name.Matcher is { MatchPatternCase: StringMatcher.MatchPatternOneofCase.Prefix } && TrustDomain(name.Matcher.Prefix) is { } domain)
                domains.Add(domain);
            else
                into.Refuse(at.Field("match_typed_subject_alt_names", i), "only URI names are supported: an exact SPIFFE ID, or the prefix spiffe://trust-domain/");
        }
        var roots = context.TrustedCa is null ? null : Data(context.TrustedCa, at.Field("trusted_ca"), into);
        return new ValidationContext(roots, ids.ToImmutable(), domains.ToImmutable());
    }

    /// <summary>"spiffe://weft.local/" is everybody of weft.local; a longer prefix could end inside a name and means nothing.</summary>
    private static string? TrustDomain(string prefix)
    {
        const string Scheme = "spiffe://";
        if (!prefix.StartsWith(Scheme, StringComparison.Ordinal) || !prefix.EndsWith('/')) return null;
        var domain = prefix[Scheme.Length..^1];
        return domain.Length > 0 && !domain.Contains('/', StringComparison.Ordinal) ? domain : null;
    }

    public static bool IsRaw(TransportSocket socket) =>
        socket.TypedConfig?.TypeUrl == TypeUrls.RawBuffer || (socket.TypedConfig is null && socket.Name == "envoy.transport_sockets.raw_buffer");

    private static bool Is(TransportSocket socket, string type, FieldPath at, Compilation into)
    {
        if (socket.TypedConfig?.TypeUrl == type) return true;
        into.Refuse(at, $"{socket.Name} ({socket.TypedConfig?.TypeUrl}) is not supported: only TLS and raw_buffer");
        return false;
    }

    private static CommonTls Common(CommonTlsContext? context, FieldPath at, Compilation into)
    {
        if (context is null) return new CommonTls();
        var parameters = context.TlsParams ?? new TlsParameters();
        var min = Version(parameters.TlsMinimumProtocolVersion, TlsVersion.Tls12, at.Field("tls_params").Field("tls_minimum_protocol_version"), into);
        if (parameters.TlsMaximumProtocolVersion is not (TlsProtocol.TlsAuto or TlsProtocol.Tlsv13))
            into.Refuse(at.Field("tls_params").Field("tls_maximum_protocol_version"), "a maximum below TLS 1.3 is not supported");
        for (var i = 0; i < context.AlpnProtocols.Count; i++)
        {
            if (context.AlpnProtocols[i].Length is 0 or > 255) into.Refuse(at.Field("alpn_protocols", i), "an ALPN name has 1 to 255 bytes");
        }
        return new CommonTls
        {
            Certificate = OwnCertificate(context, at, into),
            Validation = PeerValidation(context, at, into),
            Alpn = [.. context.AlpnProtocols],
            MinVersion = min,
        };
    }

    private static CertificateSource? OwnCertificate(CommonTlsContext context, FieldPath at, Compilation into)
    {
        if (context.TlsCertificates.Count + context.TlsCertificateSdsSecretConfigs.Count > 1)
            into.Refuse(at, "only one certificate is supported");
        if (context.TlsCertificateSdsSecretConfigs.Count > 0)
            return SecretName(context.TlsCertificateSdsSecretConfigs[0], at.Field("tls_certificate_sds_secret_configs", 0), into) is { } name ? new CertificateSource(name, null) : null;
        if (context.TlsCertificates.Count == 0) return null;
        return Certificate(context.TlsCertificates[0], at.Field("tls_certificates", 0), into) is { } inline ? new CertificateSource(null, inline) : null;
    }

    private static ValidationSource? PeerValidation(CommonTlsContext context, FieldPath at, Compilation into)
    {
        switch (context.ValidationContextTypeCase)
        {
            case CommonTlsContext.ValidationContextTypeOneofCase.ValidationContext:
                return new ValidationSource(null, Validation(context.ValidationContext, at.Field("validation_context"), into));
            case CommonTlsContext.ValidationContextTypeOneofCase.ValidationContextSdsSecretConfig:
                return SecretName(context.ValidationContextSdsSecretConfig, at.Field("validation_context_sds_secret_config"), into) is { } name
                    ? new ValidationSource(name, null)
                    : null;
            case CommonTlsContext.ValidationContextTypeOneofCase.CombinedValidationContext:
                var combined = context.CombinedValidationContext;
                at = at.Field("combined_validation_context");
                if (combined.ValidationContextSdsSecretConfig is null || combined.DefaultValidationContext is null)
                {
                    into.Refuse(at, "default_validation_context and validation_context_sds_secret_config are both needed");
                    return null;
                }
                var secret = SecretName(combined.ValidationContextSdsSecretConfig, at.Field("validation_context_sds_secret_config"), into);
                return new ValidationSource(secret, Validation(combined.DefaultValidationContext, at.Field("default_validation_context"), into));
            default:
                return null; // no verification asked; the providers stand on the refused list
        }
    }

    private static string? SecretName(SdsSecretConfig config, FieldPath at, Compilation into)
    {
        into.Source(config.SdsConfig, at.Field("sds_config"));
        if (config.Name.Length > 0) return config.Name;
        into.Refuse(at.Field("name"), "a name is needed");
        return null;
    }

    private static TlsVersion Version(TlsProtocol version, TlsVersion unset, FieldPath at, Compilation into)
    {
        switch (version)
        {
            case TlsProtocol.TlsAuto: return unset;
            case TlsProtocol.Tlsv12: return TlsVersion.Tls12;
            case TlsProtocol.Tlsv13: return TlsVersion.Tls13;
            default:
                into.Refuse(at, "TLS below 1.2 is not supported (RFC 8996)");
                return unset;
        }
    }

    private static DataSource? Data(ProtoData? source, FieldPath at, Compilation into)
    {
        switch (source?.SpecifierCase)
        {
            case ProtoData.SpecifierOneofCase.InlineBytes: return new DataSource(source.InlineBytes.Memory, null);
            case ProtoData.SpecifierOneofCase.InlineString: return new DataSource(System.Text.Encoding.UTF8.GetBytes(source.InlineString), null);
            case ProtoData.SpecifierOneofCase.Filename when source.Filename.Length > 0: return new DataSource(null, source.Filename);
            default:
                into.Refuse(at, "one of filename, inline_bytes and inline_string is needed");
                return null;
        }
    }
}
