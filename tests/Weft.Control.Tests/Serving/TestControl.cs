using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Shouldly;
using Weft.Control.Tests.Api;
using Xunit;

namespace Weft.Control.Tests.Serving;

/// <summary>A whole control plane on free ports over a folder of its own, and a client of its API.</summary>
public sealed class TestControl : IAsyncLifetime
{
    public string Folder { get; } = Directory.CreateTempSubdirectory("weft-control-").FullName;

    public ControlPlane Control { get; private set; } = null!;

    public HttpClient Api { get; private set; } = null!;

    public Func<ControlPlaneOptions, ControlPlaneOptions> Configure { get; init; } = o => o;

    public async ValueTask InitializeAsync() => await StartAsync();

    public async Task StartAsync()
    {
        Control = await ControlPlane.StartAsync(Configure(new ControlPlaneOptions
        {
            DataDirectory = Folder, ApiAddress = new IPEndPoint(IPAddress.Loopback, 0), XdsAddress = new IPEndPoint(IPAddress.Loopback, 0),
        }));
        Api = new HttpClient { BaseAddress = new Uri($"http://{Control.ApiAddress}") };
    }

    public async Task StopAsync()
    {
        Api.Dispose();
        await Control.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Directory.Delete(Folder, recursive: true);
    }

    public async Task<JsonNode> GetAsync(string path) => JsonNode.Parse(await Api.GetStringAsync(path))!;

    /// <summary>Applies documents and returns the revision.</summary>
    public async Task<long> ApplyAsync(string yaml)
    {
        using var response = await Api.PostAsync("/weft/v1/apply", new StringContent(yaml, Encoding.UTF8, "application/yaml"));
        var text = await response.Content.ReadAsStringAsync();
        response.StatusCode.ShouldBe(HttpStatusCode.OK, text);
        return (long)JsonNode.Parse(text)!["revision"]!;
    }

    public async Task DeleteAsync(string path)
    {
        using var response = await Api.DeleteAsync(path);
        response.StatusCode.ShouldBeOk();
    }

    public async Task<string> TokenAsync(string account = "default", string ns = "default")
    {
        using var response = await Api.PostAsync($"/api/v1/namespaces/{ns}/serviceaccounts/{account}/token", new StringContent("{}", Encoding.UTF8, "application/json"));
        response.StatusCode.ShouldBe(HttpStatusCode.Created);
        return (string)JsonNode.Parse(await response.Content.ReadAsStringAsync())!["status"]!["token"]!;
    }

    /// <summary>A Service with one workload behind a sidecar.</summary>
    public static string Shop(string service, int port = 8080) => $$"""
        apiVersion: v1
        kind: Service
        metadata: {name: {{service}}}
        spec: {ports: [{port: 80, name: http, targetPort: http}], selector: {app: {{service}} } }
        ---
        apiVersion: weft.dev/v1alpha1
        kind: Workload
        metadata: {name: {{service}}-1, labels: {app: {{service}} } }
        spec: {address: 127.0.0.1, ports: {http: {{port}}}, sidecar: {inbound: {http: {{port + 1000}} } } }
        """;
}
