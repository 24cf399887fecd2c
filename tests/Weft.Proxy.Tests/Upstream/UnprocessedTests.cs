using System.Net;
using Shouldly;
using Weft.Proxy.Tests.Pipelines;
using Xunit;

namespace Weft.Proxy.Tests.Upstream;

/// <summary>
/// What is provably not processed is sent again, anything else never, under the policy that a mesh has when nobody wrote one. Counted where it matters:
/// what the backend received.
/// </summary>
public sealed class UnprocessedTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    private const string MeshDefault = "\"retry_policy\": {\"retry_on\": \"connect-failure,refused-stream,reset-before-request\", \"num_retries\": 2}";

    public static TheoryData<string, bool> Requests => new() { { "GET", false }, { "POST", false }, { "POST", true } };

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task Connect_refused_goes_elsewhere_once(string method, bool body)
    {
        await using var dead = ScriptedBackend.Answering(Ok);
        dead.StopListening();
        await using var alive = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [dead.Address, alive.Address]).Listen(ProxyUnderTest.RouteAll(MeshDefault));
        for (var i = 0; i < 6; i++) (await SendAsync(proxy, method, body)).Status.ShouldBe(200);
        alive.Requests.Count.ShouldBe(6);
    }

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task A_reset_on_accept_sends_nothing_twice(string method, bool body)
    {
        await using var first = new ScriptedBackend(c =>
        {
            c.Reset();
            return Task.CompletedTask;
        });
        await using var second = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [first.Address, second.Address]).Listen(ProxyUnderTest.RouteAll(MeshDefault));
        var answered = 0;
        for (var i = 0; i < 6; i++) answered += (await SendAsync(proxy, method, body)).Status == 200 ? 1 : 0;
        // Whether the reset came before our first byte is a race; if it did, the request was not processed and went on.
        second.Requests.Count.ShouldBe(answered);
        answered.ShouldBeGreaterThanOrEqualTo(3);
    }

    [Theory]
    [InlineData("GET", 200, 2)]
    [InlineData("POST", 502, 1)]
    public async Task A_reused_connection_that_closes_before_any_byte_is_replaced_for_GET_alone(string method, int status, int connections)
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadRequestAsync();
            await c.SendAsync(Ok);
            // Closes when the next request is on its way, unread, as a server does whose idle timer fires in that moment.
            c.Socket.Poll(-1, System.Net.Sockets.SelectMode.SelectRead);
            c.Reset();
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(MeshDefault));
        (await SendAsync(proxy, "GET", false)).Status.ShouldBe(200);
        (await SendAsync(proxy, method, false)).Status.ShouldBe(status);
        backend.Connections.ShouldBe(connections);
        backend.Requests.Count.ShouldBe(connections);
    }

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task A_close_after_the_request_was_read_is_final(string method, bool body)
    {
        await using var backend = new ScriptedBackend(async c => await c.ReadRequestAsync());
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(MeshDefault));
        var response = await SendAsync(proxy, method, body);
        response.Status.ShouldBe(502);
        response["x-weft-fault"].ShouldBe("upstream-closed");
        backend.Requests.Count.ShouldBe(1);
    }

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task A_reset_inside_the_response_is_final(string method, bool body)
    {
        await using var backend = Http2Backend.Serving(async (c, request) =>
        {
            if (!request.Ended) await c.ReadBodyAsync(request.Stream);
            await c.HeadAsync(request.Stream, false, (":status", "200"), ("content-length", "10"));
            await c.DataAsync(request.Stream, "hello", end: false);
            await c.ResetAsync(request.Stream, 2);
        });
        await using var proxy = Http2UpstreamTests.Proxy(backend, route: MeshDefault);
        await Should.ThrowAsync<Exception>(() => SendAsync(proxy, method, body)); // cut: nobody takes it for whole
        backend.Requests.Count.ShouldBe(1);
    }

    [Theory]
    [InlineData("GET", false, 200, 3)]
    [InlineData("POST", false, 200, 3)]
    [InlineData("POST", true, 200, 3)]
    public async Task REFUSED_STREAM_is_sent_again_while_the_request_is_whole(string method, bool body, int status, int received)
    {
        var refused = 0;
        await using var backend = Http2Backend.Serving(async (c, request) =>
        {
            if (!request.Ended) await c.ReadBodyAsync(request.Stream);
            if (++refused <= 2) await c.ResetAsync(request.Stream, 7);
            else await c.AnswerAsync(request.Stream, "ok");
        });
        await using var proxy = Http2UpstreamTests.Proxy(backend, route: MeshDefault);
        (await SendAsync(proxy, method, body)).Status.ShouldBe(status);
        backend.Requests.Count.ShouldBe(received);
        backend.Connections.ShouldHaveSingleItem();
    }

    [Fact]
    public async Task REFUSED_STREAM_is_not_asked_for_ever()
    {
        await using var backend = Http2Backend.Serving((c, request) => c.ResetAsync(request.Stream, 7));
        await using var proxy = Http2UpstreamTests.Proxy(backend, route: MeshDefault);
        (await SendAsync(proxy, "POST", false)).Status.ShouldBe(502);
        backend.Requests.Count.ShouldBe(3);
    }

    [Theory]
    [InlineData("GET", false, 200)]
    [InlineData("POST", false, 200)]
    [InlineData("POST", true, 200)]
    public async Task GOAWAY_below_the_streams_id_sends_it_again_and_the_stream_above_completes(string method, bool body, int status)
    {
        await using var backend = new Http2Backend(async c =>
        {
            await c.StartAsync();
            var slow = await c.NextRequestAsync();
            if (slow![":path"] != "/slow")
            {
                await c.AnswerAsync(slow.Stream, "elsewhere");
                await c.ReadUntilAsync(_ => false);
                return;
            }
            var late = await c.NextRequestAsync();
            if (!late!.Ended) await c.ReadBodyAsync(late.Stream);
            await c.GoAwayAsync(slow.Stream);
            await Task.Delay(50);
            await c.AnswerAsync(slow.Stream, "slow");
            await c.ReadUntilAsync(_ => false);
        });
        await using var proxy = Http2UpstreamTests.Proxy(backend, route: MeshDefault);
        var slow = Http2UpstreamTests.GetAsync(proxy, "/slow");
        while (backend.Requests.Count == 0) await Task.Delay(5, TestContext.Current.CancellationToken);
        (await SendAsync(proxy, method, body)).Status.ShouldBe(status);
        (await slow).Body.ShouldBe("slow");
        backend.Requests.Count.ShouldBe(status == 200 ? 3 : 2);
        var first = backend.Connections[0];
        for (var i = 0; i < 200 && !first.IsEnded; i++) await Task.Delay(20, TestContext.Current.CancellationToken);
        first.IsEnded.ShouldBeTrue("a connection that goes away ends with its last stream");
    }

    [Theory]
    [InlineData("GET", 200, 2)]
    [InlineData("POST", 502, 1)]
    public async Task A_reused_HTTP2_connection_that_closes_without_GOAWAY_is_replaced_for_GET_alone(string method, int status, int connections)
    {
        await using var backend = new Http2Backend(async c =>
        {
            await c.StartAsync();
            var request = await c.NextRequestAsync();
            await c.AnswerAsync(request!.Stream, "ok");
            await c.ReadUntilAsync(f => f.Type == Frame.Headers);
            c.ResetConnection();
        });
        await using var proxy = Http2UpstreamTests.Proxy(backend, route: MeshDefault);
        (await SendAsync(proxy, "GET", false)).Status.ShouldBe(200);
        (await SendAsync(proxy, method, false)).Status.ShouldBe(status);
        backend.Connections.Count.ShouldBe(connections);
    }

    private static async Task<Response> SendAsync(ProxyUnderTest proxy, string method, bool body)
    {
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync($"{method} / HTTP/1.1\r\nHost: a\r\n{(method == "POST" ? $"Content-Length: {(body ? 4 : 0)}\r\n" : "")}\r\n{(body ? "body" : "")}");
        return await client.ReadResponseAsync();
    }
}
