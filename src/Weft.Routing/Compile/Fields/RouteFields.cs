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
                request_headers_to_remove=8[] most_specific_header_mutations_wins=10 max_direct_response_body_size_bytes=11
                ignore_port_in_host_matching=14
                """,
            harmless: "validate_clusters=7 metadata=17",
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
                name=14 match=1:RouteMatch route=2:RouteAction redirect=3:RedirectAction direct_response=7:DirectResponseAction
                request_headers_to_add=9[]:envoy.config.core.v3.HeaderValueOption request_headers_to_remove=12[]
                response_headers_to_add=10[]:envoy.config.core.v3.HeaderValueOption response_headers_to_remove=11[]
                """,
            harmless: "metadata=4 decorator=5 per_request_buffer_limit_bytes=16 stat_prefix=19",
            refused: "filter_action=17 non_forwarding_action=18 typed_per_filter_config=13[] tracing=15"),

        new("envoy.config.route.v3.RouteMatch",
            honoured: """
                prefix=1 path=2 safe_regex=10:envoy.type.matcher.v3.RegexMatcher path_separated_prefix=14 case_sensitive=4
                headers=6[]:HeaderMatcher query_parameters=7[]:QueryParameterMatcher
                """,
            refused: "connect_matcher=12 path_match_policy=15 runtime_fraction=9 grpc=8 tls_context=11 dynamic_metadata=13[]"),

        new("envoy.config.route.v3.RouteAction",
            honoured: """
                cluster=1 weighted_clusters=3:WeightedCluster cluster_not_found_response_code=20 prefix_rewrite=5
                host_rewrite_literal=6 auto_host_rewrite=7 append_x_forwarded_host=38 timeout=8 idle_timeout=24
                retry_policy=9:RetryPolicy priority=11
                """,
            harmless: "early_data_policy=40 include_vh_rate_limits=14 hash_policy=15[] max_internal_redirects=31",
            refused: """
                cluster_header=2 cluster_specifier_plugin=37 inline_cluster_specifier_plugin=39 metadata_match=4 regex_rewrite=32
                path_rewrite_policy=41 host_rewrite_header=29 host_rewrite_path_regex=35 retry_policy_typed_config=33
                request_mirror_policies=30[] rate_limits=13[] cors=17 max_grpc_timeout=23 grpc_timeout_offset=28 upgrade_configs=25[]
                internal_redirect_policy=34 internal_redirect_action=26 hedge_policy=27 max_stream_duration=36
                """),

        new("envoy.config.route.v3.WeightedCluster",
            honoured: "clusters=1[]:WeightedCluster.ClusterWeight",
            harmless: "total_weight=3 runtime_key_prefix=2",
            refused: "header_name=4"),

        new("envoy.config.route.v3.WeightedCluster.ClusterWeight",
            honoured: """
                name=1 weight=2 request_headers_to_add=4[]:envoy.config.core.v3.HeaderValueOption request_headers_to_remove=9[]
                response_headers_to_add=5[]:envoy.config.core.v3.HeaderValueOption response_headers_to_remove=6[]
                host_rewrite_literal=11
                """,
            refused: "cluster_header=12 metadata_match=3 typed_per_filter_config=10[]"),

        new("envoy.config.route.v3.HeaderMatcher",
            honoured: """
                name=1 exact_match=4 safe_regex_match=11:envoy.type.matcher.v3.RegexMatcher range_match=6:envoy.type.v3.Int64Range
                present_match=7 prefix_match=9 suffix_match=10 contains_match=12 string_match=13:envoy.type.matcher.v3.StringMatcher
                invert_match=8 treat_missing_header_as_empty=14
                """),

        new("envoy.type.v3.Int64Range",
            honoured: "start=1 end=2"),

        new("envoy.config.route.v3.QueryParameterMatcher",
            honoured: "name=1 string_match=5:envoy.type.matcher.v3.StringMatcher present_match=6"),

        new("envoy.config.route.v3.RetryPolicy",
            honoured: """
                retry_on=1 num_retries=2 per_try_timeout=3 retry_host_predicate=5[]:RetryPolicy.RetryHostPredicate
                retriable_status_codes=7[] retry_back_off=8:RetryPolicy.RetryBackOff
                """,
            harmless: "host_selection_retry_max_attempts=6",
            refused: """
                per_try_idle_timeout=13 retry_priority=4 retry_options_predicates=12[] rate_limited_retry_back_off=11
                retriable_headers=9[] retriable_request_headers=10[]
                """),

        new("envoy.config.route.v3.RetryPolicy.RetryHostPredicate",
            honoured: "name=1",
            harmless: "typed_config=3"),

        new("envoy.config.route.v3.RetryPolicy.RetryBackOff",
            honoured: "base_interval=1 max_interval=2"),

        new("envoy.config.route.v3.RedirectAction",
            honoured: """
                https_redirect=4 scheme_redirect=7 host_redirect=1 port_redirect=8 path_redirect=2 prefix_rewrite=5 response_code=3
                strip_query=6
                """,
            refused: "regex_rewrite=9"),

        new("envoy.config.route.v3.DirectResponseAction",
            honoured: "status=1 body=2:envoy.config.core.v3.DataSource"),

        new("envoy.config.core.v3.HeaderValueOption",
            honoured: "header=1:HeaderValue append=2 append_action=3 keep_empty_value=4"),

        new("envoy.config.core.v3.HeaderValue",
            honoured: "key=1 value=2",
            refused: "raw_value=3"),
    ];
}
