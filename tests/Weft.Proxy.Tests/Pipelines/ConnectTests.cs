using System.Text;
using Shouldly;
using Weft.Fuzz.Http2;
using Weft.Proxy.Tests.Http2.Wire;
using Weft.Telemetry.Outcomes;
using Xunit;

namespace Weft.Proxy.Tests.Pipelines;

/// <summary>CONNECT at the forward proxy: a connection to a service, as if it had been intercepted.</summary>
public sealed class ConnectTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static ScriptedBackend Answering(string name) => ScriptedBackend.Answering($"HTTP/1.1 200 OK\r\nContent-Length: {name.Length}\r\n\r\n{name}");

    private static async Task<RawClient> ConnectAsync(ProxyUnderTest proxy, string target, string version = "HTTP/1.1", string behind = "")
    {
        var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync($"CONNECT {target} {version}\r\n{(version == "HTTP/1.1" ? $"Host: {target}\r\n" : "")}User-Agent: t\r\n\r\n{behind}");
        var answer = await client.ReadResponseAsync(head: true);
        answer.Status.ShouldBe(200, answer.StatusLine);
        answer.Fields.ShouldBeEmpty("RFC 9110 section 9.3.6: neither length nor coding, for what follows is not this message's");
        return client;
    }

    [Theory]
    [InlineData("catalog:80", "HTTP/1.1")]
    [InlineData("catalog.default.svc:80", "HTTP/1.1")]
    [InlineData("catalog:80", "HTTP/1.0")] // as gRPC's C core sends it
    public async Task Requests_inside_are_served_as_on_any_connection(string target, string version)
    {
        await using var backend = Answering("catalog");
        await using var proxy = new ProxyUnderTest().Cluster("catalog", [backend.Address]).Service("catalog.default:80", "catalog").ListenForward();
        using var client = await ConnectAsync(proxy, target, version);
        for (var i = 0; i < 3; i++)
        {
            await client.SendAsync($"GET /a/../{i} HTTP/1.1\r\nHost: catalog\r\n\r\n");
            var answer = await client.ReadResponseAsync();
            (answer.Status, answer.Body, answer["connection"]).ShouldBe((200, "catalog", null));
        }
        backend.Requests.Select(r => r.Split(' ')[1]).ShouldBe(["/0", "/1", "/2"]);
        proxy.Requests().Sum(r => r.Count).ShouldBe(3, "the CONNECT itself asked no workload");
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_request_that_comes_with_the_CONNECT_waits_behind_it()
    {
        await using var backend = Answering("catalog");
        await using var proxy = new ProxyUnderTest().Cluster("catalog", [backend.Address]).Service("catalog.default:80", "catalog").ListenForward();
        using var client = await ConnectAsync(proxy, "catalog:80", behind: "GET /early HTTP/1.1\r\nHost: catalog\r\n\r\n");
        (await client.ReadResponseAsync()).Body.ShouldBe("catalog");
    }

    [Theory]
    [InlineData("catalog", "catalog:80")] // the CONNECT and the request agree
    [InlineData("orders", "orders:80")] // they do not: the request's word holds
    [InlineData("orders:80", "orders:80")]
    [InlineData("127.0.0.1", "catalog:80")] // it names no service: the CONNECT's word holds
    [InlineData("api.shop.example", "catalog:80")]
    [InlineData("localhost:9000", "catalog:80")]
    public async Task The_authority_of_the_request_decides_where_it_names_a_service(string authority, string expected)
    {
        await using var catalog = Answering("catalog:80");
        await using var orders = Answering("orders:80");
        await using var proxy = new ProxyUnderTest().Cluster("catalog", [catalog.Address]).Cluster("orders", [orders.Address])
            .Service("catalog.default:80", "catalog").Service("orders.default:80", "orders").ListenForward();
        using var client = await ConnectAsync(proxy, "catalog:80");
        await client.SendAsync($"GET / HTTP/1.1\r\nHost: {authority}\r\n\r\n");
        (await client.ReadResponseAsync()).Body.ShouldBe(expected);
        (expected == "catalog:80" ? catalog : orders).Requests.Single().ShouldContain($"Host: {authority}\r\n", customMessage: "the workload sees what the client wrote");
    }

    [Fact]
    public async Task A_port_that_the_request_does_not_name_is_the_CONNECTs()
    {
        await using var http = Answering("80");
        await using var grpc = Answering("9090");
        await using var proxy = new ProxyUnderTest().Cluster("http", [http.Address]).Cluster("grpc", [grpc.Address])
            .Service("catalog.default:80", "http").Service("catalog.default:9090", "grpc").ListenForward();
        using var client = await ConnectAsync(proxy, "catalog:9090");
        await client.SendAsync("GET / HTTP/1.1\r\nHost: catalog\r\n\r\n");
        (await client.ReadResponseAsync()).Body.ShouldBe("9090");
        await client.SendAsync("GET / HTTP/1.1\r\nHost: catalog:80\r\n\r\n");
        (await client.ReadResponseAsync()).Body.ShouldBe("80");
    }

    [Theory]
    [InlineData("www.example.com:443", 403, "egress-denied", Fault.EgressDenied)]
    [InlineData("127.0.0.1:8080", 403, "egress-denied", Fault.EgressDenied)]
    [InlineData("[::1]:80", 403, "egress-denied", Fault.EgressDenied)]
    [InlineData("nobody:80", 404, "no-route", Fault.NoRoute)]
    [InlineData("unanswered:80", 503, "no-route", Fault.NoRoute)]
    public async Task A_CONNECT_that_is_not_served_says_why(string target, int status, string code, Fault fault)
    {
        await using var proxy = new ProxyUnderTest().Service("nobody.default:80", null).ListenForward();
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync($"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
        var answer = await client.ReadResponseAsync();
        (answer.Status, answer["x-weft-fault"]).ShouldBe((status, code));
        if (target == "nobody:80") answer.Body.ShouldStartWith("no-route: there is no service 'nobody.default' with port 80 in the mesh.");
        proxy.Requests().Single().Key.Fault.ShouldBe(fault);
    }

    [Fact]
    public async Task CONNECT_is_for_forward_proxies_and_not_for_what_is_inside_of_one()
    {
        await using var backend = Answering("x");
        await using var plain = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(plain.Address);
        await client.SendAsync("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n");
        (await client.ReadResponseAsync()).Status.ShouldBe(501);

        await using var proxy = new ProxyUnderTest().Cluster("catalog", [backend.Address]).Service("catalog.default:80", "catalog").ListenForward();
        using var inner = await ConnectAsync(proxy, "catalog:80");
        await inner.SendAsync("CONNECT catalog:80 HTTP/1.1\r\nHost: catalog:80\r\n\r\n");
        (await inner.ReadResponseAsync()).Status.ShouldBe(501);
    }

    [Fact]
    public async Task TLS_to_a_service_is_refused_with_an_alert()
    {
        await using var backend = Answering("x");
        await using var proxy = new ProxyUnderTest().Cluster("catalog", [backend.Address]).Service("catalog.default:443", "catalog").ListenForward();
        using var client = await ConnectAsync(proxy, "catalog:443");
        await client.SendAsync(new byte[] { 22, 3, 1, 0, 4, 1, 0, 0, 0 });
        (await client.ReadToEndAsync()).ShouldBe("\u0015\u0003\u0003\0\u0002\u0002(");
        proxy.Requests().Single().Key.Fault.ShouldBe(Fault.BadRequest);
    }

    [Fact]
    public async Task HTTP2_inside_is_known_by_its_preface_and_served_by_authority()
    {
        await using var catalog = Answering("catalog");
        await using var orders = Answering("orders");
        await using var proxy = new ProxyUnderTest().Cluster("catalog", [catalog.Address]).Cluster("orders", [orders.Address])
            .Service("catalog.default:50051", "catalog").Service("orders.default:80", "orders").ListenForward();
        using var client = await Http2Peer.DialAsync(proxy.Address);
        await client.SendAsync(Encoding.ASCII.GetBytes("CONNECT catalog:50051 HTTP/1.0\r\nHost: catalog:50051\r\n\r\n"));
        var block = new byte[1000];
        Encoding.ASCII.GetString(block, 0, await client.Socket.ReceiveAsync(block, Stop)).ShouldBe("HTTP/1.1 200 Connection Established\r\n\r\n");
        await client.SendAsync(RawFrame.Preface[..10].ToArray()); // as pieces fall
        await Task.Delay(30, Stop);
        await client.SendAsync(RawFrame.Preface[10..].ToArray());
        await client.SendAsync(RawFrame.Settings(), Request(1, "catalog:50051"), Request(3, "catalog"), Request(5, "orders:80"), Request(7, "grpc.shop.example"));
        await client.UntilAsync(p => new[] { 1, 3, 5, 7 }.All(id => p.Stream(id).IsOver));
        new[] { 1, 3, 5, 7 }.Select(id => client.Stream(id).Text).ShouldBe(["catalog", "catalog", "orders", "catalog"]);
        client.Violations.ShouldBeEmpty();
        proxy.Faults.ShouldBeEmpty();

        static RawFrame Request(int stream, string authority) =>
            RawFrame.Headers(stream, RawHpack.Block([(":method", "POST"), (":scheme", "http"), (":path", "/Catalog/List"), (":authority", authority)]));
    }

    private static RawFrame Connect(int stream, string authority) => RawFrame.Headers(stream, RawHpack.Block([(":method", "CONNECT"), (":authority", authority)]), end: false);

    [Fact]
    public async Task CONNECT_over_HTTP2_carries_connections_of_either_version_as_streams_of_one()
    {
        await using var catalog = Answering("catalog");
        await using var orders = Answering("orders");
        await using var proxy = new ProxyUnderTest().Cluster("catalog", [catalog.Address]).Cluster("orders", [orders.Address])
            .Service("catalog.default:80", "catalog").Service("orders.default:80", "orders").ListenForward();
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        // One with its first request right behind it, one with HTTP/2 inside, and an ordinary request beside them.
        await client.SendAsync(Connect(1, "catalog:80"), RawFrame.Data(1, "GET /early HTTP/1.1\r\nHost: catalog\r\n\r\n"), Connect(3, "orders:80"),
            RawFrame.Headers(5, RawHpack.Block([(":method", "GET"), (":scheme", "http"), (":path", "/beside"), (":authority", "catalog")])));
        await client.UntilAsync(p => p.Stream(1).Text.EndsWith("catalog", StringComparison.Ordinal) && p.Stream(3).Status == 200 && p.Stream(5).IsOver);
        client.Stream(1).Status.ShouldBe(200);
        client.Stream(1).Text.ShouldStartWith("HTTP/1.1 200 OK\r\n");
        client.Stream(5).Text.ShouldBe("catalog");

        await client.SendAsync(RawFrame.Data(3, [.. RawFrame.Preface, .. RawFrame.Settings().ToBytes(),
            .. RawFrame.Headers(1, RawHpack.Block([(":method", "GET"), (":scheme", "http"), (":path", "/inner"), (":authority", "orders")])).ToBytes()]));
        await client.UntilAsync(p => p.Stream(3).Text.Contains("orders", StringComparison.Ordinal));
        orders.Requests.Single().ShouldStartWith("GET /inner HTTP/1.1\r\n");

        // Another request on the first, then the client's end: the connection inside ends as any does, and the stream with it.
        await client.SendAsync(RawFrame.Data(1, "GET /last HTTP/1.1\r\nHost: catalog\r\n\r\n"), RawFrame.Data(1, "", end: true));
        await client.UntilAsync(p => p.Stream(1).IsOver);
        (client.Stream(1).Reset, client.Stream(1).Text.Split("catalog").Length).ShouldBe((null, 3));
        catalog.Requests.Select(r => r.Split(' ')[1]).ShouldBe(["/early", "/beside", "/last"], ignoreOrder: true);

        await client.SendAsync(RawFrame.Reset(3));
        await client.SendAsync(Connect(7, "catalog:80"), RawFrame.Data(7, "GET /again HTTP/1.1\r\nHost: catalog\r\nConnection: close\r\n\r\n"));
        await client.UntilAsync(p => p.Stream(7).IsOver);
        client.Stream(7).Text.ShouldEndWith("catalog");
        client.Violations.ShouldBeEmpty();
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_large_answer_inside_of_CONNECT_over_HTTP2_waits_for_the_window()
    {
        const int total = 4 << 20;
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadHeadAsync();
            await c.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n\r\n");
            for (var at = 0; at < total; at += 65536) await c.SendAsync(Enumerable.Repeat((byte)(at / 65536), 65536).ToArray());
        });
        await using var proxy = new ProxyUnderTest().Cluster("catalog", [backend.Address]).Service("catalog.default:80", "catalog").ListenForward();
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(Connect(1, "catalog:80"), RawFrame.Data(1, "GET / HTTP/1.1\r\nHost: catalog\r\n\r\n"));
        await client.UntilAsync(p => p.Stream(1).Body.Count == 65535);
        await Task.Delay(100, Stop);
        client.Stream(1).Body.Count.ShouldBe(65535);
        client.AutoCredit = true;
        await client.SendAsync(RawFrame.WindowUpdate(0, 65535), RawFrame.WindowUpdate(1, 65535));
        await client.UntilAsync(p => p.Stream(1).Body.Count > total, TimeSpan.FromSeconds(20));
        var head = client.Stream(1).Text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;
        await client.UntilAsync(p => p.Stream(1).Body.Count == total + head);
        for (var i = 0; i < total; i += 4096) client.Stream(1).Body[head + i].ShouldBe((byte)(i / 65536));
        client.Violations.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("www.example.com:443", 403)]
    [InlineData("nobody:80", 404)]
    public async Task A_CONNECT_over_HTTP2_that_is_not_served_says_why(string target, int status)
    {
        await using var proxy = new ProxyUnderTest().Service("nobody.default:80", null).ListenForward();
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(Connect(1, target));
        await client.UntilAsync(p => p.Stream(1).IsOver);
        client.Stream(1).Status.ShouldBe(status);
        client.Violations.ShouldBeEmpty();
    }

    [Fact]
    public async Task What_is_no_HTTP_is_answered_400()
    {
        await using var backend = Answering("x");
        await using var proxy = new ProxyUnderTest().Cluster("catalog", [backend.Address]).Service("catalog.default:80", "catalog").ListenForward();
        using var client = await ConnectAsync(proxy, "catalog:80");
        await client.SendAsync("\u0001\u0002\u0003");
        (await client.ReadResponseAsync()).Status.ShouldBe(400);
    }

    [Fact]
    public async Task A_service_that_is_asked_for_on_demand_is_waited_for()
    {
        await using var backend = Answering("late");
        await using var proxy = new ProxyUnderTest().Cluster("late", [backend.Address]).ListenForward();
        var connecting = ConnectAsync(proxy, "late:80");
        await Task.Delay(100, Stop);
        connecting.IsCompleted.ShouldBeFalse();
        proxy.Service("late.default:80", "late");
        using var client = await connecting;
        await client.SendAsync("GET / HTTP/1.1\r\nHost: late\r\n\r\n");
        (await client.ReadResponseAsync()).Body.ShouldBe("late");
    }
}
