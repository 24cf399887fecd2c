namespace Weft.Routing.Compile.Fields;

/// <summary>Listeners that answer questions for names, and the names of the mesh.</summary>
internal static class DnsFields
{
    public static MessageFields[] All { get; } =
    [
        new("envoy.config.listener.v3.UdpListenerConfig",
            harmless: "downstream_socket_config=5",
            refused: "quic_options=7 udp_packet_packet_writer_config=8"),

        new("envoy.extensions.filters.udp.dns_filter.v3.DnsFilterConfig",
            honoured: "server_config=2:DnsFilterConfig.ServerContextConfig client_config=3:DnsFilterConfig.ClientContextConfig",
            harmless: "stat_prefix=1"),

        new("envoy.extensions.filters.udp.dns_filter.v3.DnsFilterConfig.ServerContextConfig",
            honoured: "inline_dns_table=1@config_source:envoy.data.dns.v3.DnsTable",
            refused: "external_dns_table=2@config_source"),

        new("envoy.extensions.filters.udp.dns_filter.v3.DnsFilterConfig.ClientContextConfig",
            honoured: """
                resolver_timeout=1:Duration dns_resolution_config=5:envoy.config.core.v3.DnsResolutionConfig
                typed_dns_resolver_config=4:envoy.config.core.v3.TypedExtensionConfig max_pending_lookups=3:uint64
                """,
            refused: "upstream_resolvers=2[]"),

        new("envoy.config.core.v3.DnsResolutionConfig",
            honoured: "resolvers=1[]:Address dns_resolver_options=2:DnsResolverOptions"),

        new("envoy.config.core.v3.DnsResolverOptions",
            honoured: "use_tcp_for_dns_lookups=1:bool",
            harmless: "no_default_search_domain=2"),

        new("envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
            honoured: "resolvers=1[]:envoy.config.core.v3.Address dns_resolver_options=2:envoy.config.core.v3.DnsResolverOptions",
            harmless: "udp_max_queries=5",
            refused: "use_resolvers_as_fallback=3 filter_unroutable_families=4"),

        new("envoy.data.dns.v3.DnsTable",
            honoured: "external_retry_count=1:uint32 virtual_domains=2[]:DnsTable.DnsVirtualDomain",
            harmless: "known_suffixes=3[]"),

        new("envoy.data.dns.v3.DnsTable.DnsVirtualDomain",
            honoured: "name=1 endpoint=2:DnsTable.DnsEndpoint answer_ttl=3:Duration"),

        new("envoy.data.dns.v3.DnsTable.DnsEndpoint",
            honoured: "address_list=1@endpoint_config:DnsTable.AddressList",
            refused: "cluster_name=2@endpoint_config service_list=3@endpoint_config"),

        new("envoy.data.dns.v3.DnsTable.AddressList",
            honoured: "address=1[]"),

        new("weft.v1.MeshNames",
            honoured: """
                default_namespace=1 domain_suffixes=2[] search_domains=3[] lookup_timeout=4:Duration answer_ttl=5:Duration endpoint_ttl=6:Duration
                cache_entries=7:UInt32Value cache_bytes=8:UInt32Value cache_ttl=9:Duration cache_negative_ttl=10:Duration
                datagram_bytes=11:UInt32Value tcp_idle_timeout=12:Duration tcp_pending=13:UInt32Value
                """),

        new("weft.v1.Name",
            honoured: "service=1 namespace=2 addresses=3[] ports=4[]:uint32 headless=5:bool"),
    ];
}
