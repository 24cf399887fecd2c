namespace Weft.Routing.Compile.Fields;

/// <summary>Network filters that do not take the connection: access rules, and what finds out what it carries.</summary>
internal static class NetworkFilterFields
{
    public static MessageFields[] All { get; } =
    [
        new("envoy.extensions.filters.network.rbac.v3.RBAC",
            honoured: """
                rules=1:envoy.config.rbac.v3.RBAC shadow_rules=2:envoy.config.rbac.v3.RBAC stat_prefix=3
                enforcement_type=4:enum(ONE_TIME_ON_FIRST_BYTE,CONTINUOUS)
                """,
            harmless: "shadow_rules_stat_prefix=5",
            refused: "matcher=6 shadow_matcher=7"),

        new("weft.v1.Detect",
            honoured: "limit=1:Duration remember=2:Duration"),

        new("envoy.config.rbac.v3.RBAC",
            honoured: "action=1:enum(ALLOW,DENY,LOG) policies=2[]:RBAC.PoliciesEntry",
            harmless: "audit_logging_options=3"),

        new("envoy.config.rbac.v3.RBAC.PoliciesEntry",
            honoured: "key=1 value=2:Policy"),

        new("envoy.config.rbac.v3.Policy",
            honoured: "permissions=1[]:Permission principals=2[]:Principal",
            refused: "condition=3 checked_condition=4"),

        new("envoy.config.rbac.v3.Permission",
            honoured: """
                and_rules=1@rule:Permission.Set or_rules=2@rule:Permission.Set any=3@rule:bool
                header=4@rule:envoy.config.route.v3.HeaderMatcher url_path=10@rule:envoy.type.matcher.v3.PathMatcher
                destination_ip=5@rule:envoy.config.core.v3.CidrRange destination_port=6@rule:uint32
                destination_port_range=11@rule:envoy.type.v3.Int32Range not_rule=8@rule:Permission
                requested_server_name=9@rule:envoy.type.matcher.v3.StringMatcher
                """,
            refused: "metadata=7@rule matcher=12@rule uri_template=13@rule"),

        new("envoy.config.rbac.v3.Permission.Set",
            honoured: "rules=1[]:Permission"),

        new("envoy.config.rbac.v3.Principal",
            honoured: """
                and_ids=1@identifier:Principal.Set or_ids=2@identifier:Principal.Set any=3@identifier:bool
                authenticated=4@identifier:Principal.Authenticated source_ip=5@identifier:envoy.config.core.v3.CidrRange
                direct_remote_ip=10@identifier:envoy.config.core.v3.CidrRange remote_ip=11@identifier:envoy.config.core.v3.CidrRange
                header=6@identifier:envoy.config.route.v3.HeaderMatcher url_path=9@identifier:envoy.type.matcher.v3.PathMatcher
                not_id=8@identifier:Principal
                """,
            refused: "metadata=7@identifier filter_state=12@identifier"),

        new("envoy.config.rbac.v3.Principal.Set",
            honoured: "ids=1[]:Principal"),

        new("envoy.config.rbac.v3.Principal.Authenticated",
            honoured: "principal_name=2:envoy.type.matcher.v3.StringMatcher"),

        new("envoy.type.v3.Int32Range",
            honoured: "start=1:int32 end=2:int32"),

        new("envoy.type.matcher.v3.PathMatcher",
            honoured: "path=1@rule:StringMatcher"),
    ];
}
