using System.Net;
using System.Text.Json.Nodes;

namespace Weft.Cli.Running;

/// <summary>The bootstrap of a sidecar: envoy.config.bootstrap.v3.Bootstrap as proto3 JSON. It says who the workload is and where configuration comes
/// from; everything else comes from there.</summary>
public static class SidecarBootstrap
{
    private const string ControlCluster = "weft-control";

    /// <param name="objects">The workload.</param>
    /// <param name="xds">The control plane's address for proxies.</param>
    /// <param name="place">The application's own network namespace; null for the machine's.</param>
    public static JsonObject Create(WorkloadObjects objects, DnsEndPoint xds, ApplicationNamespace? place = null) => new()
    {
        ["node"] = new JsonObject
        {
            ["id"] = $"{objects.Name}.{objects.Options.Namespace}",
            ["cluster"] = objects.Options.Service,
            ["client_features"] = new JsonArray("weft.v1"),
            ["metadata"] = new JsonObject { ["weft.dev"] = Describe(objects, place) },
        },
        ["admin"] = new JsonObject { ["address"] = Address("127.0.0.1", objects.Ports.Admin) },
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
    private static JsonObject Describe(WorkloadObjects objects, ApplicationNamespace? place)
    {
        var (options, ports) = (objects.Options, objects.Ports);
        var inbound = new JsonArray();
        if (options.Port is { } port && ports.Inbound is { } listen)
            inbound.Add((JsonNode)new JsonObject { ["name"] = objects.PortName, ["port"] = port, ["listen"] = listen });
        var node = new JsonObject
        {
            ["workload"] = objects.Name,
            ["namespace"] = options.Namespace,
            ["serviceAccount"] = options.ServiceAccount,
            ["service"] = options.Service,
            ["version"] = options.Version,
            ["address"] = options.Address,
            ["inbound"] = inbound,
            ["outboundPort"] = ports.Outbound,
            ["upstreams"] = new JsonArray([.. options.Upstreams.Select(u => new JsonObject { ["port"] = u.Port, ["target"] = u.Target })]),
            ["adminPort"] = ports.Admin,
        };
        if (place is not null)
        {
            node["networkNamespace"] = place.Path;
            node["transparentPort"] = ApplicationNamespace.Plan.OutboundPort;
            node["dnsPort"] = ApplicationNamespace.Plan.Names!.Port;
        }
        return node;
    }

    private static JsonObject Address(string host, int port) =>
        new() { ["socket_address"] = new JsonObject { ["address"] = host, ["port_value"] = port } };

    private static JsonObject OverAds() => new() { ["ads"] = new JsonObject(), ["resource_api_version"] = "V3" };
}
