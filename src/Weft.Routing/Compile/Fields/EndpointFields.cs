namespace Weft.Routing.Compile.Fields;

/// <summary>Endpoint assignments.</summary>
internal static class EndpointFields
{
    public static MessageFields[] All { get; } =
    [
        new("envoy.config.endpoint.v3.ClusterLoadAssignment",
            honoured: "cluster_name=1 endpoints=2[]:LocalityLbEndpoints policy=4:ClusterLoadAssignment.Policy",
            refused: "named_endpoints=5[]"),

        new("envoy.config.endpoint.v3.ClusterLoadAssignment.Policy",
            harmless: "overprovisioning_factor=3",
            refused: "drop_overloads=2[] endpoint_stale_after=4 weighted_priority_health=6"),

        new("envoy.config.endpoint.v3.LocalityLbEndpoints",
            honoured: "locality=1:envoy.config.core.v3.Locality lb_endpoints=2[]:LbEndpoint priority=5:uint32",
            harmless: "metadata=9 load_balancing_weight=3 proximity=6",
            refused: "load_balancer_endpoints=7@lb_config leds_cluster_locality_config=8@lb_config"),

        new("envoy.config.endpoint.v3.LbEndpoint",
            honoured: """
                endpoint=1@host_identifier:Endpoint health_status=2:enum(UNKNOWN,HEALTHY,UNHEALTHY,DRAINING,TIMEOUT,DEGRADED)
                metadata=3:envoy.config.core.v3.Metadata load_balancing_weight=4:UInt32Value
                """,
            harmless: "endpoint_name=5@host_identifier"),

        new("envoy.config.endpoint.v3.Endpoint",
            honoured: "address=1:envoy.config.core.v3.Address additional_addresses=4[]:Endpoint.AdditionalAddress",
            harmless: "health_check_config=2 hostname=3"),

        new("envoy.config.endpoint.v3.Endpoint.AdditionalAddress",
            honoured: "address=1:envoy.config.core.v3.Address"),

        new("envoy.config.core.v3.Locality",
            honoured: "region=1 zone=2",
            harmless: "sub_zone=3"),

        new("envoy.config.core.v3.Metadata",
            honoured: "filter_metadata=1[]:Metadata.FilterMetadataEntry",
            harmless: "typed_filter_metadata=2[]"),

        new("envoy.config.core.v3.Metadata.FilterMetadataEntry",
            honoured: "key=1 value=2:Struct"),
    ];
}
