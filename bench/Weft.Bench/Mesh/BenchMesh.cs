using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Weft.Bench.Peers;
using Weft.Control;

namespace Weft.Bench.Mesh;

/// <summary>The real control plane, in this process, over a mesh of so many services that all are the one application; and a sidecar that has joined it.</summary>
internal sealed class BenchMesh : IAsyncDisposable
{
    private const int OutboundPort = 18041, AdminPort = 18042, ServicesPerRequest = 100;

    private readonly string _folder;
    private readonly ControlPlane _control;
    private readonly HttpClient _api;
    private readonly IPEndPoint _xds;
    private bool _stopped;

    private BenchMesh(string folder, ControlPlane control) =>
        (_folder, _control, _api, _xds) = (folder, control, new HttpClient { BaseAddress = new Uri($"http://{control.ApiAddress}/") }, control.XdsAddress);

    /// <summary>Of the sidecar's admin endpoint.</summary>
    public static Uri Metrics { get; } = new($"http://127.0.0.1:{AdminPort}/metrics");

    public static async Task<BenchMesh> StartAsync(int services)
    {
        var folder = Directory.CreateTempSubdirectory("weft-bench-mesh-").FullName;
        var mesh = new BenchMesh(folder, await ControlPlane.StartAsync(new ControlPlaneOptions
        {
            DataDirectory = Path.Combine(folder, "control"), ApiAddress = new IPEndPoint(IPAddress.Loopback, 0), XdsAddress = new IPEndPoint(IPAddress.Loopback, 0),
        }));
        await mesh.ApplyAsync("{apiVersion: weft.dev/v1alpha1, kind: Mesh, metadata: {name: default}, spec: {mtls: Permissive}}");
        for (var i = 0; i < services; i += ServicesPerRequest)
            await mesh.ApplyAsync(string.Concat(Enumerable.Range(i, Math.Min(ServicesPerRequest, services - i)).Select(Service)));
        await mesh.JoinAsync();
        return mesh;
    }

    /// <summary>The sidecar as a contender: its forward proxy is what the application talks to.</summary>
    /// <param name="name">As it stands in the results. What one has called and saved, another must not start with.</param>
    public Contender Sidecar(string name) => new(name, [new Peer(Contender.Weft, OutboundPort, Repository.Built("Weft.Proxy", "weft-proxy"),
        ["--bootstrap", Path.Combine(_folder, "bootstrap.json"), "--identity", _xds.ToString(), "--keys", Path.Combine(_folder, "keys"),
            "--join-token-file", Path.Combine(_folder, "token"), "--cache", Path.Combine(_folder, $"cache of {name}"), "--drain-seconds", "1"], "memory/requests.lua")], Reach.Http1) { Host = "service-0" };

    /// <summary>The control plane goes away; the sidecar's own folders stay.</summary>
    public async ValueTask StopControlPlaneAsync()
    {
        if (_stopped) return;
        _stopped = true;
        await _control.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await StopControlPlaneAsync();
        _api.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static string Service(int i) => string.Create(CultureInfo.InvariantCulture, $$"""
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: service-{{i}}, namespace: default}
        spec: {selector: {app: service-{{i}} }, ports: [{name: http, port: 80, targetPort: http}]}
        ---
        apiVersion: weft.dev/v1alpha1
        kind: Workload
        metadata: {name: service-{{i}}, namespace: default, labels: {app: service-{{i}} } }
        spec: {address: 127.0.0.1, serviceAccount: default, ports: {http: {{AllPeers.Application.Port}} } }

        """);

    private async Task JoinAsync()
    {
        await ApplyAsync($$"""
            apiVersion: v1
            kind: ServiceAccount
            metadata: {name: client, namespace: default}
            ---
            apiVersion: weft.dev/v1alpha1
            kind: Workload
            metadata: {name: client, namespace: default, labels: {app: client} }
            spec: {address: 127.0.0.1, serviceAccount: client, sidecar: {inbound: {}, outboundPort: {{OutboundPort}}, adminPort: {{AdminPort}} } }
            """);
        using var answer = await _api.PostAsync("api/v1/namespaces/default/serviceaccounts/client/token", new StringContent("{}", Encoding.UTF8, "application/json"));
        await File.WriteAllTextAsync(Path.Combine(_folder, "token"), JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["status"]!["token"]!.ToString());
        await File.WriteAllTextAsync(Path.Combine(_folder, "bootstrap.json"), $$$"""
            {
              "node": {"id": "client.default", "cluster": "client", "client_features": ["weft.v1"], "metadata": {"weft.dev": {
                "workload": "client", "namespace": "default", "serviceAccount": "client", "service": "client", "version": "",
                "address": "127.0.0.1", "inbound": [], "outboundPort": {{{OutboundPort}}}, "upstreams": [], "adminPort": {{{AdminPort}}} } } },
              "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": {{{AdminPort}}} } } },
              "dynamic_resources": {
                "lds_config": {"ads": {}, "resource_api_version": "V3"}, "cds_config": {"ads": {}, "resource_api_version": "V3"},
                "ads_config": {"api_type": "DELTA_GRPC", "transport_api_version": "V3", "grpc_services": [{"envoy_grpc": {"cluster_name": "weft-control"}}]}},
              "static_resources": {"clusters": [{"name": "weft-control", "type": "STATIC", "connect_timeout": "5s", "load_assignment": {"cluster_name": "weft-control",
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"socket_address": {"address": "{{{_xds.Address}}}", "port_value": {{{_xds.Port}}} } } } }]}]}}]}
            }
            """);
    }

    private async Task ApplyAsync(string yaml)
    {
        using var answer = await _api.PostAsync("weft/v1/apply", new StringContent(yaml, Encoding.UTF8, "application/yaml"));
        if (!answer.IsSuccessStatusCode) throw new InvalidOperationException($"the control plane refused: {await answer.Content.ReadAsStringAsync()}");
    }
}
