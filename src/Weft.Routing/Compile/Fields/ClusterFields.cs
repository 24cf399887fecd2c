namespace Weft.Routing.Compile.Fields;

/// <summary>Clusters.</summary>
internal static class ClusterFields
{
    public static MessageFields[] All { get; } =
    [
        new("envoy.config.cluster.v3.Cluster",
            honoured: """
                transport_socket_matches=43[]:Cluster.TransportSocketMatch name=1
                type=2@cluster_discovery_type:enum(STATIC,STRICT_DNS,LOGICAL_DNS,EDS,ORIGINAL_DST)
                eds_cluster_config=3:Cluster.EdsClusterConfig connect_timeout=4:Duration
                per_connection_buffer_limit_bytes=5:UInt32Value
                lb_policy=6:enum(ROUND_ROBIN,LEAST_REQUEST,RING_HASH,RANDOM,MAGLEV=5,CLUSTER_PROVIDED=6,LOAD_BALANCING_POLICY_CONFIG=7)
                load_assignment=33:envoy.config.endpoint.v3.ClusterLoadAssignment max_requests_per_connection=9:UInt32Value
                circuit_breakers=10:CircuitBreakers typed_extension_protocol_options=36[]:Cluster.TypedExtensionProtocolOptionsEntry
                dns_refresh_rate=16:Duration least_request_lb_config=37@lb_config:Cluster.LeastRequestLbConfig
                round_robin_lb_config=56@lb_config:Cluster.RoundRobinLbConfig common_lb_config=27:Cluster.CommonLbConfig
                transport_socket=24:envoy.config.core.v3.TransportSocket metadata=25:envoy.config.core.v3.Metadata
                load_balancing_policy=41:LoadBalancingPolicy upstream_connection_options=30:UpstreamConnectionOptions
                """,
            harmless: """
                alt_stat_name=28 dns_failure_refresh_rate=44 wait_for_warm_on_init=54 cleanup_interval=20
                ring_hash_lb_config=23@lb_config maglev_lb_config=52@lb_config
                ignore_health_on_host_removal=32 lrs_report_endpoint_metrics=57[] track_timeout_budgets=47 track_cluster_stats=49
                preconnect_policy=50
                """,
            refused: """
                cluster_type=38@cluster_discovery_type health_checks=8[] upstream_http_protocol_options=46
                common_http_protocol_options=29 http_protocol_options=13 http2_protocol_options=14 respect_dns_ttl=39
                dns_lookup_family=17 dns_resolvers=18[] use_tcp_for_dns_lookups=45 dns_resolution_config=53
                typed_dns_resolver_config=55 outlier_detection=19 upstream_bind_config=21 lb_subset_config=22 protocol_selection=26
                close_connections_on_host_health_failure=31 filters=40[] lrs_server=42
                upstream_config=48 connection_pool_per_downstream_connection=51 original_dst_lb_config=34@lb_config
                """),

        new("envoy.config.cluster.v3.Cluster.TypedExtensionProtocolOptionsEntry",
            honoured: "key=1 value=2:Any"),

        new("envoy.config.cluster.v3.UpstreamConnectionOptions",
            honoured: "tcp_keepalive=1:envoy.config.core.v3.TcpKeepalive",
            harmless: "set_local_interface_name_on_upstream_connections=2",
            refused: "happy_eyeballs_config=3"),

        new("envoy.config.core.v3.TcpKeepalive",
            honoured: "keepalive_probes=1:UInt32Value keepalive_time=2:UInt32Value keepalive_interval=3:UInt32Value"),

        new("envoy.config.cluster.v3.Cluster.EdsClusterConfig",
            honoured: "eds_config=1:envoy.config.core.v3.ConfigSource service_name=2"),

        new("envoy.config.cluster.v3.Cluster.LeastRequestLbConfig",
            honoured: "choice_count=1:UInt32Value",
            refused: "active_request_bias=2 slow_start_config=3"),

        new("envoy.config.cluster.v3.Cluster.RoundRobinLbConfig",
            refused: "slow_start_config=1"),

        new("envoy.config.cluster.v3.Cluster.CommonLbConfig",
            honoured: "healthy_panic_threshold=1:envoy.type.v3.Percent",
            harmless: "update_merge_window=4 ignore_new_hosts_until_first_hc=5 consistent_hashing_lb_config=7",
            refused: """
                zone_aware_lb_config=2@locality_config_specifier locality_weighted_lb_config=3@locality_config_specifier
                close_connections_on_host_set_change=6 override_host_status=8
                """),

        new("envoy.config.cluster.v3.Cluster.TransportSocketMatch",
            honoured: "name=1 match=2:Struct transport_socket=3:envoy.config.core.v3.TransportSocket"),

        new("envoy.config.cluster.v3.LoadBalancingPolicy",
            honoured: "policies=1[]:LoadBalancingPolicy.Policy"),

        new("envoy.config.cluster.v3.LoadBalancingPolicy.Policy",
            honoured: "typed_extension_config=4:envoy.config.core.v3.TypedExtensionConfig"),

        new("envoy.config.cluster.v3.CircuitBreakers",
            honoured: "thresholds=1[]:CircuitBreakers.Thresholds",
            refused: "per_host_thresholds=2[]"),

        new("envoy.config.cluster.v3.CircuitBreakers.Thresholds",
            honoured: """
                priority=1:enum(DEFAULT,HIGH) max_connections=2:UInt32Value max_pending_requests=3:UInt32Value
                max_requests=4:UInt32Value max_retries=5:UInt32Value
                """,
            harmless: "track_remaining=6",
            refused: "retry_budget=8 max_connection_pools=7"),

        new("envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            honoured: """
                common_http_protocol_options=1:envoy.config.core.v3.HttpProtocolOptions
                explicit_http_config=3@upstream_protocol_options:HttpProtocolOptions.ExplicitHttpConfig
                use_downstream_protocol_config=4@upstream_protocol_options:HttpProtocolOptions.UseDownstreamHttpConfig
                auto_config=5@upstream_protocol_options:HttpProtocolOptions.AutoHttpConfig
                """,
            refused: "upstream_http_protocol_options=2 http_filters=6[] header_validation_config=7"),

        new("envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig",
            honoured: """
                http_protocol_options=1@protocol_config:envoy.config.core.v3.Http1ProtocolOptions
                http2_protocol_options=2@protocol_config:envoy.config.core.v3.Http2ProtocolOptions
                """,
            refused: "http3_protocol_options=3@protocol_config"),

        new("envoy.extensions.upstreams.http.v3.HttpProtocolOptions.UseDownstreamHttpConfig",
            honoured: """
                http_protocol_options=1:envoy.config.core.v3.Http1ProtocolOptions
                http2_protocol_options=2:envoy.config.core.v3.Http2ProtocolOptions
                """,
            refused: "http3_protocol_options=3"),

        new("envoy.extensions.upstreams.http.v3.HttpProtocolOptions.AutoHttpConfig",
            honoured: """
                http_protocol_options=1:envoy.config.core.v3.Http1ProtocolOptions
                http2_protocol_options=2:envoy.config.core.v3.Http2ProtocolOptions
                """,
            refused: "http3_protocol_options=3 alternate_protocols_cache_options=4"),

        new("weft.v1.RetryBudget",
            honoured: "percent=1:UInt32Value interval=2:Duration min_per_second=3:UInt32Value"),

        new("envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin",
            refused: "slow_start_config=1 locality_lb_config=2"),

        new("envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest",
            honoured: "choice_count=1:UInt32Value",
            refused: "active_request_bias=2 slow_start_config=3 locality_lb_config=4 enable_full_scan=5 selection_method=6"),

        new("envoy.extensions.load_balancing_policies.random.v3.Random",
            refused: "locality_lb_config=1"),
    ];
}
