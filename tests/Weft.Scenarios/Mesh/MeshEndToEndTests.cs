using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Shouldly;
using Weft.TestSupport;
using Xunit;

namespace Weft.Scenarios.Mesh;

public sealed class MeshEndToEndTests
{
    [Fact]
    public async Task A_call_by_service_name_goes_through_two_proxies_with_mutual_tls()
    {
        await using var app = await Application.StartAsync("hello from catalog");
        await using var mesh = await MeshUnderTest.StartAsync();
        await mesh.AddAsync("catalog", app.Port);
        var client = await mesh.AddAsync("storefront", 0);

        using var http = client.Client();
        foreach (var name in new[] { "catalog", "catalog.default", "catalog.default.svc", "CATALOG.default.svc.cluster.local", "catalog:80" })
            (await http.GetStringAsync($"http://{name}/books", TestContext.Current.CancellationToken)).ShouldBe("hello from catalog");

        using var absent = await http.GetAsync("http://nosuch/", TestContext.Current.CancellationToken);
        ((int)absent.StatusCode).ShouldBe(404);
        absent.Headers.GetValues("x-weft-fault").Single().ShouldBe("no-route");

        await Eventually(async () =>
        {
            var stat = await mesh.GetAsync("weft/v1/stat");
            var edge = stat["edges"]!.AsArray().Single(e => e!["to"]!.ToString() == "default/catalog");
            edge!["from"]!.ToString().ShouldBe("default/storefront");
            ((double)edge["successRate"]!).ShouldBe(1);
            ((double)edge["mtlsShare"]!).ShouldBe(1);
        });
    }

    [Fact]
    public async Task A_stranger_gets_an_alert_or_nothing_from_a_strict_port_and_never_HTTP()
    {
        var openssl = Tool.Require("openssl", "openssl");
        await using var app = await Application.StartAsync("secret");
        await using var mesh = await MeshUnderTest.StartAsync();
        var catalog = await mesh.AddAsync("catalog", app.Port);

        foreach (var alpn in new[] { "", "-alpn weft-h1" })
        {
            var start = new ProcessStartInfo("/bin/sh", ["-c", $"printf 'GET / HTTP/1.1\\r\\nHost: catalog\\r\\n\\r\\n' | timeout 5 {openssl} s_client {alpn} -connect 127.0.0.1:{catalog.Inbound} -ign_eof 2>&1"])
            { RedirectStandardOutput = true, UseShellExecute = false };
            using var process = Process.Start(start)!;
            var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            output.ShouldContain("alert");
            output.ShouldNotContain("HTTP/1.1");
        }

        using var plain = new TcpClient("127.0.0.1", catalog.Inbound);
        await plain.GetStream().WriteAsync(Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: catalog\r\n\r\n"), TestContext.Current.CancellationToken);
        var read = 0;
        try
        {
            read = await plain.GetStream().ReadAsync(new byte[100], TestContext.Current.CancellationToken);
        }
        catch (IOException)
        {
            // reset: just as good
        }
        read.ShouldBe(0);
        app.Served.ShouldBe(0);
    }

    [Fact]
    public async Task Weights_move_while_requests_run_and_none_fails()
    {
        await using var v1 = await Application.StartAsync("v1");
        await using var v2 = await Application.StartAsync("v2");
        await using var mesh = await MeshUnderTest.StartAsync();
        await mesh.ApplyAsync(Split(100, 0));
        await mesh.AddAsync("catalog", v1.Port, "v1");
        await mesh.AddAsync("catalog", v2.Port, "v2");
        var client = await mesh.AddAsync("storefront", 0);
        using var http = client.Client();
        (await http.GetStringAsync("http://catalog/", TestContext.Current.CancellationToken)).ShouldBe("v1");

        using var stop = new CancellationTokenSource();
        var failures = new List<string>();
        var answers = 0L;
        var load = Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    using var answer = await http.GetAsync("http://catalog/");
                    var text = await answer.Content.ReadAsStringAsync();
                    if (!answer.IsSuccessStatusCode) lock (failures) failures.Add($"{(int)answer.StatusCode} {text}");
                    Interlocked.Increment(ref answers);
                }
                catch (Exception e)
                {
                    lock (failures) failures.Add(e.Message);
                }
            }
        })));
        foreach (var (a, b) in new[] { (90, 10), (50, 50), (0, 100), (100, 0), (0, 100) })
        {
            var revision = await mesh.ApplyAsync(Split(a, b));
            var watch = Stopwatch.StartNew();
            var rollout = await mesh.RolloutAsync(revision);
            TestContext.Current.TestOutputHelper?.WriteLine($"{a}/{b}: acknowledged after {watch.ElapsedMilliseconds} ms: {rollout.ToJsonString()}");
            await Task.Delay(300, TestContext.Current.CancellationToken);
        }
        var before = v1.Served;
        await Task.Delay(300, TestContext.Current.CancellationToken);
        v1.Served.ShouldBe(before, "after the acknowledgement of 0/100 nothing goes to v1");
        await stop.CancelAsync();
        await load;
        failures.ShouldBeEmpty();
        answers.ShouldBeGreaterThan(500);
    }

    [Fact]
    public async Task A_mesh_without_its_control_plane_goes_on_and_heals_when_it_returns()
    {
        await using var app = await Application.StartAsync("still here");
        await using var mesh = await MeshUnderTest.StartAsync();
        await mesh.AddAsync("catalog", app.Port);
        var client = await mesh.AddAsync("storefront", 0);
        using var http = client.Client();
        (await http.GetStringAsync("http://catalog/", TestContext.Current.CancellationToken)).ShouldBe("still here");

        await mesh.Control.DisposeAsync();
        for (var i = 0; i < 50; i++)
        {
            (await http.GetStringAsync("http://catalog/", TestContext.Current.CancellationToken)).ShouldBe("still here");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
        await mesh.StartControlAsync();
        var revision = await mesh.ApplyAsync("""
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: {name: gone, namespace: default}
            spec:
              parentRefs: [{group: "", kind: Service, name: catalog}]
              rules:
              - matches: [{path: {type: PathPrefix, value: /new}}]
                backendRefs: [{name: catalog, port: 80}]
            """);
        await Eventually(async () =>
        {
            using var answer = await http.GetAsync("http://catalog/old");
            ((int)answer.StatusCode).ShouldBe(404, $"revision {revision} must reach the proxies again");
        });
        (await http.GetStringAsync("http://catalog/new", TestContext.Current.CancellationToken)).ShouldBe("still here");
    }

    private static string Split(int v1, int v2) => $$"""
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: catalog, namespace: default}
        spec:
          parentRefs: [{group: "", kind: Service, name: catalog}]
          rules:
          - backendRefs:
            - {name: catalog-v1, port: 80, weight: {{v1}}}
            - {name: catalog-v2, port: 80, weight: {{v2}}}
        """;

    internal static async Task Eventually(Func<Task> check)
    {
        for (var i = 0; ; i++)
        {
            try
            {
                await check();
                return;
            }
            catch (Exception) when (i < 100)
            {
                await Task.Delay(200);
            }
        }
    }
}
