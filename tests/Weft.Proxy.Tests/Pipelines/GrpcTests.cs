using Shouldly;
using Weft.Grpc;
using Weft.Telemetry.Outcomes;
using Xunit;

namespace Weft.Proxy.Tests.Pipelines;

/// <summary>What a gRPC call is told, limited by and counted as. HTTP/1 carries the same fields as HTTP/2, so these bytes are easy to read.</summary>
public sealed class GrpcTests
{
    private const string Answer = "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n\0\0\0\0\0\r\n0\r\nGrpc-Status: 0\r\n\r\n";

    private const string NoRoutes = """{"route_config": {"name": "r", "virtual_hosts": [{"name": "other", "domains": ["other.example"], "routes": []}]}}""";

    [Theory]
    [InlineData("application/grpc")]
    [InlineData("application/grpc+proto")]
    [InlineData("Application/GRPC; charset=utf-8")]
    public async Task A_fault_is_told_in_trailers_only_with_its_status_from_the_table(string contentType)
    {
        await using var proxy = new ProxyUnderTest().Listen(NoRoutes);
        using var client = await RawClient.ConnectAsync(proxy.Address);

        await client.SendAsync(Call(fields: $"x-request-id: 42\r\n", contentType: contentType));
        var response = await client.ReadResponseAsync();

        response.Status.ShouldBe(200);
        response["content-type"].ShouldBe("application/grpc");
        response["grpc-status"].ShouldBe("12");
        response["grpc-message"]!.ShouldStartWith("no-route: no virtual host of 'r' has the domain 'a'");
        response["grpc-message"]!.ShouldNotContain("%0A");
        response["x-weft-fault"].ShouldBe("no-route");
        response["x-weft-id"].ShouldBe("42");
        response.Body.ShouldBe("");
        var (key, _) = proxy.Requests().Single();
        (key.Status, key.Fault, key.GrpcStatus).ShouldBe((200, Fault.NoRoute, GrpcStatusCode.Unimplemented));
        key.IsSuccess.ShouldBeFalse();
    }

    [Theory]
    [InlineData("application/grpc-web")]
    [InlineData("application/grpcx")]
    [InlineData("text/plain")]
    public async Task What_is_not_gRPC_is_answered_in_HTTP(string contentType)
    {
        await using var proxy = new ProxyUnderTest().Listen(NoRoutes);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Call(contentType: contentType));
        var response = await client.ReadResponseAsync();
        response.Status.ShouldBe(404);
        response["grpc-status"].ShouldBeNull();
        proxy.Requests().Single().Key.GrpcStatus.ShouldBeNull();
    }

    [Fact]
    public async Task A_message_that_is_not_printable_is_percent_encoded()
    {
        await using var proxy = new ProxyUnderTest().Listen(NoRoutes);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Call(path: "/100%25/x"));
        (await client.ReadResponseAsync())["grpc-message"]!.ShouldNotContain("\n");

        await using var direct = new ProxyUnderTest().Listen(
            """{"route_config": {"name": "r", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 429, "body": {"inline_string": "100% f\u00fcr dich\n"}}}]}]}}""");
        using var caller = await RawClient.ConnectAsync(direct.Address);
        await caller.SendAsync(Call());
        var response = await caller.ReadResponseAsync();
        (response.Status, response["grpc-status"]).ShouldBe((200, "14"));
        response["grpc-message"].ShouldBe("100%25 f%C3%BCr dich");
        direct.Requests().Single().Key.GrpcStatus.ShouldBe(GrpcStatusCode.Unavailable);
    }

    [Fact]
    public async Task A_workload_that_cannot_be_reached_is_UNAVAILABLE()
    {
        await using var backend = ScriptedBackend.Answering(Answer);
        backend.StopListening();
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Call());
        var response = await client.ReadResponseAsync();
        (response.Status, response["grpc-status"], response["x-weft-fault"]).ShouldBe((200, "14", "connect-failure"));
    }

    [Fact]
    public async Task A_workloads_own_HTTP_error_passes_as_it_is()
    {
        await using var backend = ScriptedBackend.Answering("HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno");
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Call());
        var response = await client.ReadResponseAsync();
        (response.Status, response.Body, response["grpc-status"]).ShouldBe((503, "no", null), "clients know what it means");
        proxy.Requests().Single().Key.GrpcStatus.ShouldBe(GrpcStatusCode.Unavailable);
    }

    [Fact]
    public async Task The_status_behind_the_body_is_counted()
    {
        await using var backend = ScriptedBackend.Answering(Answer.Replace("Grpc-Status: 0", "Grpc-Status: 5", StringComparison.Ordinal));
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Call());
        (await client.ReadResponseAsync()).Body.ShouldContain("Grpc-Status: 5");
        var (key, _) = proxy.Requests().Single();
        (key.Status, key.Fault, key.GrpcStatus).ShouldBe((200, Fault.None, GrpcStatusCode.NotFound));
        key.IsSuccess.ShouldBeTrue("the caller asked for what is not there");
    }

    [Fact]
    public async Task A_call_that_ends_without_a_status_is_counted_as_UNKNOWN()
    {
        await using var backend = ScriptedBackend.Answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Call());
        await client.ReadResponseAsync();
        var (key, _) = proxy.Requests().Single();
        (key.GrpcStatus, key.IsSuccess).ShouldBe((GrpcStatusCode.Unknown, false));
    }

    [Fact]
    public async Task A_workload_that_dies_inside_its_answer_is_never_told_as_a_whole_one()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadRequestAsync();
            await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n\0\0\0\0\0\r\n");
            c.Reset();
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Call());
        await Should.ThrowAsync<Exception>(client.ReadResponseAsync());
        await Eventually(() => proxy.Requests().Count == 1);
        proxy.Requests().Single().Key.GrpcStatus.ShouldBe(GrpcStatusCode.Unavailable);
    }

    // ---- deadlines
    [Fact]
    public async Task What_is_left_of_the_timeout_goes_on()
    {
        await using var backend = ScriptedBackend.Answering(Answer);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Call("Grpc-Timeout: 20S\r\n"));
        (await client.ReadResponseAsync()).Status.ShouldBe(200);
        Timeout(backend.Requests.Single()).ShouldBeInRange(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(20));
        backend.Requests.Single().Split("grpc-timeout").Length.ShouldBe(2, "there is one, the new one");
    }

    [Theory]
    [InlineData("20s")]
    [InlineData("123456789S")]
    [InlineData("-1S")]
    public async Task A_malformed_timeout_limits_nothing_and_goes_on_as_it_came(string timeout)
    {
        await using var backend = ScriptedBackend.Answering(Answer);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Call($"grpc-timeout: {timeout}\r\n"));
        (await client.ReadResponseAsync())["content-type"].ShouldBe("application/grpc");
        backend.Requests.Single().ShouldContain($"grpc-timeout: {timeout}\r\n");
    }

    [Theory]
    [InlineData("200m", "")]
    [InlineData("200000u", "")]
    [InlineData("20S", "\"max_stream_duration\": {\"grpc_timeout_header_max\": \"0.2s\"}")]
    [InlineData("20S", "\"max_stream_duration\": {\"max_stream_duration\": \"0.2s\"}")]
    public async Task A_call_that_takes_longer_than_its_deadline_ends_with_DEADLINE_EXCEEDED(string timeout, string route)
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadRequestAsync();
            await c.ReadHeadAsync(); // says nothing until the proxy gives up
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(route));
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Call($"grpc-timeout: {timeout}\r\n"));
        var response = await client.ReadResponseAsync();
        (response.Status, response["grpc-status"], response["x-weft-fault"]).ShouldBe((200, "4", "deadline-exceeded"), response["grpc-message"]);
        Timeout(backend.Requests.Single()).ShouldBeLessThanOrEqualTo(TimeSpan.FromMilliseconds(200));
    }

    [Fact]
    public async Task A_call_without_any_time_never_reaches_the_workload()
    {
        await using var backend = ScriptedBackend.Answering(Answer);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Call("grpc-timeout: 0S\r\n"));
        (await client.ReadResponseAsync())["grpc-status"].ShouldBe("4");
        backend.Connections.ShouldBe(0);
    }

    [Fact]
    public async Task The_route_limits_any_request_in_time()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadRequestAsync();
            await c.SendAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
            await c.ReadHeadAsync(); // says nothing until the proxy gives up
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address])
            .Listen(ProxyUnderTest.RouteAll("\"max_stream_duration\": {\"max_stream_duration\": \"0.3s\"}"));
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        await Should.ThrowAsync<Exception>(client.ReadResponseAsync());
        await Eventually(() => proxy.Requests().Count == 1);
        proxy.Requests().Single().Key.Fault.ShouldBe(Fault.DeadlineExceeded);
    }

    // ---- retries
    [Theory]
    [InlineData("unavailable", 14, true)]
    [InlineData("cancelled,resource-exhausted", 8, true)]
    [InlineData("cancelled,deadline-exceeded,internal,resource-exhausted", 14, false)]
    public async Task A_status_in_the_head_is_retried_where_the_policy_names_it(string retryOn, int status, bool retried)
    {
        var answers = new Queue<string>([$"HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nGrpc-Status: {status}\r\nContent-Length: 0\r\n\r\n", Answer]);
        await using var backend = new ScriptedBackend(async c =>
        {
            while (await c.ReadRequestAsync() is not null) await c.SendAsync(answers.Dequeue());
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address])
            .Listen(ProxyUnderTest.RouteAll($"\"retry_policy\": {{\"retry_on\": \"{retryOn}\"}}"));
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Call(body: ""));
        var response = await client.ReadResponseAsync();
        response["grpc-status"].ShouldBe(retried ? null : $"{status}");
        backend.Requests.Count.ShouldBe(retried ? 2 : 1);
        proxy.Requests().Single().Key.GrpcStatus.ShouldBe(retried ? GrpcStatusCode.Ok : (GrpcStatusCode)status);
    }

    [Theory]
    [InlineData(5, 2)]
    [InlineData(70_000, 1)] // longer than what is kept for another attempt
    public async Task A_call_is_repeated_with_its_message_while_that_is_kept(int length, int calls)
    {
        await using var backend = ScriptedBackend.Answering("HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nGrpc-Status: 14\r\nContent-Length: 0\r\n\r\n");
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address])
            .Listen(ProxyUnderTest.RouteAll("\"retry_policy\": {\"retry_on\": \"unavailable\"}"));
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Call(body: new string('\0', length)));
        (await client.ReadResponseAsync())["grpc-status"].ShouldBe("14");
        backend.Requests.Count.ShouldBe(calls);
        backend.Requests.ShouldAllBe(r => r.EndsWith("\r\n\r\n" + new string('\0', length)));
    }

    private static string Call(string fields = "", string path = "/shop.Catalogue/Get", string contentType = "application/grpc", string body = "\0\0\0\0\0") =>
        $"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {contentType}\r\nTE: trailers\r\nConnection: TE\r\nContent-Length: {body.Length}\r\n{fields}\r\n{body}";

    private static TimeSpan Timeout(string request)
    {
        var value = request.Split("\r\n").Single(line => line.StartsWith("grpc-timeout: ", StringComparison.Ordinal))["grpc-timeout: ".Length..];
        GrpcTimeout.TryParse(value, out var timeout).ShouldBeTrue(value);
        return timeout;
    }

    private static async Task Eventually(Func<bool> condition)
    {
        for (var i = 0; i < 500 && !condition(); i++) await Task.Delay(10);
        condition().ShouldBeTrue();
    }
}
