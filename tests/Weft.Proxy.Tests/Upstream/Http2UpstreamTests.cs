using Shouldly;
using Weft.Proxy.Tests.Pipelines;
using Xunit;

namespace Weft.Proxy.Tests.Upstream;

/// <summary>HTTP/2 to the workload, whose frames are scripted, from clients that speak HTTP/1.</summary>
public sealed class Http2UpstreamTests
{
    /// <summary>HttpProtocolOptions with explicit HTTP/2, prior knowledge on plaintext; <paramref name="options"/> inside http2_protocol_options.</summary>
    internal static string Http2Cluster(string options = "", string more = "", string extension = "") =>
        "{\"typed_extension_protocol_options\": {" + (extension.Length > 0 ? extension + ", " : "") + "\"envoy.extensions.upstreams.http.v3.HttpProtocolOptions\": {"
        + "\"@type\": \"type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions\", \"explicit_http_config\": {\"http2_protocol_options\": {"
        + options + "}}}}" + (more.Length > 0 ? ", " + more : "") + "}";

    [Fact]
    public async Task A_request_is_said_in_HTTP2_and_its_answer_in_HTTP1()
    {
        await using var backend = Http2Backend.Answering();
        await using var proxy = Proxy(backend);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        for (var i = 0; i < 3; i++)
        {
            await client.SendAsync("GET /a?b HTTP/1.1\r\nHost: shop\r\nX-Case: Kept\r\nConnection: x-hop, keep-alive\r\nKeep-Alive: timeout=9\r\nX-Hop: gone\r\n\r\n");
            var response = await client.ReadResponseAsync();
            response.StatusLine.ShouldBe("HTTP/1.1 200 OK");
            response.Body.ShouldBe("hello");
            response["content-length"].ShouldBe("5");
        }
        backend.Connections.ShouldHaveSingleItem();
        backend.Requests.Select(r => r.Stream).ShouldBe([1, 3, 5]);
        var request = backend.Requests[0];
        request.Ended.ShouldBeTrue("a request without a body ends with its head");
        request.Fields[..4].ShouldBe([":method: GET", ":scheme: http", ":authority: shop", ":path: /a?b"]);
        request["x-case"].ShouldBe("Kept");
        request["x-request-id"].ShouldNotBeNull();
        request.Fields.ShouldAllBe(f => !f.StartsWith("connection") && !f.StartsWith("keep-alive") && !f.StartsWith("x-hop") && !f.StartsWith("host"));
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task Bodies_and_trailers_pass_both_ways()
    {
        var received = "";
        await using var backend = Http2Backend.Serving(async (c, request) =>
        {
            received = await c.ReadBodyAsync(request.Stream);
            await c.HeadAsync(request.Stream, false, (":status", "100"));
            await c.HeadAsync(request.Stream, false, (":status", "200"));
            await c.DataAsync(request.Stream, "one", end: false);
            await c.DataAsync(request.Stream, "two", end: false);
            await c.HeadAsync(request.Stream, true, ("x-sum", "6"));
        });
        await using var proxy = Proxy(backend);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\nX-Check: 9\r\n\r\n");
        (await client.ReadResponseAsync()).Status.ShouldBe(100);
        var response = await client.ReadResponseAsync();
        response.Body.ShouldBe("onetwo|trailer x-sum: 6");
        received.ShouldBe("abcdef|x-check: 9");
        backend.Requests[0]["te"].ShouldBe("trailers");
        proxy.Faults.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("GET", "200", "", 200, "0")]
    [InlineData("HEAD", "200", "1234", 200, "1234")]
    [InlineData("GET", "304", "1234", 304, "1234")]
    [InlineData("GET", "204", "", 204, null)]
    public async Task A_response_that_ends_with_its_head_has_the_length_that_HTTP1_needs(string method, string status, string length, int expected, string? told)
    {
        await using var backend = Http2Backend.Serving((c, request) => length.Length == 0
            ? c.HeadAsync(request.Stream, true, (":status", status))
            : c.HeadAsync(request.Stream, true, (":status", status), ("content-length", length)));
        await using var proxy = Proxy(backend);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        for (var i = 0; i < 2; i++)
        {
            await client.SendAsync($"{method} / HTTP/1.1\r\nHost: a\r\n\r\n");
            var response = await client.ReadResponseAsync(head: method == "HEAD");
            response.Status.ShouldBe(expected);
            response["content-length"].ShouldBe(told);
        }
    }

    [Fact]
    public async Task Requests_that_come_together_share_the_connection_that_is_opening()
    {
        await using var backend = new Http2Backend(async c =>
        {
            await c.StartAsync();
            var streams = new List<int>();
            while (streams.Count < 20 && await c.NextRequestAsync() is { } request) streams.Add(request.Stream);
            foreach (var stream in Enumerable.Reverse(streams)) await c.AnswerAsync(stream, stream.ToString()); // none waits for another
            await c.ReadUntilAsync(_ => false);
        });
        await using var proxy = Proxy(backend);
        var bodies = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => GetAsync(proxy)));
        bodies.Select(b => int.Parse(b.Body)).Order().ShouldBe(Enumerable.Range(0, 20).Select(i => i * 2 + 1));
        backend.Connections.ShouldHaveSingleItem();
        proxy.State("backend").PendingRequests.Active.ShouldBe(0);
    }

    [Fact]
    public async Task Above_the_peers_limit_another_connection_is_opened_and_above_the_clusters_requests_wait()
    {
        var gate = new TaskCompletionSource();
        await using var backend = Http2Backend.Serving(async (c, request) =>
        {
            if (request[":path"] == "/slow") await gate.Task;
            await c.AnswerAsync(request.Stream, "x");
        }, (3, 1)); // SETTINGS_MAX_CONCURRENT_STREAMS
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address],
            Http2Cluster(more: "\"circuit_breakers\": {\"thresholds\": [{\"max_connections\": 2}]}")).Listen(ProxyUnderTest.RouteAll());
        (await GetAsync(proxy)).Status.ShouldBe(200); // the limit is known from here on
        var slow = new[] { GetAsync(proxy, "/slow"), GetAsync(proxy, "/slow") };
        while (backend.Requests.Count(r => r[":path"] == "/slow") < 2) await Task.Delay(10, TestContext.Current.CancellationToken);
        backend.Connections.Count.ShouldBe(2);
        var waiting = GetAsync(proxy);
        while (proxy.State("backend").PendingRequests.Active == 0) await Task.Delay(10, TestContext.Current.CancellationToken);
        waiting.IsCompleted.ShouldBeFalse();
        gate.SetResult();
        (await waiting).Status.ShouldBe(200);
        (await Task.WhenAll(slow)).ShouldAllBe(r => r.Status == 200);
        backend.Connections.Count.ShouldBe(2);
        proxy.State("backend").PendingRequests.Active.ShouldBe(0);
    }

    [Fact]
    public async Task A_client_that_goes_away_cancels_its_stream_and_no_other()
    {
        var cancelled = new TaskCompletionSource<Frame>();
        await using var backend = Http2Backend.Serving(async (c, request) =>
        {
            if (request[":path"] == "/gone") cancelled.SetResult((await c.ReadUntilAsync(f => f.Type == Frame.Reset))!);
            else await c.AnswerAsync(request.Stream, "x");
        });
        await using var proxy = Proxy(backend);
        using (var client = await RawClient.ConnectAsync(proxy.Address))
        {
            await client.SendAsync("GET /gone HTTP/1.1\r\nHost: a\r\n\r\n");
            while (backend.Requests.Count == 0) await Task.Delay(5, TestContext.Current.CancellationToken);
            client.Socket.LingerState = new System.Net.Sockets.LingerOption(true, 0);
        }
        var reset = await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        (reset.Stream, reset.Number).ShouldBe((1, 8)); // CANCEL
        (await GetAsync(proxy)).Status.ShouldBe(200);
        backend.Connections.ShouldHaveSingleItem();
    }

    internal static ProxyUnderTest Proxy(Http2Backend backend, string options = "", string route = "") =>
        new ProxyUnderTest().Cluster("backend", [backend.Address], Http2Cluster(options)).Listen(ProxyUnderTest.RouteAll(route));

    internal static async Task<Response> GetAsync(ProxyUnderTest proxy, string path = "/", string method = "GET")
    {
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync($"{method} {path} HTTP/1.1\r\nHost: a\r\n{(method == "POST" ? "Content-Length: 0\r\n" : "")}\r\n");
        return await client.ReadResponseAsync();
    }
}
