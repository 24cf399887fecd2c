namespace Weft.Routing.Compile.Fields;

/// <summary>Route configurations.</summary>
internal static class RouteFields
{
    public static MessageFields[] All { get; } =
    [
        new("envoy.config.route.v3.RouteConfiguration",
            honoured: """
                name=1 virtual_hosts=2[]:VirtualHost response_headers_to_add=4[]:envoy.config.core.v3.HeaderValueOption
                response_headers_to_remove=5[] request_headers_to_add=6[]:envoy.config.core.v3.HeaderValueOption
                request_headers_to_remove=8[] most_specific_header_mutations_wins=10:bool
                max_direct_response_body_size_bytes=11:UInt32Value ignore_port_in_host_matching=14:bool
                metadata=17:envoy.config.core.v3.Metadata
                """,
            harmless: "validate_clusters=7",
            refused: """
                vhds=9 internal_only_headers=3[] cluster_specifier_plugins=12[] request_mirror_policies=13[]
                ignore_path_parameters_in_path_matching=15 typed_per_filter_config=16[]
                """),

        new("envoy.config.route.v3.VirtualHost",
            honoured: """
                name=1 domains=2[] routes=3[]:Route request_headers_to_add=7[]:envoy.config.core.v3.HeaderValueOption
                request_headers_to_remove=13[] response_headers_to_add=10[]:envoy.config.core.v3.HeaderValueOption
                response_headers_to_remove=11[] retry_policy=16:RetryPolicy
                """,
            harmless: "virtual_clusters=5[] per_request_buffer_limit_bytes=18 metadata=24",
            refused: """
                matcher=21 require_tls=4 rate_limits=6[] cors=8 typed_per_filter_config=15[] include_request_attempt_count=14
                include_attempt_count_in_response=19 retry_policy_typed_config=20 hedge_policy=17 include_is_timeout_retry_header=23
                request_mirror_policies=22[]
                """),

        new("envoy.config.route.v3.Route",
            honoured: """
                name=14 match=1:RouteMatch route=2@action:RouteAction redirect=3@action:RedirectAction
                direct_response=7@action:DirectResponseAction request_headers_to_add=9[]:envoy.config.core.v3.HeaderValueOption
                request_headers_to_remove=12[] response_headers_to_add=10[]:envoy.config.core.v3.HeaderValueOption
                response_headers_to_remove=11[]
                """,
            harmless: "metadata=4 decorator=5 per_request_buffer_limit_bytes=16 stat_prefix=19",
            refused: "filter_action=17@action non_forwarding_action=18@action typed_per_filter_config=13[] tracing=15"),

        new("envoy.config.route.v3.RouteMatch",
            honoured: """
                prefix=1@path_specifier path=2@path_specifier safe_regex=10@path_specifier:envoy.type.matcher.v3.RegexMatcher
                path_separated_prefix=14@path_specifier connect_matcher=12@path_specifier:RouteMatch.ConnectMatcher case_sensitive=4:BoolValue headers=6[]:HeaderMatcher
                query_parameters=7[]:QueryParameterMatcher dynamic_metadata=13[]:envoy.type.matcher.v3.MetadataMatcher
                """,
            refused: "path_match_policy=15@path_specifier runtime_fraction=9 grpc=8 tls_context=11"),

        new("envoy.type.matcher.v3.MetadataMatcher",
            honoured: "filter=1 path=2[]:MetadataMatcher.PathSegment value=3:ValueMatcher invert=4:bool"),

        new("envoy.type.matcher.v3.MetadataMatcher.PathSegment",
            honoured: "key=1@segment"),

        new("envoy.type.matcher.v3.ValueMatcher",
            honoured: "string_match=3@match_pattern:StringMatcher",
            refused: "null_match=1@match_pattern double_match=2@match_pattern bool_match=4@match_pattern present_match=5@match_pattern list_match=6@match_pattern or_match=7@match_pattern"),

        new("envoy.config.route.v3.RouteMatch.ConnectMatcher"),
        new("envoy.config.route.v3.RouteAction",
            honoured: """
                cluster=1@cluster_specifier weighted_clusters=3@cluster_specifier:WeightedCluster
                cluster_not_found_response_code=20:enum(SERVICE_UNAVAILABLE,NOT_FOUND,INTERNAL_SERVER_ERROR) prefix_rewrite=5
                host_rewrite_literal=6@host_rewrite_specifier auto_host_rewrite=7@host_rewrite_specifier:BoolValue
                append_x_forwarded_host=38:bool timeout=8:Duration idle_timeout=24:Duration retry_policy=9:RetryPolicy
                priority=11:enum(DEFAULT,HIGH) max_stream_duration=36:RouteAction.MaxStreamDuration upgrade_configs=25[]:RouteAction.UpgradeConfig
                """,
            harmless: "early_data_policy=40 include_vh_rate_limits=14 hash_policy=15[] max_internal_redirects=31",
            refused: """
                cluster_header=2@cluster_specifier cluster_specifier_plugin=37@cluster_specifier
                inline_cluster_specifier_plugin=39@cluster_specifier metadata_match=4 regex_rewrite=32 path_rewrite_policy=41
                host_rewrite_header=29@host_rewrite_specifier host_rewrite_path_regex=35@host_rewrite_specifier
                retry_policy_typed_config=33 request_mirror_policies=30[] rate_limits=13[] cors=17 max_grpc_timeout=23
                grpc_timeout_offset=28 internal_redirect_policy=34 internal_redirect_action=26 hedge_policy=27
                """),

        new("envoy.config.route.v3.RouteAction.UpgradeConfig",
            honoured: "upgrade_type=1 enabled=2:BoolValue connect_config=3:RouteAction.UpgradeConfig.ConnectConfig"),

        new("envoy.config.route.v3.RouteAction.UpgradeConfig.ConnectConfig",
            refused: "proxy_protocol_config=1 allow_post=2"),

        new("envoy.config.route.v3.RouteAction.MaxStreamDuration",
            honoured: "max_stream_duration=1:Duration grpc_timeout_header_max=2:Duration grpc_timeout_header_offset=3:Duration"),

        new("envoy.config.route.v3.WeightedCluster",
            honoured: "clusters=1[]:WeightedCluster.ClusterWeight",
            harmless: "total_weight=3 runtime_key_prefix=2",
            refused: "header_name=4@random_value_specifier"),

        new("envoy.config.route.v3.WeightedCluster.ClusterWeight",
            honoured: """
                name=1 weight=2:UInt32Value request_headers_to_add=4[]:envoy.config.core.v3.HeaderValueOption
                request_headers_to_remove=9[] response_headers_to_add=5[]:envoy.config.core.v3.HeaderValueOption
                response_headers_to_remove=6[] host_rewrite_literal=11@host_rewrite_specifier
                """,
            refused: "cluster_header=12 metadata_match=3 typed_per_filter_config=10[]"),

        new("envoy.config.route.v3.HeaderMatcher",
            honoured: """
                name=1 exact_match=4@header_match_specifier
                safe_regex_match=11@header_match_specifier:envoy.type.matcher.v3.RegexMatcher
                range_match=6@header_match_specifier:envoy.type.v3.Int64Range present_match=7@header_match_specifier:bool
                prefix_match=9@header_match_specifier suffix_match=10@header_match_specifier contains_match=12@header_match_specifier
                string_match=13@header_match_specifier:envoy.type.matcher.v3.StringMatcher invert_match=8:bool
                treat_missing_header_as_empty=14:bool
                """),

        new("envoy.type.v3.Int64Range",
            honoured: "start=1:int64 end=2:int64"),

        new("envoy.config.route.v3.QueryParameterMatcher",
            honoured: """
                name=1 string_match=5@query_parameter_match_specifier:envoy.type.matcher.v3.StringMatcher
                present_match=6@query_parameter_match_specifier:bool
                """),

        new("envoy.config.route.v3.RetryPolicy",
            honoured: """
                retry_on=1 num_retries=2:UInt32Value per_try_timeout=3:Duration
                retry_host_predicate=5[]:RetryPolicy.RetryHostPredicate retriable_status_codes=7[]:uint32
                retry_back_off=8:RetryPolicy.RetryBackOff
                """,
            harmless: "host_selection_retry_max_attempts=6",
            refused: """
                per_try_idle_timeout=13 retry_priority=4 retry_options_predicates=12[] rate_limited_retry_back_off=11
                retriable_headers=9[] retriable_request_headers=10[]
                """),

        new("envoy.config.route.v3.RetryPolicy.RetryHostPredicate",
            honoured: "name=1",
            harmless: "typed_config=3@config_type"),

        new("envoy.config.route.v3.RetryPolicy.RetryBackOff",
            honoured: "base_interval=1:Duration max_interval=2:Duration"),

        new("envoy.config.route.v3.RedirectAction",
            honoured: """
                https_redirect=4@scheme_rewrite_specifier:bool scheme_redirect=7@scheme_rewrite_specifier host_redirect=1
                port_redirect=8:uint32 path_redirect=2@path_rewrite_specifier prefix_rewrite=5@path_rewrite_specifier
                response_code=3:enum(MOVED_PERMANENTLY,FOUND,SEE_OTHER,TEMPORARY_REDIRECT,PERMANENT_REDIRECT) strip_query=6:bool
                """,
            refused: "regex_rewrite=9@path_rewrite_specifier"),

        new("envoy.config.route.v3.DirectResponseAction",
            honoured: "status=1:uint32 body=2:envoy.config.core.v3.DataSource"),

        new("envoy.config.core.v3.HeaderValueOption",
            honoured: """
                header=1:HeaderValue append=2:BoolValue
                append_action=3:enum(APPEND_IF_EXISTS_OR_ADD,ADD_IF_ABSENT,OVERWRITE_IF_EXISTS_OR_ADD,OVERWRITE_IF_EXISTS)
                keep_empty_value=4:bool
                """),

        new("envoy.config.core.v3.HeaderValue",
            honoured: "key=1 value=2",
            refused: "raw_value=3"),
    ];
}
