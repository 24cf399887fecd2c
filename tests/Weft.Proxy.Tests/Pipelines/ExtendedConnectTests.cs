using System.Security.Cryptography;
using System.Text;
using Shouldly;
using Weft.Fuzz.Http2;
using Weft.Proxy.Tests.Http2.Wire;
using Weft.Telemetry.Outcomes;
using Xunit;

namespace Weft.Proxy.Tests.Pipelines;

/// <summary>Extended CONNECT (RFC 8441) from HTTP/2 clients to workloads that speak HTTP/1, frame by frame.</summary>
public sealed class ExtendedConnectTests
{
    private const string Any = "\"http2_protocol_options\": {\"allow_connect\": true}, \"upgrade_configs\": [{\"upgrade_type\": \"*\"}]";
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static ProxyUnderTest Proxy(ScriptedBackend backend, string manager = Any, string action = "") =>
        new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(action, manager));

    private static RawFrame Connect(int stream, string protocol = "websocket", bool end = false, params (string, string)[] more) => RawFrame.Headers(stream, RawHpack.Block(
        [(":method", "CONNECT"), (":protocol", protocol), (":scheme", "http"), (":path", "/a/../chat"), (":authority", "a"), ("sec-websocket-version", "13"), .. more]), end);

    private static string Accept(string key) => Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));

    private static string? Field(string head, string name) =>
        head.Split("\r\n").Where(l => l.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase)).Select(l => l[(name.Length + 1)..].Trim()).FirstOrDefault();

    /// <summary>Answers the handshake as RFC 6455 has it, then goes on with <paramref name="talk"/>.</summary>
    private static ScriptedBackend WebSocket(Func<ScriptedBackend.Connection, Task> talk) => new(async c =>
    {
        var head = await c.ReadHeadAsync();
        await c.SendAsync($"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {Accept(Field(head!, "sec-websocket-key")!)}\r\nx-app: yes\r\n\r\n");
        await talk(c);
    });

    [Fact]
    public async Task A_WebSocket_over_HTTP2_reaches_an_HTTP1_workload_as_an_upgrade_and_both_sides_end_for_themselves()
    {
        await using var backend = WebSocket(async c =>
        {
            await c.SendAsync("hello");
            (await c.ReadBytesAsync(4)).ShouldBe("ping");
            (await c.ReadHeadAsync()).ShouldBeNull("END_STREAM arrives as an end");
            await c.SendAsync("after your end");
        });
        await using var proxy = Proxy(backend);
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        client.PeerSettings[8].ShouldBe(1u, "SETTINGS_ENABLE_CONNECT_PROTOCOL");

        await client.SendAsync(Connect(1));
        await client.UntilAsync(p => p.Stream(1).Text == "hello");
        var answer = client.Stream(1);
        answer.Status.ShouldBe(200);
        answer["x-app"].ShouldBe("yes");
        foreach (var name in (string[])["upgrade", "connection", "sec-websocket-accept", "content-length"]) answer[name].ShouldBeNull(name);
        await client.SendAsync(RawFrame.Data(1, "ping"u8.ToArray(), end: false));
        await client.SendAsync(RawFrame.Data(1, [], end: true));
        await client.UntilAsync(p => p.Stream(1).IsOver);
        (answer.Text, answer.Ended, answer.Reset).ShouldBe(("helloafter your end", true, null));

        var request = backend.Requests.Single();
        request.ShouldStartWith("GET /chat HTTP/1.1\r\nHost: a\r\n");
        request.ShouldContain("Connection: Upgrade\r\nUpgrade: websocket\r\n");
        Convert.FromBase64String(Field(request, "sec-websocket-key")!).Length.ShouldBe(16);
        client.Violations.ShouldBeEmpty();
        proxy.Faults.ShouldBeEmpty();
        (await RecordedAsync(proxy)).ShouldBe((101, Fault.None));
    }

    [Fact]
    public async Task Tunnels_share_a_connection_with_each_other_and_with_requests()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            while (await c.ReadHeadAsync() is { } head)
            {
                if (Field(head, "upgrade") is null)
                {
                    await c.SendAsync(Ok);
                    continue;
                }
                await c.SendAsync($"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {Accept(Field(head, "sec-websocket-key")!)}\r\n\r\n");
                while (true) await c.SendAsync(await c.ReadBytesAsync(4));
            }
        });
        await using var proxy = Proxy(backend);
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(Connect(1), Connect(3), Http2.Conformance.Requests.Get(5), Connect(7));
        await client.UntilAsync(p => p.Stream(1).Status == 200 && p.Stream(3).Status == 200 && p.Stream(5).IsOver && p.Stream(7).Status == 200);
        foreach (var id in new[] { 7, 1, 3, 1 }) await client.SendAsync(RawFrame.Data(id, Encoding.ASCII.GetBytes($"id {id}"), end: false));
        await client.UntilAsync(p => p.Stream(1).Body.Count == 8 && p.Stream(3).Body.Count == 4 && p.Stream(7).Body.Count == 4);
        (client.Stream(1).Text, client.Stream(3).Text, client.Stream(5).Text, client.Stream(7).Text).ShouldBe(("id 1id 1", "id 3", "ok", "id 7"));
        await client.SendAsync(RawFrame.Reset(3));
        await client.SendAsync(RawFrame.Data(7, "more"u8.ToArray(), end: false));
        await client.UntilAsync(p => p.Stream(7).Text == "id 7more");
        client.Violations.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(Ok, 502)] // a 200 would say that a tunnel stands
    [InlineData("HTTP/1.1 204 No Content\r\n\r\n", 502)]
    [InlineData("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404)]
    [InlineData("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n", 426)]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", 502)] // another key's answer
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 502)]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 502)]
    public async Task What_is_no_switch_is_never_taken_for_one(string response, int status)
    {
        await using var backend = ScriptedBackend.Answering(response);
        await using var proxy = Proxy(backend);
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(Connect(1));
        await client.UntilAsync(p => p.Stream(1).IsOver);
        client.Stream(1).Status.ShouldBe(status);
        if (status == 502) client.Stream(1)["x-weft-fault"].ShouldBe("upstream-protocol");
        client.Violations.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("h2c", Any)]
    [InlineData("websocket", "\"http2_protocol_options\": {\"allow_connect\": true}")]
    [InlineData("tcp", "\"http2_protocol_options\": {\"allow_connect\": true}, \"upgrade_configs\": [{\"upgrade_type\": \"websocket\"}]")]
    public async Task A_protocol_that_may_not_be_switched_to_is_answered_501(string protocol, string manager)
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = Proxy(backend, manager);
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(Connect(1, protocol));
        await client.UntilAsync(p => p.Stream(1).IsOver);
        (client.Stream(1).Status, client.Stream(1)["x-weft-fault"]).ShouldBe((501, "bad-request"));
        backend.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task Extended_CONNECT_without_leave_is_malformed()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = Proxy(backend, "\"upgrade_configs\": [{\"upgrade_type\": \"*\"}]");
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        client.PeerSettings.ShouldNotContainKey((ushort)8);
        await client.SendAsync(Connect(1));
        await client.UntilAsync(p => p.Stream(1).IsOver);
        client.Stream(1).Reset.ShouldBe(RawCode.ProtocolError);
    }

    [Fact]
    public async Task Bytes_sent_before_the_answer_wait_for_it()
    {
        var early = new TaskCompletionSource<int>();
        await using var backend = new ScriptedBackend(async c =>
        {
            var head = await c.ReadHeadAsync();
            await Task.Delay(200, Stop);
            early.SetResult(c.Socket.Available);
            await c.SendAsync($"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {Accept(Field(head!, "sec-websocket-key")!)}\r\n\r\n");
            await c.SendAsync("got " + await c.ReadBytesAsync(5));
        });
        await using var proxy = Proxy(backend);
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(Connect(1), RawFrame.Data(1, "early"u8.ToArray(), end: false));
        await client.UntilAsync(p => p.Stream(1).Text.Length == 9);
        client.Stream(1).Text.ShouldBe("got early");
        (await early.Task).ShouldBe(0);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_broken_side_is_broken_for_the_other(bool clientBreaks)
    {
        var heard = new TaskCompletionSource<string>();
        await using var backend = WebSocket(async c =>
        {
            if (!clientBreaks)
            {
                c.Reset();
                return;
            }
            try
            {
                await c.ReadHeadAsync();
                heard.SetResult("end");
            }
            catch (IOException)
            {
                heard.SetResult("reset");
            }
        });
        await using var proxy = Proxy(backend);
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(Connect(1));
        await client.UntilAsync(p => p.Stream(1).Status == 200);
        if (clientBreaks)
        {
            await client.SendAsync(RawFrame.Reset(1));
            (await heard.Task.WaitAsync(TimeSpan.FromSeconds(10), Stop)).ShouldBe("reset", "a cut tunnel is not an ended one");
        }
        else
        {
            await client.UntilAsync(p => p.Stream(1).IsOver);
            client.Stream(1).Reset.ShouldNotBeNull();
        }
        await client.SendAsync(Http2.Conformance.Requests.Get(3));
        await client.UntilAsync(p => p.Stream(3).IsOver || p.Stream(3).Status > 0);
    }

    [Fact]
    public async Task A_client_that_takes_nothing_stops_the_workload_and_gets_everything_later()
    {
        const int total = 8 << 20;
        var sent = 0L;
        await using var backend = WebSocket(async c =>
        {
            var block = new byte[64 << 10];
            for (var at = 0; at < total; at += block.Length)
            {
                Array.Fill(block, (byte)(at / block.Length));
                await c.SendAsync(block);
                Interlocked.Add(ref sent, block.Length);
            }
        });
        await using var proxy = Proxy(backend);
        using var client = await Http2Peer.ConnectAsync(proxy.Address, receiveBuffer: 64 << 10);
        await client.SendAsync(Connect(1));
        await client.UntilAsync(p => p.Stream(1).Body.Count == 65535);
        await Task.Delay(500, Stop);
        Interlocked.Read(ref sent).ShouldBeLessThan(total, "the window is closed: the workload is held back by the kernel's buffers");
        client.AutoCredit = true;
        await client.SendAsync(RawFrame.WindowUpdate(0, 65535), RawFrame.WindowUpdate(1, 65535));
        await client.UntilAsync(p => p.Stream(1).Body.Count == total, TimeSpan.FromSeconds(30));
        for (var i = 0; i < total; i += 4096) client.Stream(1).Body[i].ShouldBe((byte)(i / (64 << 10)));
        client.Violations.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_drain_says_goaway_and_leaves_the_tunnel_alone_until_it_ends_by_itself()
    {
        await using var backend = WebSocket(async c =>
        {
            while (true) await c.SendAsync(await c.ReadBytesAsync(4));
        });
        await using var proxy = Proxy(backend);
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(Connect(1));
        await client.UntilAsync(p => p.Stream(1).Status == 200);
        proxy.DataPlane.BeginDrain(Weft.Proxy.Pipelines.DrainScope.All, TimeSpan.FromSeconds(1));
        await client.UntilAsync(p => p.GoAway is { LastStream: 1 });
        for (var i = 1; i <= 5; i++)
        {
            await Task.Delay(300, Stop); // beyond the second in which GOAWAY becomes final
            await client.SendAsync(RawFrame.Data(1, "ping"));
            await client.UntilAsync(p => p.Stream(1).Body.Count == 4 * i);
        }
        await client.SendAsync(RawFrame.Reset(1));
        (await client.UntilAsync(p => p.IsClosed)).ShouldBeTrue("with its last tunnel the connection ends");
        client.Violations.ShouldBeEmpty();
    }

    [Fact]
    public async Task Messages_in_a_tunnel_allocate_nothing()
    {
        await using var backend = WebSocket(c =>
        {
            var block = new byte[4096];
            while (c.Socket.Receive(block) is var count and > 0) c.Socket.Send(block, count, System.Net.Sockets.SocketFlags.None);
            return Task.CompletedTask;
        });
        await using var proxy = Proxy(backend);
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(Connect(1));
        await client.UntilAsync(p => p.Stream(1).Status == 200);
        var echo = RawFrame.Data(1, new byte[10]).ToBytes();
        var block = new byte[4096];

        Echo(500);
        var before = await AllocatedAsync();
        Echo(2_000); // stays within the stream's window, so that no frame but DATA is in the way
        ((await AllocatedAsync()) - before).ShouldBeLessThan(2_000);

        void Echo(int times)
        {
            for (var i = 0; i < times; i++)
            {
                client.Socket.Send(echo);
                for (var at = 0; at < echo.Length;) at += client.Socket.Receive(block, at, echo.Length - at, System.Net.Sockets.SocketFlags.None);
            }
        }

        Task<long> AllocatedAsync()
        {
            var result = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
            proxy.DataPlane.Workers[0].Post(() => result.SetResult(GC.GetAllocatedBytesForCurrentThread()));
            return result.Task;
        }
    }

    private static async Task<(int Status, Fault Fault)> RecordedAsync(ProxyUnderTest proxy)
    {
        for (var i = 0; i < 200; i++)
        {
            if (proxy.Requests() is [var only, ..]) return (only.Key.Status, only.Key.Fault);
            await Task.Delay(25, Stop);
        }
        throw new TimeoutException("nothing was recorded within 5 s");
    }
}

/// <summary>Upgrades to workloads that speak HTTP/2.</summary>
public sealed class ExtendedConnectUpstreamTests
{
    private const string Http2 = """
        {"typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
          "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions", "explicit_http_config": {"http2_protocol_options": {}}}}}
        """;

    private const string Wish = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

    private static readonly (ushort, uint)[] _takesConnect = [(8, 1)];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>The workload's end of each connection, once its preface has come.</summary>
    private static ScriptedBackend Workload(Func<Http2Peer, Task> script, (ushort, uint)[]? settings = null, int settingsAfterMs = 0) => new(async c =>
    {
        await Task.Delay(settingsAfterMs, Stop);
        using var peer = await Http2Peer.AcceptAsync(c.Socket, settings ?? _takesConnect);
        await script(peer);
    });

    private static ProxyUnderTest Proxy(ScriptedBackend backend, string action = "") => new ProxyUnderTest().Cluster("backend", [backend.Address], Http2)
        .Listen(ProxyUnderTest.RouteAll(action, "\"http2_protocol_options\": {\"allow_connect\": true}, \"upgrade_configs\": [{\"upgrade_type\": \"*\"}]"));

    private static RawFrame Grant(int stream = 1, bool end = false) => RawFrame.Headers(stream, RawHpack.Block([(":status", "200"), ("x-app", "yes")]), end);

    [Theory]
    [InlineData(0)]
    [InlineData(300)] // nothing may be asked before the peer has said that it may (RFC 8441 section 3)
    public async Task A_WebSocket_over_HTTP1_goes_on_as_extended_CONNECT_and_its_key_is_answered_here(int settingsAfterMs)
    {
        var heard = new TaskCompletionSource<(List<(string, string)> Head, string Text)>();
        await using var backend = Workload(async peer =>
        {
            await peer.UntilAsync(p => p.Stream(1).Heads.Count > 0);
            await peer.SendAsync(Grant(), RawFrame.Data(1, "hello"));
            await peer.UntilAsync(p => p.Stream(1).Ended);
            heard.SetResult((peer.Stream(1).Heads[0], peer.Stream(1).Text));
            await peer.SendAsync(RawFrame.Data(1, "bye", end: true));
            await peer.UntilAsync(p => p.IsClosed);
            peer.Violations.ShouldBeEmpty();
        }, settingsAfterMs: settingsAfterMs);
        await using var proxy = Proxy(backend);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Wish);
        var answer = await client.ReadResponseAsync();
        (answer.Status, answer["upgrade"], answer["sec-websocket-accept"], answer["x-app"]).ShouldBe((101, "websocket", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "yes")); // RFC 6455 section 1.3
        (await client.ReadAsync(5)).ShouldBe("hello");
        await client.SendAsync("ping");
        await Task.Delay(50, Stop);
        await client.SendAsync("pong");
        client.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        (await client.ReadToEndAsync()).ShouldBe("bye");
        var (head, text) = await heard.Task.WaitAsync(TimeSpan.FromSeconds(10), Stop);
        text.ShouldBe("pingpong");
        head.Take(5).OrderBy(f => f.Item1).ShouldBe([(":authority", "a"), (":method", "CONNECT"), (":path", "/chat"), (":protocol", "websocket"), (":scheme", "http")]);
        head.ShouldContain(("sec-websocket-version", "13"));
        head.ShouldNotContain(f => f.Item1 == "sec-websocket-key" || f.Item1 == "upgrade" || f.Item1 == "connection");
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task HTTP2_to_HTTP2_is_extended_CONNECT_on_both_sides()
    {
        await using var backend = Workload(async peer =>
        {
            await peer.UntilAsync(p => p.Stream(1).Heads.Count > 0);
            await peer.SendAsync(Grant());
            await peer.UntilAsync(p => p.Stream(1).Text == "ping");
            await peer.SendAsync(RawFrame.Data(1, "pong", end: true));
            await peer.UntilAsync(p => p.Stream(1).Ended);
        });
        await using var proxy = Proxy(backend);
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(RawFrame.Headers(1, RawHpack.Block([(":method", "CONNECT"), (":protocol", "x/1"), (":scheme", "http"), (":path", "/"), (":authority", "a")]), end: false));
        await client.UntilAsync(p => p.Stream(1).Status == 200);
        await client.SendAsync(RawFrame.Data(1, "ping"));
        await client.UntilAsync(p => p.Stream(1).Ended);
        client.Stream(1).Text.ShouldBe("pong");
        await client.SendAsync(RawFrame.Data(1, "", end: true));
        (await client.BarrierAsync()).ShouldBeTrue();
        client.Stream(1).Reset.ShouldBeNull();
        client.Violations.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("403", 403)]
    [InlineData("404", 404)]
    public async Task A_refusal_is_an_ordinary_response(string status, int expected)
    {
        await using var backend = Workload(async peer =>
        {
            await peer.UntilAsync(p => p.Stream(1).Heads.Count > 0);
            await peer.SendAsync(RawFrame.Headers(1, RawHpack.Block([(":status", status), ("content-length", "2")]), end: false), RawFrame.Data(1, "no", end: true));
            await peer.UntilAsync(p => p.Stream(3).Heads.Count > 0);
            await peer.SendAsync(RawFrame.Headers(3, RawHpack.Block([(":status", "204")])));
            await peer.UntilAsync(p => p.IsClosed);
        });
        await using var proxy = Proxy(backend);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Wish);
        var answer = await client.ReadResponseAsync();
        (answer.Status, answer.Body).ShouldBe((expected, "no"));
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        (await client.ReadResponseAsync()).Status.ShouldBe(204, "both connections live on");
    }

    [Fact]
    public async Task A_peer_that_takes_no_extended_CONNECT_is_not_asked()
    {
        await using var backend = Workload(async peer =>
        {
            await peer.UntilAsync(p => p.Stream(1).Heads.Count > 0);
            peer.Stream(1).Heads[0].ShouldContain((":method", "GET"));
            await peer.SendAsync(RawFrame.Headers(1, RawHpack.Block([(":status", "204")])));
            await peer.UntilAsync(p => p.IsClosed);
        }, settings: []);
        await using var proxy = Proxy(backend);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Wish);
        var answer = await client.ReadResponseAsync();
        (answer.Status, answer["x-weft-fault"]).ShouldBe((502, "upstream-protocol"));
        answer.Body.ShouldContain("RFC 8441");
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        (await client.ReadResponseAsync()).Status.ShouldBe(204);
    }

    [Fact]
    public async Task A_connection_that_dies_before_its_SETTINGS_fails_what_waited_for_them()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            await Task.Delay(100, Stop);
            c.Reset();
        });
        await using var proxy = Proxy(backend, "\"retry_policy\": {\"num_retries\": 0}");
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Wish);
        (await client.ReadResponseAsync()).Status.ShouldBe(502);
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_reset_by_the_workload_breaks_the_tunnel_and_not_the_connection()
    {
        await using var backend = Workload(async peer =>
        {
            await peer.UntilAsync(p => p.Stream(1).Heads.Count > 0);
            await peer.SendAsync(Grant(), RawFrame.Data(1, "x"), RawFrame.Reset(1));
            await peer.UntilAsync(p => p.Stream(3).Heads.Count > 0);
            await peer.SendAsync(RawFrame.Headers(3, RawHpack.Block([(":status", "204")])));
            await peer.UntilAsync(p => p.IsClosed);
        });
        await using var proxy = Proxy(backend);
        using var broken = await RawClient.ConnectAsync(proxy.Address);
        await broken.SendAsync(Wish);
        await Should.ThrowAsync<System.Net.Sockets.SocketException>(async () =>
        {
            (await broken.ReadResponseAsync()).Status.ShouldBe(101);
            await broken.ReadToEndAsync();
        });
        using var other = await RawClient.ConnectAsync(proxy.Address);
        await other.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        (await other.ReadResponseAsync()).Status.ShouldBe(204);
        backend.Connections.ShouldBe(1);
    }
}
