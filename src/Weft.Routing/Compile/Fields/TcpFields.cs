namespace Weft.Routing.Compile.Fields;

/// <summary>The network filter that passes bytes on.</summary>
internal static class TcpFields
{
    public static MessageFields[] All { get; } =
    [
        new("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            honoured: """
                stat_prefix=1 cluster=2@cluster_specifier weighted_clusters=10@cluster_specifier:TcpProxy.WeightedCluster idle_timeout=8:Duration
                max_connect_attempts=7:UInt32Value max_downstream_connection_duration=13:Duration
                """,
            harmless: "access_log=5[] access_log_flush_interval=15 flush_access_log_on_connected=16 access_log_options=17 hash_policy=11[]",
            refused: "on_demand=14 metadata_match=9 downstream_idle_timeout=3 upstream_idle_timeout=4 tunneling_config=12"),

        new("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster",
            honoured: "clusters=1[]:TcpProxy.WeightedCluster.ClusterWeight"),

        new("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight",
            honoured: "name=1 weight=2:uint32",
            refused: "metadata_match=3"),
    ];
}
