using System.Text.Json.Nodes;
using Shouldly;
using Weft.TestSupport;
using Xunit;

namespace Weft.Scenarios.Mesh;

/// <summary>Bytes through two real proxies: a server that speaks first, echoes, and ends after its client; by CONNECT and by a local port.</summary>
public sealed class ByteMeshTests
{
    [Fact(Timeout = 120_000)]
    public async Task A_server_that_speaks_first_is_called_over_mutual_tls_by_either_way_and_is_counted()
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var mesh = await MeshUnderTest.StartAsync();
        await using var ledger = new GreetingServer("one");
        var local = Ports.Free();
        var sidecar = await mesh.AddAsync("ledger", ledger.Port, protocol: "tcp", called: ledger.Port);
        var client = await mesh.AddAsync("client", 0, upstreams: new Dictionary<int, string> { [local] = $"ledger.default:{ledger.Port}" });

        await using (var viaConnect = await ByteClient.ConnectAsync(client.Outbound, $"ledger.default:{ledger.Port}", cancel)) await viaConnect.TalkAsync("one", cancel);
        await using (var viaPort = await ByteClient.DialAsync(local, cancel)) await viaPort.TalkAsync("one", cancel);

        // Strict: what is not mutual TLS of the mesh gets no byte of the application.
        await using (var past = await ByteClient.DialAsync(sidecar.Inbound, cancel))
        {
            await past.WriteAsync("hello\n", cancel);
            (await past.ReadAllAsync(cancel)).ShouldBe("");
        }

        var row = await StatAsync(mesh, "default/client", "default/ledger", r => (double)r["connectionsPerSecond"]! > 0 && (double)r["sentBytesPerSecond"]! > 0);
        ((double)row["mtlsShare"]!).ShouldBe(1);
        ((long)row["failures"]!).ShouldBe(0);
    }

    [Fact(Timeout = 120_000)]
    public async Task A_route_moves_new_connections_to_another_version_and_leaves_the_open_ones_alone()
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var mesh = await MeshUnderTest.StartAsync();
        await using var one = new GreetingServer("one");
        await using var two = new GreetingServer("two");
        var local = Ports.Free();
        await mesh.AddAsync("ledger", one.Port, version: "v1", protocol: "tcp", called: 5432);
        await mesh.AddAsync("ledger", two.Port, version: "v2", protocol: "tcp", called: 5432);
        var client = await mesh.AddAsync("client", 0, upstreams: new Dictionary<int, string> { [local] = "ledger.default:5432" });
        await RouteAsync(mesh, 100, 0);

        var open = new List<ByteClient>();
        for (var i = 0; i < 10; i++) open.Add(i % 2 == 0 ? await ByteClient.DialAsync(local, cancel) : await ByteClient.ConnectAsync(client.Outbound, "ledger.default:5432", cancel));
        foreach (var connection in open) (await connection.ReadLineAsync(cancel)).ShouldBe("220 one");

        await RouteAsync(mesh, 0, 100);

        for (var i = 0; i < 4; i++)
        {
            await using var fresh = i % 2 == 0 ? await ByteClient.DialAsync(local, cancel) : await ByteClient.ConnectAsync(client.Outbound, "ledger.default:5432", cancel);
            await fresh.TalkAsync("two", cancel);
        }
        foreach (var connection in open)
        {
            (await connection.EchoAsync("still here", cancel)).ShouldBe("still here");
            (await connection.EndAsync(cancel)).ShouldBe("bye one");
            await connection.DisposeAsync();
        }
    }

    [Fact(Timeout = 120_000)]
    public async Task On_a_port_that_nobody_has_declared_whoever_speaks_first_decides_on_both_sides_of_the_mesh()
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var mesh = await MeshUnderTest.StartAsync(mtls: "Permissive");
        await using var ledger = new GreetingServer("one");
        await using var web = await Application.StartAsync("requests");
        var (toLedger, toWeb) = (Ports.Free(), Ports.Free());
        var besideLedger = await mesh.AddAsync("ledger", ledger.Port, protocol: "any", called: 7000);
        var besideWeb = await mesh.AddAsync("web", web.Port, protocol: "any", called: 7000);
        var client = await mesh.AddAsync("client", 0, upstreams: new Dictionary<int, string> { [toLedger] = "ledger.default:7000", [toWeb] = "web.default:7000" });
        using var http = new HttpClient();
        using var proxied = client.Client();

        for (var i = 0; i < 2; i++)
        {
            // What was found out once is remembered, and must not be wrong the second time.
            await using (var viaPort = await ByteClient.DialAsync(toLedger, cancel)) await viaPort.TalkAsync("one", cancel);
            await using (var stranger = await ByteClient.DialAsync(besideLedger.Inbound, cancel)) await stranger.TalkAsync("one", cancel);
            (await proxied.GetStringAsync("http://web:7000/", cancel)).ShouldBe("requests");
            (await http.GetStringAsync($"http://127.0.0.1:{toWeb}/", cancel)).ShouldBe("requests");
            (await http.GetStringAsync($"http://127.0.0.1:{besideWeb.Inbound}/", cancel)).ShouldBe("requests");
        }
    }

    [Fact(Timeout = 120_000)]
    public async Task What_one_proxy_finds_out_others_know_before_their_first_connection()
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var mesh = await MeshUnderTest.StartAsync();
        await using var web = await Application.StartAsync("requests");
        await mesh.AddAsync("web", web.Port, protocol: "any", called: 7000);
        var first = await mesh.AddAsync("first", 0);
        await RequestAsync(first);
        using var admin = new HttpClient();
        for (var i = 0; !await IsToldAsync(first); i++)
        {
            i.ShouldBeLessThan(150, "the verdict goes with the next push of metrics, and comes back with the routes");
            await Task.Delay(200, cancel);
        }

        var second = await mesh.AddAsync("second", 0);
        (await IsToldAsync(second)).ShouldBeFalse("it has not called anybody");
        await RequestAsync(second);
        (await IsToldAsync(second)).ShouldBeTrue("the routes of its first connection said so");

        async Task<bool> IsToldAsync(Sidecar sidecar) => (await admin.GetStringAsync($"http://127.0.0.1:{sidecar.Admin}/config_dump", cancel)).Contains("\"clients\"");

        async Task RequestAsync(Sidecar sidecar)
        {
            await using var client = await ByteClient.ConnectAsync(sidecar.Outbound, "web.default:7000", cancel);
            await client.WriteAsync("GET / HTTP/1.1\r\nHost: web\r\n\r\n", cancel);
            (await client.ReadLineAsync(cancel)).ShouldBe("HTTP/1.1 200 OK");
        }
    }

    private static async Task RouteAsync(MeshUnderTest mesh, int one, int two)
    {
        var revision = await mesh.ApplyAsync($$"""
            apiVersion: gateway.networking.k8s.io/v1
            kind: TCPRoute
            metadata: {name: ledger}
            spec:
              parentRefs: [{group: "", kind: Service, name: ledger}]
              rules: [{backendRefs: [{name: ledger-v1, port: 5432, weight: {{one}}}, {name: ledger-v2, port: 5432, weight: {{two}}}]}]
            """);
        var rollout = await mesh.RolloutAsync(revision);
        ((bool)rollout["complete"]!).ShouldBeTrue(rollout.ToJsonString());
        rollout["proxies"]!.AsArray().ShouldAllBe(p => (string)p!["state"]! == "acked", rollout.ToJsonString());
    }

    /// <summary>The row of an edge, once proxies have reported what is looked for.</summary>
    private static async Task<JsonNode> StatAsync(MeshUnderTest mesh, string from, string to, Func<JsonNode, bool> told)
    {
        for (var i = 0; ; i++)
        {
            var stat = await mesh.GetAsync("weft/v1/stat");
            if (stat["connections"]!.AsArray().FirstOrDefault(r => (string)r!["from"]! == from && (string)r["to"]! == to && told(r)) is { } row) return row;
            i.ShouldBeLessThan(150, stat.ToJsonString());
            await Task.Delay(200, TestContext.Current.CancellationToken);
        }
    }
}
