using Weft.Xds;

namespace Weft.Proxy.Admin;

/// <summary>One message of envoy/admin/v3/config_dump.proto that shows the resources of one type: how it and its parts are called.</summary>
/// <param name="Message">The message, such as <c>ClustersConfigDump</c>.</param>
/// <param name="Type">What it shows.</param>
/// <param name="Body">The field of an element that holds the resource.</param>
/// <param name="Static">The list of the bootstrap's resources.</param>
/// <param name="Dynamic">The list of what came from the management server.</param>
/// <param name="Warming">The list of what came and waits; null when it stands in <paramref name="Dynamic"/>.</param>
/// <param name="Element">Name of an element's message behind <c>Static</c> or <c>Dynamic</c>.</param>
internal sealed record ConfigDumpSection(string Message, XdsType Type, string Body, string Static, string Dynamic, string? Warming, string Element)
{
    public const string Package = "type.googleapis.com/envoy.admin.v3.";

    /// <summary>In the order in which Envoy lists them.</summary>
    public static readonly ConfigDumpSection[] All =
    [
        new("ClustersConfigDump", XdsType.Cluster, "cluster", "static_clusters", "dynamic_active_clusters", "dynamic_warming_clusters", "Cluster"),
        new("EndpointsConfigDump", XdsType.Endpoint, "endpoint_config", "static_endpoint_configs", "dynamic_endpoint_configs", null, "EndpointConfig"),
        new("ListenersConfigDump", XdsType.Listener, "listener", "static_listeners", "dynamic_listeners", null, "Listener"),
        new("RoutesConfigDump", XdsType.Route, "route_config", "static_route_configs", "dynamic_route_configs", null, "RouteConfig"),
        new("SecretsConfigDump", XdsType.Secret, "secret", "static_secrets", "dynamic_active_secrets", "dynamic_warming_secrets", "Secret"),
    ];

    public IEnumerable<string> Lists => Warming is null ? [Static, Dynamic] : [Static, Dynamic, Warming];

    /// <summary>The type of an element of <paramref name="list"/>, for one that stands alone in an Any.</summary>
    public string ElementType(string list) => $"{Package}{Message}.{(list == Static ? "Static" : "Dynamic")}{Element}";
}
