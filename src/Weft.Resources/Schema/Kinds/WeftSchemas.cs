using Weft.Resources.Documents;
using static Weft.Resources.Schema.Types;

namespace Weft.Resources.Schema.Kinds;

/// <summary>Weft's own kinds, weft.dev/v1alpha1: Workload and Mesh.</summary>
internal static class WeftSchemas
{
    private static readonly MapType Ports = Map(PortNumber, TextFormat.PortName, max: 100);

    private static readonly ObjectType Sidecar = Object(
        Optional("inbound", Ports, "For each port by name, where its sidecar listens for the mesh"),
        Optional("outboundPort", PortNumber, "Loopback port of the forward proxy for the workload's own calls"),
        Optional("adminPort", PortNumber, "Loopback port of the sidecar's admin listener")) with
    {
        Rules = [ListeningPortsDiffer],
    };

    public static readonly ObjectType Workload = ObjectSchema.For(Of(TextFormat.DnsSubdomain), namespaced: true,
        Required("spec", Object(
            Required("address", Of(TextFormat.IpAddress), "Where others reach the process"),
            Optional("ports", Ports, "Ports of the application, by name"),
            Optional("serviceAccount", Of(TextFormat.DnsSubdomain), "Identity that it runs under", "\"default\""),
            Optional("version", Of(TextFormat.LabelValue), "Version shown in telemetry"),
            Optional("locality", Object(
                Optional("region", Text(max: 253), "Region"),
                Optional("zone", Text(max: 253), "Zone within the region")), "Where it runs"),
            Optional("weight", Integer(1, 10_000), "Share of traffic compared with its siblings", "1"),
            Optional("health", OneOf("Healthy", "Unhealthy", "Draining"), "Only healthy workloads take new requests", "\"Healthy\""),
            Optional("sidecar", Sidecar, "The Weft proxy beside it; with one, others call it over mutual TLS")) with
        {
            Rules = [SidecarServesKnownPorts],
        }, "Where the workload is and who it is"));

    private static readonly ObjectType Defaults = Object(
        Optional("connectTimeout", Of(TextFormat.Duration), "Time to open a connection", "\"1s\""),
        Optional("tcpKeepalive", Of(TextFormat.Duration), "Silence after which TCP probes a connection to or from another workload; 0s probes none", "\"30s\""),
        Optional("requestTimeout", Of(TextFormat.Duration), "Time for a whole request with its retries; 0s is none", "\"0s\""),
        Optional("streamIdleTimeout", Of(TextFormat.Duration), "How long a request may move no byte; 0s is for ever", "\"5m\""),
        Optional("drainTimeout", Of(TextFormat.Duration), "How long a closing listener lets requests finish", "\"30s\""),
        Optional("retries", Integer(0, 10), "Retries of requests proven unprocessed", "2"),
        Optional("retryBudgetPercent", Integer(0, 100), "Retries that a destination may have felt, in percent of its requests of the last 10 s", "20"),
        Optional("retryBudgetMinPerSecond", Integer(0, 1_000_000), "Retries in each second that are allowed whatever the share is", "10"),
        Optional("maxConnections", Integer(1, uint.MaxValue), "Connections per destination and proxy", "1024"),
        Optional("maxPendingRequests", Integer(1, uint.MaxValue), "Requests that wait for a connection, per destination and proxy", "1024"),
        Optional("maxRequests", Integer(1, uint.MaxValue), "Requests in flight, per destination and proxy", "65536"),
        Optional("maxRequestHeadersKiB", Integer(1, 8192), "Size of all request header fields, in KiB", "64"),
        Optional("maxRequestHeaders", Integer(1, 10_000), "Number of request header fields", "100"));

    private static readonly ObjectType VirtualAddresses = Object(
        Optional("ipv4", Of(TextFormat.Ipv4Range), "Range of IPv4 addresses that Services are given", "\"240.240.0.0/16\""),
        Optional("ipv6", Of(TextFormat.Ipv6Range), "Range of IPv6 addresses that Services are given", "\"fd77:6566:7400::/112\""));

    public static readonly ObjectType Mesh = ObjectSchema.For(OneOf("default"), namespaced: false,
        Optional("spec", Object(
            Optional("trustDomain", Of(TextFormat.TrustDomain), "Name that all identities of the mesh share", "\"weft.local\""),
            Optional("mtls", OneOf("Permissive", "Strict"), "Whether sidecars still take plaintext", "\"Permissive\""),
            Optional("meshProtocol", OneOf("Http2", "Http1"), "What Weft proxies speak with each other; applications keep theirs", "\"Http2\""),
            Optional("egress", OneOf("Allow", "Deny"), "What becomes of intercepted connections to what is no service of the mesh: passed through and counted, or refused", "\"Allow\""),
            Optional("virtualAddresses", VirtualAddresses, "Where the resource API takes the addresses of Services from; a change leaves those that have one as they are", "{}"),
            Optional("defaults", Defaults, "What holds where no policy says otherwise", "{}")), "Settings of the whole mesh", "{}"));

    private static void SidecarServesKnownPorts(RuleScope scope)
    {
        if (scope.Node["sidecar"] is not MapNode sidecar || sidecar["inbound"] is not MapNode inbound) return;
        var ports = scope.Node["ports"] as MapNode;
        foreach (var entry in inbound.Entries)
        {
            if (ports?.Entry(entry.Key) is null)
                scope.At(entry.Value, DiagnosticRule.Contradiction, $"sidecar.inbound[{entry.Key}]", $"the workload has no port {entry.Key}",
                    ports is null ? "add it to spec.ports" : $"known: {string.Join(", ", ports.Entries.Select(e => e.Key))}");
        }
    }

    private static void ListeningPortsDiffer(RuleScope scope)
    {
        var taken = new Dictionary<string, string>();
        var inbound = scope.Node["inbound"] is MapNode map ? map.Entries : [];
        var listening = inbound.Select(e => ($"inbound[{e.Key}]", e.Value))
            .Concat(new[] { "outboundPort", "adminPort" }.Where(scope.Has).Select(f => (f, scope.Node[f]!)));
        foreach (var (field, value) in listening)
        {
            var port = ((ScalarNode)value).Text;
            if (!taken.TryAdd(port, field))
                scope.At(value, DiagnosticRule.Contradiction, field, $"port {port} is taken by {taken[port]} already", "give each listener a port of its own");
        }
    }
}
