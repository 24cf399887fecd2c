namespace Weft.Routing.Compile.Fields;

/// <summary>TLS contexts and secrets.</summary>
internal static class TlsFields
{
    public static MessageFields[] All { get; } =
    [
        new("envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            honoured: """
                common_tls_context=1:CommonTlsContext require_client_certificate=2:BoolValue require_sni=3:BoolValue
                disable_stateless_session_resumption=7@session_ticket_keys_type:bool
                """,
            harmless: "full_scan_certs_on_sni_mismatch=9",
            refused: """
                session_ticket_keys=4@session_ticket_keys_type session_ticket_keys_sds_secret_config=5@session_ticket_keys_type
                disable_stateful_session_resumption=10
                session_timeout=6 ocsp_staple_policy=8
                """),

        new("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            honoured: "common_tls_context=1:CommonTlsContext sni=2",
            harmless: "max_session_keys=4 enforce_rsa_key_usage=5",
            refused: "allow_renegotiation=3"),

        new("envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport",
            honoured: "config=1:envoy.config.core.v3.ProxyProtocolConfig transport_socket=2:envoy.config.core.v3.TransportSocket"),

        new("envoy.config.core.v3.ProxyProtocolConfig",
            honoured: "version=1:enum(V1,V2)",
            refused: "pass_through_tlvs=2"),

        new("envoy.extensions.transport_sockets.tls.v3.CommonTlsContext",
            honoured: """
                tls_params=1:TlsParameters tls_certificates=2[]:TlsCertificate tls_certificate_sds_secret_configs=6[]:SdsSecretConfig
                validation_context=3@validation_context_type:CertificateValidationContext
                validation_context_sds_secret_config=7@validation_context_type:SdsSecretConfig
                combined_validation_context=8@validation_context_type:CommonTlsContext.CombinedCertificateValidationContext
                alpn_protocols=4[]
                """,
            refused: """
                tls_certificate_provider_instance=14 tls_certificate_certificate_provider=9
                tls_certificate_certificate_provider_instance=11 validation_context_certificate_provider=10@validation_context_type
                validation_context_certificate_provider_instance=12@validation_context_type custom_handshaker=13 key_log=15
                """),

        new("envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.CombinedCertificateValidationContext",
            honoured: "default_validation_context=1:CertificateValidationContext validation_context_sds_secret_config=2:SdsSecretConfig",
            refused: "validation_context_certificate_provider=3 validation_context_certificate_provider_instance=4"),

        new("envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig",
            honoured: "name=1 sds_config=2:envoy.config.core.v3.ConfigSource"),

        new("envoy.extensions.transport_sockets.tls.v3.TlsCertificate",
            honoured: "certificate_chain=1:envoy.config.core.v3.DataSource private_key=2:envoy.config.core.v3.DataSource",
            refused: "pkcs12=8 watched_directory=7 private_key_provider=6 password=3 ocsp_staple=4 signed_certificate_timestamp=5[]"),

        new("envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext",
            honoured: "trusted_ca=1:envoy.config.core.v3.DataSource match_typed_subject_alt_names=15[]:SubjectAltNameMatcher",
            refused: """
                ca_certificate_provider_instance=13 system_root_certs=17 watched_directory=11 verify_certificate_spki=3[]
                verify_certificate_hash=2[] match_subject_alt_names=9[] require_signed_certificate_timestamp=6 crl=7
                allow_expired_certificate=8 trust_chain_verification=10 custom_validator_config=12 only_verify_leaf_cert_crl=14
                max_verify_depth=16
                """),

        new("envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher",
            honoured: """
                san_type=1:enum(SAN_TYPE_UNSPECIFIED,EMAIL,DNS,URI,IP_ADDRESS,OTHER_NAME)
                matcher=2:envoy.type.matcher.v3.StringMatcher
                """,
            refused: "oid=3"),

        new("envoy.extensions.transport_sockets.tls.v3.TlsParameters",
            honoured: """
                tls_minimum_protocol_version=1:enum(TLS_AUTO,TLSv1_0,TLSv1_1,TLSv1_2,TLSv1_3)
                tls_maximum_protocol_version=2:enum(TLS_AUTO,TLSv1_0,TLSv1_1,TLSv1_2,TLSv1_3)
                """,
            refused: "cipher_suites=3[] ecdh_curves=4[] signature_algorithms=5[]"),

        new("envoy.extensions.transport_sockets.tls.v3.Secret",
            honoured: "name=1 tls_certificate=2@type:TlsCertificate validation_context=4@type:CertificateValidationContext",
            refused: "session_ticket_keys=3@type generic_secret=5@type"),
    ];
}
