using System.Net;
using System.Text.Json.Nodes;

namespace Weft.Cli.Running;

/// <summary>The bootstrap of a sidecar: envoy.config.bootstrap.v3.Bootstrap as proto3 JSON. It says who the workload is and where configuration comes
/// from; everything else comes from there.</summary>
public static class SidecarBootstrap
{
    private const string ControlCluster = "weft-control";

    /// <param name="node">Who it is.</param>
    /// <param name="xds">The control plane's address for proxies.</param>
    public static JsonObject Create(SidecarNode node, DnsEndPoint xds) => new()
    {
        ["node"] = new JsonObject
        {
            ["id"] = $"{node.Workload}.{node.Namespace}",
            ["cluster"] = node.Service,
            ["client_features"] = new JsonArray("weft.v1"),
            ["metadata"] = new JsonObject { ["weft.dev"] = Describe(node) },
        },
        ["admin"] = new JsonObject { ["address"] = Address("127.0.0.1", node.AdminPort) },
        ["dynamic_resources"] = new JsonObject
        {
            ["ads_config"] = new JsonObject
            {
                ["api_type"] = "DELTA_GRPC",
                ["transport_api_version"] = "V3",
                ["grpc_services"] = new JsonArray(new JsonObject { ["envoy_grpc"] = new JsonObject { ["cluster_name"] = ControlCluster } }),
            },
            ["lds_config"] = OverAds(),
            ["cds_config"] = OverAds(),
        },
        ["static_resources"] = new JsonObject
        {
            ["clusters"] = new JsonArray(new JsonObject
            {
                ["name"] = ControlCluster,
                ["type"] = IPAddress.TryParse(xds.Host, out _) ? "STATIC" : "STRICT_DNS",
                ["connect_timeout"] = "1s",
                ["load_assignment"] = new JsonObject
                {
                    ["cluster_name"] = ControlCluster,
                    ["endpoints"] = new JsonArray(new JsonObject
                    {
                        ["lb_endpoints"] = new JsonArray(new JsonObject { ["endpoint"] = new JsonObject { ["address"] = Address(xds.Host, xds.Port) } }),
                    }),
                },
            }),
        },
    };

    /// <summary>Node metadata <c>weft.dev</c>: what the control plane makes this proxy's listeners from.</summary>
    private static JsonObject Describe(SidecarNode node)
    {
        var json = new JsonObject
        {
            ["workload"] = node.Workload,
            ["namespace"] = node.Namespace,
            ["serviceAccount"] = node.ServiceAccount,
            ["service"] = node.Service,
            ["version"] = node.Version,
            ["address"] = node.Address,
            ["inbound"] = new JsonArray([.. node.Inbound.Select(i => new JsonObject { ["name"] = i.Name, ["port"] = i.Port, ["listen"] = i.Listen })]),
            ["upstreams"] = new JsonArray([.. node.Upstreams.Select(u => new JsonObject { ["port"] = u.Port, ["target"] = u.Target })]),
            ["adminPort"] = node.AdminPort,
        };
        if (node.OutboundPort is { } outbound) json["outboundPort"] = outbound;
        if (node.NetworkNamespace.Length > 0) json["networkNamespace"] = node.NetworkNamespace;
        if (node.Redirected is { } redirected)
        {
            json["transparentPort"] = redirected.OutboundPort;
            json["dnsPort"] = redirected.Names?.Port;
        }
        return json;
    }

    private static JsonObject Address(string host, int port) =>
        new() { ["socket_address"] = new JsonObject { ["address"] = host, ["port_value"] = port } };

    private static JsonObject OverAds() => new() { ["ads"] = new JsonObject(), ["resource_api_version"] = "V3" };
}
