using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Shouldly;
using Weft.Control;
using Weft.Identity;
using Weft.TestSupport;

namespace Weft.Scenarios.Mesh;

/// <summary>A control plane in this process and real weft-proxy processes around applications in this process: the mesh without its command line.</summary>
internal sealed class MeshUnderTest : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("weft-mesh-").FullName;
    private readonly List<Sidecar> _sidecars = [];
    private readonly Dictionary<string, string> _workloads = [];
    private readonly TimeSpan _leafLifetime;
    private HttpClient _api = new();

    private MeshUnderTest(TimeSpan leafLifetime) => _leafLifetime = leafLifetime;

    public ControlPlane Control { get; private set; } = null!;

    public IPEndPoint XdsAddress { get; private set; } = null!;

    public static async Task<MeshUnderTest> StartAsync(string mtls = "Strict", TimeSpan? leafLifetime = null)
    {
        var mesh = new MeshUnderTest(leafLifetime ?? TimeSpan.FromHours(24));
        await mesh.StartControlAsync();
        await mesh.ApplyAsync($$"""
            apiVersion: weft.dev/v1alpha1
            kind: Mesh
            metadata: {name: default}
            spec: {mtls: {{mtls}}}
            """);
        return mesh;
    }

    /// <summary>Starts the control plane, on the same ports as before when there was one.</summary>
    public async Task StartControlAsync()
    {
        Control = await ControlPlane.StartAsync(new ControlPlaneOptions
        {
            DataDirectory = Path.Combine(_folder, "control"),
            ApiAddress = new IPEndPoint(IPAddress.Loopback, _api.BaseAddress?.Port ?? Ports.Free()),
            XdsAddress = new IPEndPoint(IPAddress.Loopback, XdsAddress?.Port ?? Ports.Free()),
            Certificates = new CertificateAuthorityOptions { DefaultLeafLifetime = _leafLifetime },
        });
        XdsAddress = Control.XdsAddress;
        _api = new HttpClient { BaseAddress = new Uri($"http://{Control.ApiAddress}/") };
    }

    /// <summary>Applies documents and gives the revision.</summary>
    public async Task<long> ApplyAsync(string yaml)
    {
        using var answer = await _api.PostAsync("weft/v1/apply", new StringContent(yaml, Encoding.UTF8, "application/yaml"));
        var text = await answer.Content.ReadAsStringAsync();
        answer.StatusCode.ShouldBe(HttpStatusCode.OK, text);
        return long.Parse(JsonNode.Parse(text)!["revision"]!.ToString());
    }

    public async Task<JsonNode> GetAsync(string path) => (await _api.GetFromJsonAsync<JsonNode>(path))!;

    /// <summary>Waits until every connected proxy has acknowledged <paramref name="revision"/>.</summary>
    public async Task<JsonNode> RolloutAsync(long revision) => await GetAsync($"weft/v1/rollout?revision={revision}&timeout=10s");

    /// <summary>A service of one application port, its workload, and a sidecar beside it. A port of 0 is a client without an application.</summary>
    /// <param name="upstreams">Local ports that lead to one service each, <c>name.namespace:port</c>.</param>
    /// <param name="protocol">Name of the port, which says what it carries.</param>
    /// <param name="called">Its number for callers.</param>
    /// <param name="drainSeconds">How long the proxy may take to end.</param>
    public async Task<Sidecar> AddAsync(
        string service, int port, string version = "", string? workload = null, IReadOnlyDictionary<int, string>? upstreams = null, string protocol = "http", int called = 80, int drainSeconds = 5)
    {
        workload ??= version.Length > 0 ? $"{service}-{version}" : service;
        var (inbound, outbound, admin) = (Ports.Free(), Ports.Free(), Ports.Free());
        var yaml = new StringBuilder($$"""
            apiVersion: v1
            kind: ServiceAccount
            metadata: {name: {{service}}, namespace: default}

            """);
        if (port > 0)
        {
            yaml.Append(Service(service, $"app: {service}", protocol, called));
            if (version.Length > 0) yaml.Append(Service($"{service}-{version}", $"app: {service}, version: {version}", protocol, called));
        }
        await ApplyAsync(yaml.ToString());
        using var answer = await _api.PostAsync($"api/v1/namespaces/default/serviceaccounts/{service}/token", new StringContent("{}", Encoding.UTF8, "application/json"));
        var token = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["status"]!["token"]!.ToString();
        var labels = version.Length > 0 ? $"app: {service}, version: {version}" : $"app: {service}";
        // The workload before its proxy: a proxy's stream is refused while nobody has said that it exists.
        _workloads[workload] = $$"""
            apiVersion: weft.dev/v1alpha1
            kind: Workload
            metadata: {name: {{workload}}, namespace: default, labels: { {{labels}} } }
            spec:
              address: 127.0.0.1
              serviceAccount: {{service}}
              {{(version.Length > 0 ? $"version: {version}" : "")}}
              ports: { {{(port > 0 ? $"{protocol}: {port}" : "")}} }
              sidecar: {inbound: { {{(port > 0 ? $"{protocol}: {inbound}" : "")}} }, outboundPort: {{outbound}}, adminPort: {{admin}}}
            """;
        await ApplyAsync(_workloads[workload]);
        var sidecar = new Sidecar(Path.Combine(_folder, workload), XdsAddress, service, workload, version, protocol, port, inbound, outbound, admin, token, upstreams) { DrainSeconds = drainSeconds };
        _sidecars.Add(sidecar);
        sidecar.Start();
        await sidecar.ReadyAsync();
        return sidecar;
    }

    /// <summary>Restarts a sidecar as an orderly deployment does: out of everybody's sight, ended, started, back in sight.</summary>
    /// <param name="ending">What is done to it between the first two.</param>
    public async Task RestartAsync(Sidecar sidecar, Func<Task>? ending = null)
    {
        await SetHealthAsync(sidecar, "Draining");
        if (ending is not null) await ending();
        await sidecar.TerminateAsync();
        sidecar.Start();
        await sidecar.ReadyAsync();
        await SetHealthAsync(sidecar, "Healthy");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var sidecar in _sidecars) sidecar.Dispose();
        await Control.DisposeAsync();
        _api.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Says how a workload is, and waits until every proxy knows.</summary>
    private async Task SetHealthAsync(Sidecar sidecar, string health) => await RolloutAsync(await ApplyAsync($"{_workloads[sidecar.Workload]}\n  health: {health}\n"));

    private static string Service(string name, string selector, string protocol, int called) => $$"""
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: {{name}}, namespace: default}
        spec:
          selector: { {{selector}} }
          ports: [{name: {{protocol}}, port: {{called}}, targetPort: {{protocol}}}]

        """;
}

/// <summary>One real weft-proxy process.</summary>
internal sealed class Sidecar : IDisposable
{
    private readonly string _folder;
    private readonly IPEndPoint _xds;
    private readonly StringBuilder _log = new();
    private Process? _process;

    public Sidecar(string folder, IPEndPoint xds, string service, string workload, string version, string protocol, int port, int inbound, int outbound, int admin, string token,
        IReadOnlyDictionary<int, string>? upstreams)
    {
        (_folder, _xds, Workload, Inbound, Outbound, Admin) = (folder, xds, workload, inbound, outbound, admin);
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "token"), token);
        var inboundPorts = port > 0 ? $$"""[{"name": "{{protocol}}", "port": {{port}}, "listen": {{inbound}}}]""" : "[]";
        File.WriteAllText(Path.Combine(folder, "bootstrap.json"), $$$"""
            {
              "node": {"id": "{{{workload}}}.default", "cluster": "{{{service}}}", "client_features": ["weft.v1"], "metadata": {"weft.dev": {
                "workload": "{{{workload}}}", "namespace": "default", "serviceAccount": "{{{service}}}", "service": "{{{service}}}", "version": "{{{version}}}",
                "address": "127.0.0.1", "inbound": {{{inboundPorts}}}, "outboundPort": {{{outbound}}}, "upstreams": [{{{string.Join(", ", (upstreams ?? new Dictionary<int, string>()).Select(u => $$"""{"port": {{u.Key}}, "target": "{{u.Value}}"}"""))}}}], "adminPort": {{{admin}}} } } },
              "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": {{{admin}}} } } },
              "dynamic_resources": {
                "lds_config": {"ads": {}, "resource_api_version": "V3"}, "cds_config": {"ads": {}, "resource_api_version": "V3"},
                "ads_config": {"api_type": "DELTA_GRPC", "transport_api_version": "V3", "grpc_services": [{"envoy_grpc": {"cluster_name": "weft-control"}}]}},
              "static_resources": {"clusters": [{"name": "weft-control", "type": "STATIC", "connect_timeout": "5s", "load_assignment": {"cluster_name": "weft-control",
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"socket_address": {"address": "{{{xds.Address}}}", "port_value": {{{xds.Port}}} } } } }]}]}}]}
            }
            """);
    }

    /// <summary>How long it may take to end.</summary>
    public int DrainSeconds { get; init; } = 5;

    public string Workload { get; }

    /// <summary>The directory of its last good configuration.</summary>
    public string Cache => Path.Combine(_folder, "cache");

    public int Inbound { get; }

    public int Outbound { get; }

    public int Admin { get; }

    /// <summary>What the process said.</summary>
    public string Log { get { lock (_log) return _log.ToString(); } }

    public Process Process => _process!;

    /// <summary>A client that sends through this sidecar's forward proxy.</summary>
    public HttpClient Client() => new(new SocketsHttpHandler { Proxy = new WebProxy($"http://127.0.0.1:{Outbound}") }) { Timeout = TimeSpan.FromSeconds(15) };

    public void Start()
    {
        var executable = Path.Combine(Tool.RepositoryRoot(), "artifacts/bin/Weft.Proxy/release/weft-proxy");
        var start = new ProcessStartInfo(executable, [
            "--bootstrap", Path.Combine(_folder, "bootstrap.json"), "--identity", _xds.ToString(), "--keys", Path.Combine(_folder, "keys"), "--cache", Cache,
            "--join-token-file", Path.Combine(_folder, "token"), "--drain-seconds", $"{DrainSeconds}"])
        { RedirectStandardError = true, RedirectStandardOutput = true, UseShellExecute = false };
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, e) => { lock (_log) _log.AppendLine(e.Data); };
        _process.OutputDataReceived += (_, e) => { lock (_log) _log.AppendLine(e.Data); };
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
    }

    public async Task ReadyAsync()
    {
        using var http = new HttpClient();
        for (var i = 0; i < 200; i++)
        {
            try
            {
                using var answer = await http.GetAsync($"http://127.0.0.1:{Admin}/ready");
                if (answer.IsSuccessStatusCode) return;
            }
            catch (HttpRequestException)
            {
                // not listening yet
            }
            Process.HasExited.ShouldBeFalse($"the proxy of {Workload} ended: {Log}");
            await Task.Delay(50);
        }
        throw new TimeoutException($"the proxy of {Workload} is not ready: {Log}");
    }

    public void Kill() => Process.Kill();

    /// <summary>SIGTERM, and gone within the drain time.</summary>
    public async Task TerminateAsync()
    {
        Signal(Process.Id, 15).ShouldBe(0);
        await Process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(DrainSeconds + 3));
        Process.ExitCode.ShouldBe(0, Log);
    }

    [System.Runtime.InteropServices.DllImport("libc", EntryPoint = "kill")]
    private static extern int Signal(int process, int signal);

    public void Dispose()
    {
        if (_process is null) return;
        if (!_process.HasExited) _process.Kill();
        _process.WaitForExit(5000);
        _process.Dispose();
    }
}
