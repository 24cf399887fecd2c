using Shouldly;
using Weft.Fuzz.Http2;
using Weft.Proxy.Tests.Admin;
using Weft.Proxy.Tests.Http2.Wire;
using Weft.Proxy.Tests.Pipelines;
using Weft.Telemetry.Outcomes;
using Xunit;

namespace Weft.Proxy.Tests.Tcp;

/// <summary>CONNECT at the forward proxy to a service that carries bytes.</summary>
public sealed class ByteConnectTests
{
    private const string Connected = "HTTP/1.1 200 Connection Established\r\n\r\n";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static ProxyUnderTest Proxy(params TcpServer[] servers) =>
        new ProxyUnderTest().Cluster("db", servers.Select(s => s.Address), "{\"lb_policy\": \"LEAST_REQUEST\"}").ByteService("db.default:5432", "db").ListenForward();

    private static RawFrame Connect(int stream, string authority) => RawFrame.Headers(stream, RawHpack.Block([(":method", "CONNECT"), (":authority", authority)]), end: false);

    private static Task EndedAsync(ProxyUnderTest proxy, Fault fault, int count = 1) => Eventually.TrueAsync(() => Task.FromResult(proxy.Ended(fault) == count));

    [Theory]
    [InlineData("HTTP/1.1")]
    [InlineData("HTTP/1.0")]
    public async Task Bytes_go_both_ways_once_the_service_is_connected(string version)
    {
        using var server = new TcpServer();
        await using var proxy = Proxy(server);
        using var client = await TcpPeer.ConnectAsync(proxy.Address);
        // What the client sends at once, without waiting for the answer, is the first of the bytes: also what looks like a request, or like TLS.
        await client.SendAsync($"CONNECT db:5432 {version}\r\nHost: db:5432\r\n\r\n\u0016\u0003GET / HTTP/1.1\r\n\r\n");
        using var upstream = await server.AcceptAsync();
        (await upstream.ReadAsync(20)).ShouldBe("\u0016\u0003GET / HTTP/1.1\r\n\r\n");
        await upstream.SendAsync("\u0000\u0001\u00ff");
        (await client.ReadAsync(Connected.Length + 3)).ShouldBe(Connected + "\u0000\u0001\u00ff");

        client.End();
        (await upstream.ReadToEndAsync()).ShouldBe("");
        await upstream.SendAsync("last words");
        upstream.End();
        (await client.ReadToEndAsync()).ShouldBe("last words");

        await EndedAsync(proxy, Fault.None);
        var totals = proxy.Connections().Single().Totals;
        (totals.ReceivedBytes, totals.SentBytes).ShouldBe((20, 13), "the answer to the CONNECT is ours, and none of the service's bytes");
        proxy.Requests().ShouldBeEmpty("no workload was asked anything");
        (await proxy.RentedAsync()).ShouldBe(0);
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_server_that_speaks_first_is_heard_at_once()
    {
        using var server = new TcpServer();
        await using var proxy = Proxy(server);
        using var client = await TcpPeer.ConnectAsync(proxy.Address);
        await client.SendAsync("CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n");
        using var upstream = await server.AcceptAsync();
        await upstream.SendAsync("220 ready");
        (await client.ReadAsync(Connected.Length + 9)).ShouldBe(Connected + "220 ready");
    }

    [Fact]
    public async Task Over_HTTP2_each_stream_is_a_connection_with_ends_of_its_own()
    {
        using var server = new TcpServer();
        await using var proxy = Proxy(server);
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(Connect(1, "db:5432"), RawFrame.Data(1, "early"));
        using var first = await server.AcceptAsync();
        (await first.ReadAsync(5)).ShouldBe("early");
        await client.SendAsync(Connect(3, "db:5432"));
        using var second = await server.AcceptAsync();
        await second.SendAsync("greeting");
        await client.UntilAsync(p => p.Stream(1).Status == 200 && p.Stream(3).Text == "greeting");

        await client.SendAsync(RawFrame.Data(1, "", end: true));
        (await first.ReadToEndAsync()).ShouldBe("");
        await first.SendAsync("after the end");
        first.End();
        await client.UntilAsync(p => p.Stream(1).IsOver);
        (client.Stream(1).Text, client.Stream(1).Reset).ShouldBe(("after the end", null));

        second.Reset();
        await client.UntilAsync(p => p.Stream(3).IsOver);
        client.Stream(3).Reset.ShouldBe(RawCode.ConnectError); // RFC 9113 section 8.5
        await EndedAsync(proxy, Fault.None);
        await EndedAsync(proxy, Fault.UpstreamReset);

        await client.SendAsync(Connect(5, "db:5432"));
        using var third = await server.AcceptAsync();
        await client.UntilAsync(p => p.Stream(5).Status == 200);
        await client.SendAsync(RawFrame.Reset(5));
        (await third.IsResetAsync()).ShouldBeTrue();
        await EndedAsync(proxy, Fault.DownstreamClosed);
        client.Violations.ShouldBeEmpty();
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task Over_HTTP2_a_megabyte_each_way_waits_for_its_windows()
    {
        const int Total = 1 << 20;
        using var server = new TcpServer().Echoing();
        await using var proxy = Proxy(server);
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        client.AutoCredit = true;
        await client.SendAsync(Connect(1, "db:5432"));
        await client.UntilAsync(p => p.Stream(1).Status == 200);
        var body = new byte[Total];
        new Random(1).NextBytes(body);
        await client.SendBodyAsync(1, body, end: false);
        await client.UntilAsync(p => p.Stream(1).Body.Count == Total, TimeSpan.FromSeconds(20));
        proxy.Faults.ShouldBeEmpty();
        client.Stream(1).Body.SequenceEqual(body).ShouldBeTrue();
        client.Violations.ShouldBeEmpty();
    }

    [Fact]
    public async Task Another_endpoint_takes_what_one_refuses()
    {
        using var dead = TcpServer.Refusing();
        using var live = new TcpServer().Echoing();
        await using var proxy = Proxy(dead, live);
        for (var i = 0; i < 6; i++)
        {
            using var client = await TcpPeer.ConnectAsync(proxy.Address);
            await client.SendAsync("CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\nhello");
            (await client.ReadAsync(Connected.Length + 5)).ShouldBe(Connected + "hello");
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_service_that_cannot_be_reached_is_answered_as_any_failure_is(bool http2)
    {
        using var dead = TcpServer.Refusing();
        await using var proxy = Proxy(dead);
        if (http2)
        {
            using var client = await Http2Peer.ConnectAsync(proxy.Address);
            await client.SendAsync(Connect(1, "db:5432"));
            await client.UntilAsync(p => p.Stream(1).IsOver);
            client.Stream(1).Status.ShouldBe(502);
            client.Stream(1).Text.ShouldStartWith("connect-failure: ");
        }
        else
        {
            using var client = await RawClient.ConnectAsync(proxy.Address);
            for (var i = 0; i < 2; i++) // and the connection goes on
            {
                await client.SendAsync("CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n");
                var answer = await client.ReadResponseAsync();
                (answer.Status, answer["x-weft-fault"]).ShouldBe((502, "connect-failure"));
                answer.Body.ShouldContain(dead.Address.ToString());
            }
        }
        await EndedAsync(proxy, Fault.ConnectFailure, http2 ? 1 : 2);
        proxy.Requests().ShouldBeEmpty("it is recorded as a connection");
    }

    [Fact]
    public async Task A_service_without_endpoints_is_answered_503()
    {
        await using var proxy = Proxy();
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n");
        var answer = await client.ReadResponseAsync();
        (answer.Status, answer["x-weft-fault"]).ShouldBe((503, "no-endpoint"));
    }

    [Fact]
    public async Task A_request_to_it_is_told_that_it_carries_bytes()
    {
        using var server = new TcpServer();
        await using var proxy = Proxy(server);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: db:5432\r\n\r\n");
        var answer = await client.ReadResponseAsync();
        (answer.Status, answer["x-weft-fault"]).ShouldBe((404, "no-route"));
        answer.Body.ShouldContain("'db.default:5432' is declared to carry bytes");
    }

    [Fact]
    public async Task A_client_that_leaves_before_it_is_answered_leaves_nothing_behind()
    {
        using var hole = new TcpServer(); // accepts in the kernel: the connection is made, and nothing more
        await using var proxy = Proxy(hole);
        using (var client = await Http2Peer.ConnectAsync(proxy.Address)) await client.SendAsync(Connect(1, "db:5432"), RawFrame.Reset(1));
        using (var client = await TcpPeer.ConnectAsync(proxy.Address))
        {
            await client.SendAsync("CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n");
            client.Reset();
        }
        await Eventually.TrueAsync(() => Task.FromResult(proxy.State("db").Idle && proxy.Connections().All(c => c.Totals.Active == 0)));
        (await proxy.RentedAsync()).ShouldBe(0);
        proxy.Faults.ShouldBeEmpty();
    }
}
