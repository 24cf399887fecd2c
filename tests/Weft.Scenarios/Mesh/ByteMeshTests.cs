using System.Net;
using System.Net.Sockets;
using System.Text;
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

    /// <summary>Greets, repeats every line, and says goodbye after its client has ended.</summary>
    private sealed class GreetingServer : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _accepting;

        public GreetingServer(string name)
        {
            _listener.Start();
            Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
            _accepting = AcceptAsync(name);
        }

        public int Port { get; }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _accepting;
            _listener.Dispose();
            _stop.Dispose();
        }

        private async Task AcceptAsync(string name)
        {
            try
            {
                while (true) _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token), name);
            }
            catch (OperationCanceledException)
            {
                // the test is over
            }
        }

        private async Task ServeAsync(TcpClient client, string name)
        {
            using var _ = client;
            var stream = client.GetStream();
            var block = new byte[4096];
            try
            {
                await stream.WriteAsync(Encoding.ASCII.GetBytes($"220 {name}\n"), _stop.Token);
                while (await stream.ReadAsync(block, _stop.Token) is > 0 and var read) await stream.WriteAsync(block.AsMemory(0, read), _stop.Token);
                await stream.WriteAsync(Encoding.ASCII.GetBytes($"bye {name}"), _stop.Token);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                // the proxy let go
            }
        }
    }

    private sealed class ByteClient : IAsyncDisposable
    {
        private readonly TcpClient _client = new();
        private StreamReader _reader = null!;

        public static async Task<ByteClient> DialAsync(int port, CancellationToken cancel)
        {
            var made = new ByteClient();
            await made._client.ConnectAsync(IPAddress.Loopback, port, cancel);
            made._reader = new StreamReader(made._client.GetStream(), Encoding.ASCII);
            return made;
        }

        public static async Task<ByteClient> ConnectAsync(int proxy, string target, CancellationToken cancel)
        {
            var made = await DialAsync(proxy, cancel);
            await made.WriteAsync($"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n", cancel);
            (await made.ReadLineAsync(cancel)).ShouldStartWith("HTTP/1.1 200");
            while ((await made.ReadLineAsync(cancel)).Length > 0)
            {
                // the rest of the head
            }
            return made;
        }

        /// <summary>Everything that the server does, from its greeting to its goodbye.</summary>
        public async Task TalkAsync(string name, CancellationToken cancel)
        {
            (await ReadLineAsync(cancel)).ShouldBe($"220 {name}");
            (await EchoAsync("hello", cancel)).ShouldBe("hello");
            (await EndAsync(cancel)).ShouldBe($"bye {name}");
        }

        public async Task<string> ReadLineAsync(CancellationToken cancel) => await _reader.ReadLineAsync(cancel).AsTask().WaitAsync(TimeSpan.FromSeconds(20), cancel) ?? throw new EndOfStreamException();

        public async Task<string> EchoAsync(string line, CancellationToken cancel)
        {
            await WriteAsync(line + "\n", cancel);
            return await ReadLineAsync(cancel);
        }

        /// <summary>Ends this direction, and reads what the other still has.</summary>
        public async Task<string> EndAsync(CancellationToken cancel)
        {
            _client.Client.Shutdown(SocketShutdown.Send);
            return await ReadAllAsync(cancel);
        }

        public async Task<string> ReadAllAsync(CancellationToken cancel)
        {
            try
            {
                return await _reader.ReadToEndAsync(cancel).WaitAsync(TimeSpan.FromSeconds(20), cancel);
            }
            catch (IOException)
            {
                return ""; // reset
            }
        }

        public ValueTask DisposeAsync()
        {
            _client.Dispose();
            return ValueTask.CompletedTask;
        }

        public Task WriteAsync(string text, CancellationToken cancel) => _client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(text), cancel).AsTask();
    }
}
