using Shouldly;
using Weft.Proxy.Tests.Pipelines;
using Xunit;

namespace Weft.Proxy.Tests.Upstream;

/// <summary>Endpoints that break HTTP/2, by mistake or to harm: the client gets 502, what was poisoned never reaches it, and the next request is served.</summary>
public sealed class Http2FaultsTests
{
    public static TheoryData<string, string[]> Heads => new()
    {
        { "no status", ["x-a", "1"] },
        { "status twice", [":status", "200", ":status", "200"] },
        { "status behind fields", ["x-a", "1", ":status", "200"] },
        { "status of two digits", [":status", "20"] },
        { "status of letters", [":status", "2xx"] },
        { "101", [":status", "101"] },
        { "unknown pseudo field", [":status", "200", ":path", "/"] },
        { "capital letters", [":status", "200", "X-A", "1"] },
        { "space in a name", [":status", "200", "x a", "1"] },
        { "empty name", [":status", "200", "", "1"] },
        { "connection", [":status", "200", "connection", "close"] },
        { "transfer-encoding", [":status", "200", "transfer-encoding", "chunked"] },
        { "upgrade", [":status", "200", "upgrade", "h2c"] },
        { "line end in a value", [":status", "200", "x-a", "1\r\nset-cookie: poison=1"] },
        { "NUL in a value", [":status", "200", "x-a", "1\0"] },
        { "two lengths", [":status", "200", "content-length", "6", "content-length", "6"] },
        { "length no number", [":status", "200", "content-length", "+6"] },
        { "length too short", [":status", "200", "content-length", "5"] },
    };

    [Theory]
    [MemberData(nameof(Heads))]
    public async Task A_malformed_response_is_502_and_nothing_of_it_reaches_the_client(string what, string[] fields)
    {
        await using var backend = Http2Backend.Serving(async (c, request) =>
        {
            if (request[":path"] != "/bad")
            {
                await c.AnswerAsync(request.Stream, "ok");
                return;
            }
            await c.HeadAsync(request.Stream, false, [.. fields.Chunk(2).Select(f => (f[0], f[1]))]);
            await c.DataAsync(request.Stream, "poison", end: true);
        });
        await using var proxy = Http2UpstreamTests.Proxy(backend);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("GET /bad HTTP/1.1\r\nHost: a\r\n\r\n");
        if (what == "length too short")
        {
            // The head was good and has been passed on: what is left is to cut the response.
            await Should.ThrowAsync<Exception>(() => client.ReadResponseAsync());
        }
        else
        {
            var response = await client.ReadResponseAsync();
            response.Status.ShouldBe(502, what);
            response["x-weft-fault"].ShouldBe("upstream-protocol", what);
            response.Body.ShouldNotContain("poison");
            response["set-cookie"].ShouldBeNull();
        }
        (await Http2UpstreamTests.GetAsync(proxy)).Body.ShouldBe("ok");
        backend.Connections.ShouldHaveSingleItem("a malformed message ends its stream alone");
        proxy.Faults.ShouldBeEmpty();
    }

    public static TheoryData<string> Floods => ["continuation", "interim", "ping", "settings", "empty data", "window updates", "unknown frames", "large head", "hpack bomb", "push"];

    [Theory]
    [MemberData(nameof(Floods))]
    public async Task A_flood_ends_its_connection_and_no_other_request(string kind)
    {
        var sent = 0L;
        await using var backend = Http2Backend.Serving(async (c, request) =>
        {
            if (request[":path"] != "/flood")
            {
                await c.AnswerAsync(request.Stream, "ok");
                return;
            }
            var flood = FrameOf(kind, request.Stream);
            if (kind is "continuation" or "large head") await c.SendAsync(new Frame(Frame.Headers, 0, request.Stream, Http2Backend.Connection.Block((":status", "200"))));
            if (kind == "empty data") await c.HeadAsync(request.Stream, false, (":status", "200"));
            var bytes = flood.Bytes();
            var block = Enumerable.Range(0, Math.Max(1, 65536 / bytes.Length)).SelectMany(_ => bytes).ToArray();
            while (sent < 64L << 20)
            {
                await c.SendAsync(block);
                sent += block.Length;
            }
        });
        await using var proxy = Http2UpstreamTests.Proxy(backend);
        var before = GC.GetTotalMemory(true);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("GET /flood HTTP/1.1\r\nHost: a\r\n\r\n");
        if (kind == "empty data") await Should.ThrowAsync<Exception>(() => client.ReadResponseAsync());
        else
        {
            Response response;
            do response = await client.ReadResponseAsync();
            while (response.Status < 200);
            response.Status.ShouldBe(502, kind);
        }
        sent.ShouldBeLessThan(16L << 20, "the flood is stopped, not read to its end");
        (GC.GetTotalMemory(true) - before).ShouldBeLessThan(32L << 20);
        (await Http2UpstreamTests.GetAsync(proxy)).Body.ShouldBe("ok");
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task An_endpoint_that_speaks_no_HTTP2_is_502_and_says_so()
    {
        await using var backend = ScriptedBackend.Answering("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address], Http2UpstreamTests.Http2Cluster()).Listen(ProxyUnderTest.RouteAll());
        var response = await Http2UpstreamTests.GetAsync(proxy);
        response.Status.ShouldBe(502);
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_peer_that_answers_no_PING_is_given_up_with_all_its_streams()
    {
        await using var backend = new Http2Backend(async c =>
        {
            await c.StartAsync();
            await c.NextRequestAsync();
            await Task.Delay(20_000); // reads nothing, says nothing, and stays
        });
        await using var proxy = Http2UpstreamTests.Proxy(backend, options: "\"connection_keepalive\": {\"interval\": \"0.3s\", \"timeout\": \"0.3s\"}");
        var response = await Http2UpstreamTests.GetAsync(proxy);
        response.Status.ShouldBe(502);
        response.Body.ShouldContain("PING");
        proxy.State("backend").Connections.Active.ShouldBe(0);
    }

    private static Frame FrameOf(string kind, int stream) => kind switch
    {
        "continuation" => new Frame(Frame.Continuation, 0, stream, Http2Backend.Connection.Block(("x-a", "1"))),
        "interim" => new Frame(Frame.Headers, Frame.EndHeaders, stream, Http2Backend.Connection.Block((":status", "103"))),
        "ping" => new Frame(Frame.Ping, 0, 0, new byte[8]),
        "settings" => new Frame(Frame.Settings, 0, 0, [0, 4, 0, 1, 0, 0]),
        "empty data" => new Frame(Frame.Data, 0, stream, []),
        "window updates" => new Frame(Frame.WindowUpdate, 0, 0, [0, 0, 0, 1]),
        "large head" => new Frame(Frame.Continuation, 0, stream, Http2Backend.Connection.Block(("x-a", new string('x', 16_000)))),
        "hpack bomb" => new Frame(Frame.Headers, Frame.EndHeaders, stream, [0x88, 0x40, 1, (byte)'x', 0x7f, 0x81, 0x1e, .. new byte[4_000].Select(_ => (byte)'y'), .. Enumerable.Repeat((byte)0xbe, 10_000)]),
        "push" => new Frame(Frame.Push, Frame.EndHeaders, stream, [0, 0, 0, 2, .. Http2Backend.Connection.Block((":method", "GET"))]),
        _ => new Frame(0x77, 0, 0, new byte[8]),
    };
}
