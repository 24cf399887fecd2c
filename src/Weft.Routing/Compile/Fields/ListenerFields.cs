namespace Weft.Routing.Compile.Fields;

/// <summary>Listeners, their filter chains, and what every resource shares: addresses, metadata, configuration sources.</summary>
internal static class ListenerFields
{
    public static MessageFields[] All { get; } =
    [
        new("envoy.config.listener.v3.Listener",
            honoured: """
                name=1 address=2:envoy.config.core.v3.Address filter_chains=3[]:FilterChain use_original_dst=4:BoolValue
                default_filter_chain=25:FilterChain per_connection_buffer_limit_bytes=5:UInt32Value
                listener_filters=9[]:ListenerFilter listener_filters_timeout=15:Duration udp_listener_config=18:UdpListenerConfig transparent=10:BoolValue
                freebind=11:BoolValue metadata=6:envoy.config.core.v3.Metadata additional_addresses=33[]:AdditionalAddress traffic_direction=16:enum(UNSPECIFIED,INBOUND,OUTBOUND) bind_to_port=26:BoolValue
                socket_options=13[]:envoy.config.core.v3.SocketOption
                """,
            harmless: """
                stat_prefix=28 drain_type=8 tcp_fast_open_queue_length=12 connection_balance_config=20 reuse_port=21
                enable_reuse_port=29 access_log=22[] tcp_backlog_size=24 max_connections_to_accept_per_socket_event=34
                ignore_global_conn_limit=31 bypass_overload_manager=35
                """,
            refused: """
                filter_chain_matcher=32 deprecated_v1=7 continue_on_listener_filters_timeout=17
                api_listener=19 internal_listener=27@listener_specifier enable_mptcp=30
                """),

        new("envoy.config.listener.v3.AdditionalAddress",
            honoured: "address=1:envoy.config.core.v3.Address",
            refused: "socket_options=2"),

        new("envoy.config.listener.v3.FilterChain",
            honoured: """
                filter_chain_match=1:FilterChainMatch filters=3[]:Filter use_proxy_proto=4:BoolValue
                transport_socket=6:envoy.config.core.v3.TransportSocket name=7 transport_socket_connect_timeout=9:Duration
                """,
            harmless: "metadata=5 on_demand_configuration=8"),

        new("envoy.config.listener.v3.FilterChainMatch",
            honoured: """
                destination_port=8:UInt32Value prefix_ranges=3[]:envoy.config.core.v3.CidrRange server_names=11[] transport_protocol=9
                application_protocols=10[] direct_source_prefix_ranges=13[]:envoy.config.core.v3.CidrRange
                source_type=12:enum(ANY,SAME_IP_OR_LOOPBACK,EXTERNAL) source_prefix_ranges=6[]:envoy.config.core.v3.CidrRange
                source_ports=7[]:uint32
                """,
            refused: "address_suffix=4 suffix_len=5"),

        new("envoy.config.core.v3.SocketOption",
            honoured: "level=2:int64 name=3:int64 int_value=4@value:int64",
            harmless: "description=1 state=6",
            refused: "buf_value=5@value"),

        new("envoy.config.core.v3.CidrRange",
            honoured: "address_prefix=1 prefix_len=2:UInt32Value"),

        new("envoy.config.listener.v3.Filter",
            honoured: "name=1 typed_config=4@config_type:Any",
            refused: "config_discovery=5@config_type"),

        new("envoy.config.listener.v3.ListenerFilter",
            honoured: "name=1 typed_config=3@config_type:Any",
            refused: "config_discovery=5@config_type filter_disabled=4"),

        new("envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
            harmless: "enable_ja3_fingerprinting=1 initial_read_buffer_size=2"),

        new("envoy.extensions.filters.listener.http_inspector.v3.HttpInspector"),
        new("envoy.extensions.filters.listener.original_dst.v3.OriginalDst"),
        new("envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
            honoured: "allow_requests_without_proxy_protocol=2:bool disallowed_versions=4[]:enum(V1,V2)",
            harmless: "stat_prefix=5",
            refused: "rules=1[] pass_through_tlvs=3"),

        new("weft.v1.ProxyProtocol",
            honoured: """
                filter=1:envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol
                trusted_sources=2[]:envoy.config.core.v3.CidrRange max_header_bytes=3:UInt32Value
                """),

        new("envoy.config.core.v3.Address",
            honoured: "socket_address=1@address:SocketAddress",
            refused: "pipe=2@address envoy_internal_address=3@address"),

        new("envoy.config.core.v3.SocketAddress",
            honoured: "protocol=1:enum(TCP,UDP) address=2 port_value=3@port_specifier:uint32 ipv4_compat=6:bool",
            refused: "named_port=4@port_specifier resolver_name=5"),

        new("envoy.config.core.v3.TransportSocket",
            honoured: "name=1 typed_config=3@config_type:Any"),

        new("envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"),
        new("envoy.config.core.v3.ConfigSource",
            honoured: """
                ads=3@config_source_specifier:AggregatedConfigSource self=5@config_source_specifier:SelfConfigSource
                resource_api_version=6:enum(AUTO,V2,V3)
                """,
            harmless: "authorities=7[] initial_fetch_timeout=4",
            refused: """
                path=1@config_source_specifier path_config_source=8@config_source_specifier
                api_config_source=2@config_source_specifier
                """),

        new("envoy.config.core.v3.AggregatedConfigSource"),
        new("envoy.config.core.v3.SelfConfigSource",
            honoured: "transport_api_version=1:enum(AUTO,V2,V3)"),

        new("envoy.config.core.v3.TypedExtensionConfig",
            honoured: "name=1 typed_config=2:Any"),

        new("envoy.config.core.v3.DataSource",
            honoured: "filename=1@specifier inline_bytes=2@specifier:bytes inline_string=3@specifier",
            refused: "environment_variable=4@specifier watched_directory=5"),

        new("envoy.type.matcher.v3.StringMatcher",
            honoured: """
                exact=1@match_pattern prefix=2@match_pattern suffix=3@match_pattern safe_regex=5@match_pattern:RegexMatcher
                contains=7@match_pattern ignore_case=6:bool
                """,
            refused: "custom=8@match_pattern"),

        new("envoy.type.matcher.v3.RegexMatcher",
            honoured: "regex=2",
            harmless: "google_re2=1@engine_type"),

        new("envoy.type.v3.Percent",
            honoured: "value=1:double"),
    ];
}
