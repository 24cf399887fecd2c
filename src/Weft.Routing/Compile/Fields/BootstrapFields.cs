namespace Weft.Routing.Compile.Fields;

/// <summary>The bootstrap file. Its static resources are checked as the resources that they are.</summary>
internal static class BootstrapFields
{
    public static MessageFields[] All { get; } =
    [
        new("envoy.config.bootstrap.v3.Bootstrap",
            honoured: """
                node=1:envoy.config.core.v3.Node static_resources=2:Bootstrap.StaticResources
                dynamic_resources=3:Bootstrap.DynamicResources admin=12:Admin
                """,
            harmless: """
                node_context_params=26[] cluster_manager=4 flags_path=5 stats_sinks=6[] deferred_stat_options=39 stats_config=13
                stats_flush_interval=7 stats_flush_on_admin=29@stats_flush watchdog=8 watchdogs=27 layered_runtime=17
                overload_manager=15 enable_dispatcher_stats=16 stats_server_version_override=19 perf_tracing_file_path=33
                application_log_config=38 grpc_async_client_manager_config=40 memory_allocator_manager=41
                """,
            refused: """
                hds_config=14 tracing=9 header_prefix=18 use_tcp_for_dns_lookups=20 dns_resolution_config=30
                typed_dns_resolver_config=31 bootstrap_extensions=21[] fatal_actions=28[] config_sources=22[] default_config_source=23
                default_socket_interface=24 certificate_provider_instances=25[] inline_headers=32[] default_regex_engine=34
                xds_delegate_extension=35 xds_config_tracker_extension=36 listener_manager=37
                """),

        new("envoy.config.bootstrap.v3.Bootstrap.StaticResources",
            honoured: """
                listeners=1[]:envoy.config.listener.v3.Listener clusters=2[]:envoy.config.cluster.v3.Cluster
                secrets=3[]:envoy.extensions.transport_sockets.tls.v3.Secret
                """),

        new("envoy.config.bootstrap.v3.Bootstrap.DynamicResources",
            honoured: """
                lds_config=1:envoy.config.core.v3.ConfigSource cds_config=2:envoy.config.core.v3.ConfigSource
                ads_config=3:envoy.config.core.v3.ApiConfigSource
                """,
            refused: "lds_resources_locator=5 cds_resources_locator=6"),

        new("envoy.config.bootstrap.v3.Admin",
            honoured: "address=3:envoy.config.core.v3.Address",
            harmless: "access_log=5[] access_log_path=1 profile_path=2 ignore_global_conn_limit=6",
            refused: "socket_options=4[]"),

        new("envoy.config.core.v3.Node",
            honoured: "id=1 cluster=2 metadata=3:Struct locality=4:Locality client_features=10[]",
            harmless: """
                dynamic_parameters=12[] user_agent_name=6 user_agent_version=7@user_agent_version_type
                user_agent_build_version=8@user_agent_version_type extensions=9[] listening_addresses=11[]
                """),

        new("envoy.config.core.v3.ApiConfigSource",
            honoured: """
                api_type=1:enum(DEPRECATED_AND_UNAVAILABLE_DO_NOT_USE,REST,GRPC,DELTA_GRPC,AGGREGATED_GRPC=5,AGGREGATED_DELTA_GRPC=6)
                transport_api_version=8:enum(AUTO,V2,V3) grpc_services=4[]:GrpcService set_node_on_first_message_only=7:bool
                """,
            harmless: "cluster_names=2[] refresh_delay=3 request_timeout=5 rate_limit_settings=6",
            refused: "config_validators=9[]"),

        new("envoy.config.core.v3.GrpcService",
            honoured: "envoy_grpc=1@target_specifier:GrpcService.EnvoyGrpc",
            harmless: "timeout=3 retry_policy=6",
            refused: "google_grpc=2@target_specifier initial_metadata=5[]"),

        new("envoy.config.core.v3.GrpcService.EnvoyGrpc",
            honoured: "cluster_name=1",
            harmless: "authority=2 retry_policy=3 max_receive_message_length=4 skip_envoy_headers=5"),
    ];
}
