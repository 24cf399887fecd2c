using System.Net;
using Shouldly;
using Weft.Telemetry.Outcomes;
using Xunit;

namespace Weft.Proxy.Tests.Pipelines;

public sealed class FailureTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    private const string RetryReset = "\"retry_policy\": {\"retry_on\": \"connect-failure,refused-stream,reset\", \"num_retries\": 2}";

    [Fact]
    public async Task No_endpoint_listens_502_names_the_fault()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        backend.StopListening();
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        var response = await GetAsync(proxy);
        response.Status.ShouldBe(502);
        response["x-weft-fault"].ShouldBe("connect-failure");
        response.Body.ShouldContain("refused");
        proxy.Requests().Single().Key.Fault.ShouldBe(Fault.ConnectFailure);
    }

    [Fact]
    public async Task A_dead_endpoint_costs_no_request_when_another_lives()
    {
        await using var dead = ScriptedBackend.Answering(Ok);
        dead.StopListening();
        await using var alive = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [dead.Address, alive.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        for (var i = 0; i < 20; i++)
        {
            await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
            (await client.ReadResponseAsync()).Status.ShouldBe(200);
        }
        alive.Requests.Count.ShouldBe(20);
    }

    [Fact]
    public async Task A_reset_before_any_answer_is_repeated_for_GET_and_never_for_POST()
    {
        var seen = 0;
        await using var backend = new ScriptedBackend(async c =>
        {
            while (await c.ReadRequestAsync() is not null)
            {
                if (Interlocked.Increment(ref seen) % 2 == 1)
                {
                    c.Reset();
                    return;
                }
                await c.SendAsync(Ok);
            }
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(RetryReset));
        (await GetAsync(proxy)).Status.ShouldBe(200);
        seen.ShouldBe(2);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
        var post = await client.ReadResponseAsync();
        post.Status.ShouldBe(502);
        post["x-weft-fault"].ShouldBeOneOf("upstream-reset", "upstream-closed");
        seen.ShouldBe(3, "the POST must have been sent once");
    }

    [Fact]
    public async Task An_idle_connection_that_the_workload_closes_is_not_used_again()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadRequestAsync();
            await c.SendAsync(Ok); // keep-alive by the message, closed right after
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        for (var i = 0; i < 10; i++)
        {
            await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
            (await client.ReadResponseAsync()).Status.ShouldBe(200);
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
        backend.Connections.ShouldBe(10);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1f4\r\n")]
    public async Task A_response_cut_in_its_body_is_never_a_whole_one(string head)
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadRequestAsync();
            await c.SendAsync(head + new string('x', 100));
            await Task.Delay(50);
            c.Reset();
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(RetryReset));
        using var http = new HttpClient();
        await Should.ThrowAsync<Exception>(() => http.GetStringAsync($"http://{proxy.Address}/", TestContext.Current.CancellationToken));
        backend.Requests.Count.ShouldBe(1, "once bytes of the response went out nothing is repeated");
        proxy.State("backend").Idle.ShouldBeTrue();
    }

    [Fact]
    public async Task A_malformed_response_is_502_and_its_connection_is_never_used_again()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadRequestAsync();
            await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
            await Task.Delay(200);
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        for (var i = 0; i < 2; i++)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            var response = await client.ReadResponseAsync();
            response.Status.ShouldBe(502);
            response["x-weft-fault"].ShouldBe("upstream-protocol");
            response.Body.ShouldNotContain("poison");
        }
        backend.Connections.ShouldBe(2);
    }

    [Fact]
    public async Task Unasked_bytes_behind_a_response_do_not_answer_the_next_request()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadRequestAsync();
            await c.SendAsync(Ok + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
            await Task.Delay(500);
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        for (var i = 0; i < 3; i++)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            (await client.ReadResponseAsync()).Body.ShouldBe("ok");
        }
    }

    [Fact]
    public async Task The_route_timeout_ends_a_silent_workload_with_504()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadRequestAsync();
            await Task.Delay(5000);
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll().Replace("\"timeout\": \"0s\"", "\"timeout\": \"0.2s\""));
        var response = await GetAsync(proxy);
        response.Status.ShouldBe(504);
        response["x-weft-fault"].ShouldBe("response-timeout");
        response.Body.ShouldContain("200 ms");
    }

    [Fact]
    public async Task A_request_over_the_circuit_limit_is_refused_at_once()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadRequestAsync();
            await Task.Delay(1500);
            await c.SendAsync(Ok);
        });
        await using var proxy = new ProxyUnderTest()
            .Cluster("backend", [backend.Address], """{"circuit_breakers": {"thresholds": [{"max_requests": 1}]}}""").Listen(ProxyUnderTest.RouteAll());
        var first = GetAsync(proxy);
        await Task.Delay(300, TestContext.Current.CancellationToken);
        var second = await GetAsync(proxy);
        second.Status.ShouldBe(503);
        second["x-weft-fault"].ShouldBe("circuit-open");
        second.Body.ShouldContain("max_requests");
        (await first).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_request_over_the_connection_limit_waits_for_its_turn()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            while (await c.ReadRequestAsync() is not null)
            {
                await Task.Delay(20);
                await c.SendAsync(Ok);
            }
        });
        await using var proxy = new ProxyUnderTest()
            .Cluster("backend", [backend.Address], """{"circuit_breakers": {"thresholds": [{"max_connections": 2}]}}""").Listen(ProxyUnderTest.RouteAll());
        var all = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => GetAsync(proxy)));
        all.ShouldAllBe(r => r.Status == 200);
        backend.Connections.ShouldBe(2);
    }

    [Fact]
    public async Task A_client_that_goes_away_gives_everything_back()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadRequestAsync();
            await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
            while (true) await c.SendAsync(new byte[65536]);
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        for (var i = 0; i < 10; i++)
        {
            using var client = await RawClient.ConnectAsync(proxy.Address);
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            await client.ReadAsync(1000);
            client.Socket.LingerState = new(true, 0);
        }
        await WaitForAsync(() => proxy.State("backend").Idle && proxy.DataPlane.Workers[0].Buffers.Rented == 0);
        proxy.Requests().Single().Key.Fault.ShouldBe(Fault.DownstreamClosed);
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task No_route_is_404_that_says_what_was_looked_for()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll().Replace("\"prefix\": \"/\"", "\"prefix\": \"/only\""));
        var response = await GetAsync(proxy, "/other");
        response.Status.ShouldBe(404);
        response["x-weft-fault"].ShouldBe("no-route");
        response.Body.ShouldContain("GET /other");
    }

    /// <summary>An attempt that is reset before the answer, by a backend that answers the second time.</summary>
    private static ScriptedBackend ResettingOnce(out Func<bool> hasReset)
    {
        var seen = 0;
        var done = false;
        hasReset = () => Volatile.Read(ref done);
        return new ScriptedBackend(async c =>
        {
            if (Interlocked.Increment(ref seen) == 1)
            {
                await c.ReadHeadAsync();
                await Task.Delay(50);
                c.Reset();
                Volatile.Write(ref done, true);
                return;
            }
            while (await c.ReadRequestAsync() is not null) await c.SendAsync(Ok);
        });
    }

    [Theory]
    [InlineData("GET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /next HTTP/1.1\r\nHost: other\r\n\r\n", "", "")]
    [InlineData("GET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", "")]
    [InlineData("PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5", "\r\nhello\r\n0\r\n\r\n", "hello")]
    [InlineData("PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe", "\r\n3\r\nllo\r\n0\r\n\r\n", "hello")]
    [InlineData("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab", "cde", "abcde")]
    [InlineData("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde", "", "abcde")]
    public async Task A_request_whose_body_has_begun_is_sent_again_whole(string request, string rest, string body)
    {
        await using var backend = ResettingOnce(out var reset);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(RetryReset));
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(request);
        await WaitForAsync(reset);
        if (rest.Length > 0) await client.SendAsync(rest);
        (await client.ReadResponseAsync()).Status.ShouldBe(200);
        if (request.Contains("/next")) (await client.ReadResponseAsync()).Status.ShouldBe(200);
        lock (backend.Requests)
        {
            backend.Requests.Count.ShouldBe(request.Contains("/next") ? 3 : 2);
            backend.Requests[0].ShouldStartWith(request[..6]);
            backend.Requests[1].ShouldStartWith(request[..6]);
            backend.Requests[1].ShouldEndWith("\r\n\r\n" + body);
        }
        proxy.Faults.ShouldBeEmpty();
        await WaitForAsync(() => proxy.State("backend").Requests.Active == 0);
    }

    [Theory]
    [InlineData("Content-Length: 200000\r\n\r\n", "")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n", "11170\r\n")]
    public async Task A_body_that_is_longer_than_what_is_kept_is_sent_once(string fields, string chunk)
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadHeadAsync();
            await c.ReadBytesAsync(70_000); // 64 KiB are kept
            c.Reset();
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(RetryReset));
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync($"PUT /a HTTP/1.1\r\nHost: x\r\n{fields}{chunk}{new string('x', 70_000)}");
        var response = await client.ReadResponseAsync();
        response.Status.ShouldBe(502);
        response["x-weft-fault"].ShouldBeOneOf("upstream-reset", "upstream-closed");
        backend.Requests.Count.ShouldBe(1);
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task Body_bytes_that_come_while_a_retry_waits_are_not_lost()
    {
        await using var backend = ResettingOnce(out var reset);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(
            "\"retry_policy\": {\"retry_on\": \"reset\", \"num_retries\": 2, \"retry_back_off\": {\"base_interval\": \"0.4s\", \"max_interval\": \"0.5s\"}}"));
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n");
        // The first attempt has been reset, the second waits or is on its way.
        await WaitForAsync(() => backend.Connections == 2 || backend.Connections == 1 && reset() && proxy.State("backend").Connections.Active == 0);
        await client.SendAsync("hello");
        (await client.ReadResponseAsync()).Status.ShouldBe(200);
        lock (backend.Requests) backend.Requests.ShouldAllBe(r => r.StartsWith("PUT /a HTTP/1.1\r\nHost: x\r\n"));
        proxy.Faults.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("HTTP/1.1", "Connection: close\r\n")]
    [InlineData("HTTP/1.0", "")]
    public async Task A_client_that_reads_slowly_gets_the_end_of_its_response_too(string version, string field)
    {
        const int Total = 3_000_000;
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadRequestAsync();
            await c.SendAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            for (var i = 0; i < Total / 1000; i++) await c.SendAsync("3e8\r\n" + new string('x', 1000) + "\r\n");
            await c.SendAsync("0\r\n\r\n");
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address])
            .Listen(ProxyUnderTest.RouteAll(manager: "\"http_protocol_options\": {\"accept_http_10\": true}"));
        using var client = await RawClient.ConnectAsync(proxy.Address, receiveBuffer: 8192);
        await client.SendAsync($"GET / {version}\r\nHost: a\r\n{field}\r\n");
        await Task.Delay(3000, TestContext.Current.CancellationToken);
        (await client.ReadResponseAsync()).Body.Length.ShouldBe(Total);
    }

    [Fact]
    public async Task Idle_connections_to_one_endpoint_do_not_keep_another_from_being_reached()
    {
        await using var a = ScriptedBackend.Answering(Ok);
        await using var b = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest()
            .Cluster("backend", [a.Address, b.Address], """{"circuit_breakers": {"thresholds": [{"max_connections": 1}]}}""").Listen(ProxyUnderTest.RouteAll());
        for (var i = 0; i < 6; i++) (await GetAsync(proxy)).Status.ShouldBe(200);
        (a.Requests.Count, b.Requests.Count).ShouldBe((3, 3));
    }

    [Fact]
    public async Task An_address_that_another_process_serves_is_refused()
    {
        await using var other = ScriptedBackend.Answering(Ok);
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]);
        proxy.TryListen(ProxyUnderTest.RouteAll(), other.Address.Port)!.ShouldContain("another process listens there");
    }

    internal static async Task WaitForAsync(Func<bool> condition)
    {
        for (var i = 0; i < 200 && !condition(); i++) await Task.Delay(25);
        condition().ShouldBeTrue();
    }

    private static async Task<Response> GetAsync(ProxyUnderTest proxy, string path = "/")
    {
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync($"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        return await client.ReadResponseAsync();
    }
}
