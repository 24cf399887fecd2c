using System.Text;
using Shouldly;
using Xunit;

namespace Weft.Proxy.Tests.Pipelines;

public sealed class ForwardingTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Custom-Case: Kept\r\n\r\nhello";

    [Fact]
    public async Task A_request_and_its_answer_pass()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);

        await client.SendAsync("GET /a/b?c=d HTTP/1.1\r\nHost: shop.example\r\nAccept: */*\r\n\r\n");
        var response = await client.ReadResponseAsync();

        response.Status.ShouldBe(200);
        response.Body.ShouldBe("hello");
        var request = backend.Requests.Single();
        request.ShouldStartWith("GET /a/b?c=d HTTP/1.1\r\nHost: shop.example\r\n");
        request.ShouldContain("accept: */*\r\n");
        request.ShouldContain("x-request-id: ");
        request.ShouldContain("traceparent: 00-");
        request.ShouldContain("x-forwarded-proto: http\r\n");
        proxy.Requests().Single().Count.ShouldBe(1);
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task Connections_are_reused_on_both_sides()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        for (var i = 0; i < 20; i++)
        {
            await client.SendAsync($"GET /{i} HTTP/1.1\r\nHost: a\r\n\r\n");
            (await client.ReadResponseAsync()).Body.ShouldBe("hello");
        }
        backend.Connections.ShouldBe(1);
        backend.Requests.Count.ShouldBe(20);
    }

    [Fact]
    public async Task Pipelined_requests_are_answered_in_order()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            while (await c.ReadRequestAsync() is { } request)
            {
                var path = request.Split(' ')[1];
                await c.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {path.Length}\r\n\r\n{path}");
            }
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        var all = new StringBuilder();
        for (var i = 0; i < 50; i++) all.Append($"POST /{i} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
        await client.SendAsync(all.ToString());
        for (var i = 0; i < 50; i++) (await client.ReadResponseAsync()).Body.ShouldBe($"/{i}");
        backend.Requests.ShouldAllBe(r => r.EndsWith("\r\n\r\nabc"));
    }

    [Fact]
    public async Task A_chunked_request_body_with_trailers_passes_and_is_chunked_anew()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n");
        await Task.Delay(50, TestContext.Current.CancellationToken);
        await client.SendAsync("4\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n");
        (await client.ReadResponseAsync()).Status.ShouldBe(200);
        backend.Requests.Single().ShouldEndWith("abcdefg|trailer X-Sum: 7");
        backend.Requests.Single().ShouldNotContain("ext=1");
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", true)]
    [InlineData("HTTP/1.1 200 OK\r\n\r\nhello", false)]
    [InlineData("HTTP/1.0 200 OK\r\n\r\nhello", false)]
    [InlineData("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", false)]
    public async Task Responses_of_every_framing_reach_a_keep_alive_client_whole(string answer, bool reusable)
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            while (await c.ReadRequestAsync() is not null)
            {
                await c.SendAsync(answer);
                if (!reusable) return;
            }
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        for (var i = 0; i < 3; i++)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            (await client.ReadResponseAsync()).Body.ShouldBe("hello");
        }
        backend.Connections.ShouldBe(reusable ? 1 : 3);
    }

    [Fact]
    public async Task An_http10_client_gets_a_body_that_ends_with_the_connection_instead_of_chunks()
    {
        await using var backend = ScriptedBackend.Answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address])
            .Listen(ProxyUnderTest.RouteAll(manager: "\"http_protocol_options\": {\"accept_http_10\": true}"));
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
        var answer = await client.ReadToEndAsync();
        answer.ShouldEndWith("\r\n\r\nhello");
        answer.ToLowerInvariant().ShouldNotContain("transfer-encoding");
    }

    [Theory]
    [InlineData("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "5")]
    [InlineData("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "5")]
    [InlineData("GET", "HTTP/1.1 204 No Content\r\n\r\n", null)]
    public async Task Answers_without_a_body_keep_the_connection(string method, string answer, string? length)
    {
        await using var backend = ScriptedBackend.Answering(answer);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        for (var i = 0; i < 3; i++)
        {
            await client.SendAsync($"{method} / HTTP/1.1\r\nHost: a\r\n\r\n");
            (await client.ReadResponseAsync(head: true))["content-length"].ShouldBe(length);
        }
        backend.Connections.ShouldBe(1);
    }

    [Fact]
    public async Task A_client_that_waits_for_100_continue_is_told_by_the_workload()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            (await c.ReadHeadAsync())!.ShouldContain("100-continue");
            await c.SendAsync("HTTP/1.1 100 Continue\r\n\r\n");
            (await c.ReadBytesAsync(5)).ShouldBe("stuff");
            await c.SendAsync(Ok);
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        (await client.ReadResponseAsync()).Status.ShouldBe(100);
        await client.SendAsync("stuff");
        (await client.ReadResponseAsync()).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_slow_reader_stops_the_workload_instead_of_filling_memory()
    {
        var sent = 0L;
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadRequestAsync();
            const int total = 64 << 20;
            await c.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n\r\n");
            var block = new byte[64 << 10];
            for (var i = 0; i < total / block.Length; i++)
            {
                await c.SendAsync(block);
                Interlocked.Add(ref sent, block.Length);
            }
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address, receiveBuffer: 16 << 10);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        await Task.Delay(1000, TestContext.Current.CancellationToken);
        var stalled = Interlocked.Read(ref sent);
        await Task.Delay(300, TestContext.Current.CancellationToken);
        Interlocked.Read(ref sent).ShouldBe(stalled, "the workload must be blocked while the client does not read");
        stalled.ShouldBeLessThan(32 << 20);
        proxy.DataPlane.Workers[0].Buffers.Rented.ShouldBeLessThan(8);
    }

    [Fact]
    public async Task Large_bodies_pass_both_ways_unchanged()
    {
        var body = new byte[5 << 20];
        new Random(1).NextBytes(body);
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadHeadAsync();
            var echo = await c.ReadBytesAsync(body.Length);
            await c.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {echo.Length}\r\n\r\n");
            await c.SendAsync(Encoding.Latin1.GetBytes(echo));
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var http = new HttpClient();
        using var answer = await http.PostAsync($"http://{proxy.Address}/", new ByteArrayContent(body), TestContext.Current.CancellationToken);
        (await answer.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken)).ShouldBe(body);
    }

    [Fact]
    public async Task A_half_closed_client_still_gets_its_answer()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadRequestAsync();
            await Task.Delay(300);
            await c.SendAsync(Ok);
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        client.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        (await client.ReadResponseAsync()).Body.ShouldBe("hello");
        (await client.IsEndedAsync()).ShouldBeTrue();
    }

    [Fact]
    public async Task A_malformed_request_is_refused_with_a_reason_and_never_reaches_the_workload()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
        var response = await client.ReadResponseAsync();
        response.Status.ShouldBe(400);
        response["x-weft-fault"].ShouldBe("bad-request");
        response["x-weft-id"].ShouldNotBeNullOrEmpty();
        (await client.IsEndedAsync()).ShouldBeTrue();
        backend.Connections.ShouldBe(0);
    }

    [Fact]
    public async Task A_request_over_the_header_limit_gets_431_that_names_the_limit()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync($"GET / HTTP/1.1\r\nHost: a\r\nX-Big: {new string('x', 70_000)}\r\n\r\n");
        var response = await client.ReadResponseAsync();
        response.Status.ShouldBe(431);
        response.Body.ShouldContain("61440");
    }

    [Fact]
    public async Task A_mesh_field_of_an_application_is_stripped_both_ways()
    {
        await using var backend = ScriptedBackend.Answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nx-weft-fault: no-route\r\n\r\n");
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nX-Weft-Source: forged/service\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\r\n");
        var response = await client.ReadResponseAsync();
        response["x-weft-fault"].ShouldBeNull();
        backend.Requests.Single().ToLowerInvariant().ShouldNotContain("x-weft");
        backend.Requests.Single().ToLowerInvariant().ShouldNotContain("x-hop");
    }

    [Theory]
    [InlineData("CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n", 501)]
    [InlineData("GET / HTTP/1.0\r\nHost: a\r\n\r\n", 426)]
    [InlineData("GET https://shop.example/ HTTP/1.1\r\nHost: shop.example\r\n\r\n", 400)]
    [InlineData("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400)]
    [InlineData("GET /\u0001 HTTP/1.1\r\nHost: a\r\n\r\n", 400)]
    public async Task What_is_not_served_is_said_so(string request, int status)
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(request);
        var response = await client.ReadResponseAsync();
        response.Status.ShouldBe(status);
        response["x-weft-fault"].ShouldBe("bad-request");
        backend.Connections.ShouldBe(0);
    }

    [Fact]
    public async Task A_head_that_never_ends_is_answered_408_when_its_time_is_over()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address])
            .Listen(ProxyUnderTest.RouteAll(manager: "\"request_headers_timeout\": \"0.3s\""));
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ");
        var response = await client.ReadResponseAsync();
        response.Status.ShouldBe(408);
        response["x-weft-fault"].ShouldBe("header-timeout");
        (await client.IsEndedAsync()).ShouldBeTrue();
    }

    [Fact]
    public async Task An_absolute_target_is_routed_by_its_host_and_forwarded_in_origin_form()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("GET http://catalog:80/books?x=1 HTTP/1.1\r\nHost: catalog:80\r\nProxy-Connection: keep-alive\r\n\r\n");
        (await client.ReadResponseAsync()).Status.ShouldBe(200);
        backend.Requests.Single().ShouldStartWith("GET /books?x=1 HTTP/1.1\r\nHost: catalog:80\r\n");
        backend.Requests.Single().ToLowerInvariant().ShouldNotContain("proxy-connection");
    }

    [Theory]
    [InlineData("GET / HTTP/1.0\r\n\r\n", "default.test")]
    [InlineData("GET / HTTP/1.0\r\nHost: a\r\n\r\n", "a")]
    [InlineData("GET / HTTP/1.1\r\n\r\n", null)]
    public async Task Http_1_0_without_a_host_gets_the_configured_one(string request, string? host)
    {
        await using var backend = ScriptedBackend.Answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address])
            .Listen(ProxyUnderTest.RouteAll(manager: "\"http_protocol_options\": {\"accept_http_10\": true, \"default_host_for_http_10\": \"default.test\"}"));
        using var client = await RawClient.ConnectAsync(proxy.Address);

        await client.SendAsync(request);

        (await client.ReadResponseAsync()).Status.ShouldBe(host is null ? 400 : 200);
        if (host is null) backend.Requests.ShouldBeEmpty();
        else backend.Requests.ShouldHaveSingleItem().ShouldContain($"\r\nHost: {host}\r\n", Case.Insensitive);
    }
}
