using System.Diagnostics;
using Shouldly;
using Weft.TestSupport;
using Xunit;

namespace Weft.Scenarios.Mesh;

/// <summary>weft-proxy by itself, on a configuration that a person wrote for Envoy.</summary>
public sealed class StaticBootstrapTests
{
    [Fact]
    public async Task A_handwritten_Envoy_configuration_with_two_clusters_and_a_weighted_route_runs()
    {
        await using var v1 = await Application.StartAsync("v1");
        await using var v2 = await Application.StartAsync("v2");
        var (port, admin) = (Ports.Free(), Ports.Free());
        var file = Path.GetTempFileName() + ".yaml";
        await File.WriteAllTextAsync(file, $$"""
            # An edge of two versions.
            admin:
              address: { socket_address: { address: 127.0.0.1, port_value: {{admin}} } }
            static_resources:
              listeners:
              - name: front
                address: { socket_address: { address: 127.0.0.1, port_value: {{port}} } }
                filter_chains:
                - filters:
                  - name: envoy.filters.network.http_connection_manager
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                      stat_prefix: front
                      http_filters:
                      - name: envoy.filters.http.router
                        typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
                      route_config:
                        name: local
                        virtual_hosts:
                        - name: shop
                          domains: ["shop.example", "shop.example:*"]
                          routes:
                          - match: { path: /health }
                            direct_response: { status: 200, body: { inline_string: "up" } }
                          - match: { prefix: / }
                            route:
                              timeout: 3s
                              weighted_clusters:
                                clusters:
                                - { name: v1, weight: 80 }
                                - { name: v2, weight: 20, request_headers_to_add: [ { header: { key: x-canary, value: "yes" } } ] }
              clusters:
              - name: v1
                type: STATIC
                connect_timeout: 1s
                load_assignment: { cluster_name: v1, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: {{v1.Port}} } } } } ] } ] }
              - name: v2
                type: STATIC
                connect_timeout: 1s
                lb_policy: LEAST_REQUEST
                load_assignment: { cluster_name: v2, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: {{v2.Port}} } } } } ] } ] }
            """, TestContext.Current.CancellationToken);
        var executable = Path.Combine(Tool.RepositoryRoot(), "artifacts/bin/Weft.Proxy/release/weft-proxy");
        using var process = Process.Start(new ProcessStartInfo(executable, ["--bootstrap", file]) { UseShellExecute = false, RedirectStandardError = true })!;
        try
        {
            using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}/") };
            http.DefaultRequestHeaders.Host = "shop.example";
            await MeshEndToEndTests.Eventually(async () => (await http.GetStringAsync("health")).ShouldBe("up"));
            var second = 0;
            for (var i = 0; i < 500; i++)
            {
                if (await http.GetStringAsync("books") == "v2") second++;
            }
            second.ShouldBeInRange(60, 140, "a fifth of 500, give or take four standard deviations");
            using var stranger = new HttpRequestMessage(HttpMethod.Get, "books") { Headers = { Host = "other.example" } };
            using var answer = await http.SendAsync(stranger, TestContext.Current.CancellationToken);
            ((int)answer.StatusCode).ShouldBe(404);
        }
        finally
        {
            process.Kill();
            File.Delete(file);
        }
    }
}
