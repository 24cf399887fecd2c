namespace Weft.Routing.Compile.Fields;

/// <summary>The HTTP connection manager and its filters.</summary>
internal static class HttpFields
{
    public static MessageFields[] All { get; } =
    [
        new("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            honoured: """
                codec_type=1:enum(AUTO,HTTP1,HTTP2,HTTP3) stat_prefix=2 rds=3@route_specifier:Rds
                route_config=4@route_specifier:envoy.config.route.v3.RouteConfiguration http_filters=5[]:HttpFilter
                add_user_agent=6:BoolValue common_http_protocol_options=35:envoy.config.core.v3.HttpProtocolOptions
                http_protocol_options=8:envoy.config.core.v3.Http1ProtocolOptions
                http2_protocol_options=9:envoy.config.core.v3.Http2ProtocolOptions server_name=10
                server_header_transformation=34:enum(OVERWRITE,APPEND_IF_ABSENT,PASS_THROUGH) max_request_headers_kb=29:UInt32Value
                stream_idle_timeout=24:Duration request_timeout=28:Duration request_headers_timeout=41:Duration
                drain_timeout=12:Duration delayed_close_timeout=26:Duration use_remote_address=14:BoolValue
                xff_num_trusted_hops=19:uint32 generate_request_id=15:BoolValue preserve_external_request_id=32:bool
                normalize_path=30:BoolValue merge_slashes=33:bool
                path_with_escaped_slashes_action=45:enum(IMPLEMENTATION_SPECIFIC_DEFAULT,KEEP_UNCHANGED,REJECT_REQUEST,UNESCAPE_AND_REDIRECT,UNESCAPE_AND_FORWARD)
                upgrade_configs=23[]:HttpConnectionManager.UpgradeConfig skip_xff_append=21:bool always_set_request_id_in_response=37:bool
                forward_client_cert_details=16:enum(SANITIZE,FORWARD_ONLY,APPEND_FORWARD,SANITIZE_SET,ALWAYS_FORWARD_ONLY)
                set_current_client_cert_details=17:HttpConnectionManager.SetCurrentClientCertDetails
                """,
            harmless: """
                http3_protocol_options=44 access_log=13[] access_log_flush_interval=54
                flush_access_log_on_new_request=55 access_log_options=56 internal_address_config=25
                stream_error_on_invalid_http_message=40 append_local_overload=57 add_proxy_protocol_connection_state=53
                """,
            refused: """
                scoped_routes=31@route_specifier tracing=7 scheme_header_transformation=48 original_ip_detection_extensions=46[]
                early_header_mutation_extensions=52[] via=22 proxy_100_continue=18 represent_ipv4_remote_address_as_ipv4_mapped_ipv6=20
                request_id_extension=36 local_reply_config=38 strip_matching_host_port=39
                strip_any_host_port=42@strip_port_mode path_normalization_options=43 strip_trailing_host_dot=47 proxy_status_config=49
                typed_header_validation_config=50 append_x_forwarded_port=51
                """),

        new("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig",
            honoured: "upgrade_type=1 enabled=3:BoolValue",
            refused: "filters=2[]"),

        new("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.SetCurrentClientCertDetails",
            honoured: "subject=1:BoolValue dns=4:bool uri=5:bool",
            refused: "cert=3 chain=6"),

        new("envoy.extensions.filters.network.http_connection_manager.v3.Rds",
            honoured: "config_source=1:envoy.config.core.v3.ConfigSource route_config_name=2"),

        new("envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter",
            honoured: "name=1 typed_config=4@config_type:Any is_optional=6:bool disabled=7:bool",
            refused: "config_discovery=5@config_type"),

        new("envoy.config.core.v3.HttpProtocolOptions",
            honoured: """
                idle_timeout=1:Duration max_connection_duration=3:Duration max_headers_count=2:UInt32Value
                max_requests_per_connection=6:UInt32Value
                """,
            refused: "max_stream_duration=4 headers_with_underscores_action=5"),

        new("envoy.config.core.v3.Http1ProtocolOptions",
            honoured: """
                allow_absolute_url=1:BoolValue accept_http_10=2:bool default_host_for_http_10=3
                header_key_format=4:Http1ProtocolOptions.HeaderKeyFormat
                """,
            harmless: "enable_trailers=5 override_stream_error_on_invalid_http_message=7 use_balsa_parser=9 allow_custom_methods=10",
            refused: "allow_chunked_length=6 send_fully_qualified_url=8"),

        new("envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat",
            honoured: "stateful_formatter=8@header_format:TypedExtensionConfig",
            refused: "proper_case_words=1@header_format"),

        // Floods are bounded by one budget per connection for everything that a well-behaved peer sends rarely, not by a count for each kind of frame.
        new("envoy.config.core.v3.Http2ProtocolOptions",
            honoured: """
                hpack_table_size=1:UInt32Value max_concurrent_streams=2:UInt32Value initial_stream_window_size=3:UInt32Value
                initial_connection_window_size=4:UInt32Value allow_connect=5:bool connection_keepalive=15:KeepaliveSettings
                """,
            harmless: """
                max_outbound_frames=7 max_outbound_control_frames=8 max_consecutive_inbound_frames_with_empty_payload=9
                max_inbound_priority_frames_per_stream=10 max_inbound_window_update_frames_per_data_frame_sent=11
                stream_error_on_invalid_http_messaging=12 override_stream_error_on_invalid_http_message=14 use_oghttp2_codec=16
                """,
            refused: "allow_metadata=6 custom_settings_parameters=13[]"),

        new("envoy.config.core.v3.KeepaliveSettings",
            honoured: "interval=1:Duration timeout=2:Duration interval_jitter=3:envoy.type.v3.Percent connection_idle_interval=4:Duration"),

        new("envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig",
            harmless: "forward_reason_phrase=1 formatter_type_on_envoy_headers=2"),

        new("envoy.extensions.filters.http.router.v3.Router",
            harmless: """
                dynamic_stats=1 start_child_span=2 upstream_log=3[] upstream_log_options=9 suppress_envoy_headers=4
                suppress_grpc_request_failure_code_stats=7
                """,
            refused: "strict_check_headers=5[] respect_expected_rq_timeout=6 upstream_http_filters=8[]"),

        new("weft.v1.ForwardProxy",
            honoured: "default_namespace=1 domain_suffixes=2[] lookup_timeout=3:Duration egress=4:enum(ALLOW,DENY) policy=5"),

        new("weft.v1.Transparent",
            honoured: "lookup_timeout=1:Duration egress=2:enum(ALLOW,DENY) policy=3 denial_grace=4:Duration virtual_addresses=5[]:envoy.config.core.v3.CidrRange"),
    ];
}
