using System.Net.Sockets;
using System.Text;
using Shouldly;
using Weft.Fuzz.Http2;
using Weft.Proxy.Tests.Http2.Conformance;
using Weft.Proxy.Tests.Http2.Wire;
using Weft.Proxy.Tests.Pipelines;
using Xunit;

namespace Weft.Proxy.Tests.Http2;

/// <summary>What a client with frames of its own sees of the server's connections: their ends, their limits, and how streams share them.</summary>
public sealed class ServerConnectionTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    private const int AnyStream = int.MaxValue;

    // ---- ends

    [Fact]
    public async Task A_drain_says_goaway_twice_and_lets_what_is_open_finish()
    {
        var answering = new TaskCompletionSource();
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadRequestAsync();
            await answering.Task;
            await c.SendAsync(Ok);
        });
        await using var proxy = new ProxyUnderTest { Direction = Envoy.Config.Core.V3.TrafficDirection.Inbound }.Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var idle = await Http2Peer.ConnectAsync(proxy.Address);
        using var busy = await Http2Peer.ConnectAsync(proxy.Address);
        await busy.SendAsync(Requests.Get(1));
        await busy.BarrierAsync();
        busy.AutoReply = false; // the PING behind the first GOAWAY stays unanswered for now

        var drain = proxy.DrainAsync(TimeSpan.FromSeconds(20));
        await busy.UntilAsync(p => p.GoAway is not null);
        busy.GoAway.ShouldBe((AnyStream, RawCode.NoError, ""));
        await busy.SendAsync(Requests.Get(3)); // on its way when the client learns of the end: it is served
        await busy.UntilAsync(p => p.GoAway is { LastStream: 3 });
        await busy.SendAsync(Requests.Get(5)); // too late: somebody else's

        drain.IsCompleted.ShouldBeFalse("two responses are open");
        answering.SetResult();
        await busy.UntilAsync(p => p.IsClosed);
        busy.Stream(1).Status.ShouldBe(200);
        busy.Stream(3).Status.ShouldBe(200);
        busy.Stream(5).Heads.ShouldBeEmpty();
        await idle.UntilAsync(p => p.IsClosed);
        idle.GoAway.ShouldBe((0, RawCode.NoError, ""));
        await drain.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        proxy.Faults.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("\"common_http_protocol_options\": {\"idle_timeout\": \"0.5s\"}")]
    [InlineData("\"common_http_protocol_options\": {\"max_connection_duration\": \"0.5s\"}")]
    public async Task An_idle_and_an_old_connection_end_with_goaway(string manager)
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(manager: manager));
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(Requests.Get(1));
        await client.UntilAsync(p => p.Stream(1).Ended);
        await client.UntilAsync(p => p.IsClosed);
        client.GoAway.ShouldBe((1, RawCode.NoError, ""));
    }

    [Fact]
    public async Task A_connection_that_has_served_its_share_ends_with_its_last_answer()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(manager: "\"common_http_protocol_options\": {\"max_requests_per_connection\": 2}"));
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(Requests.Get(1), Requests.Get(3));
        await client.UntilAsync(p => p.IsClosed);
        (client.Stream(1).Status, client.Stream(3).Status).ShouldBe((200, 200));
        client.GoAway.ShouldBe((3, RawCode.NoError, ""));
    }

    [Fact]
    public async Task A_head_that_does_not_end_in_time_ends_the_connection()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(manager: "\"request_headers_timeout\": \"0.5s\""));
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(Requests.Get(1) with { Flags = RawFrame.EndStream }); // no END_HEADERS
        await client.UntilAsync(p => p.IsClosed);
        client.GoAway!.Value.Code.ShouldBe(RawCode.EnhanceYourCalm);
        using var slow = await Http2Peer.ConnectAsync(proxy.Address);
        await slow.SendAsync(Requests.Get(1).ToBytes()[..20]); // not even the frame ends
        await slow.UntilAsync(p => p.IsClosed);
        backend.Requests.ShouldBeEmpty();
    }

    // ---- streams

    [Fact]
    public async Task A_head_over_the_limit_is_answered_431_and_the_next_request_is_served()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(manager: "\"max_request_headers_kb\": 2"));
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(Requests.Get(1, "/", ("x-long", new string('v', 4000))), Requests.Get(3));
        await client.UntilAsync(p => p.Stream(1).Ended && p.Stream(3).Ended);
        (client.Stream(1).Status, client.Stream(3).Status).ShouldBe((431, 200));
        client.Stream(1).Text.ShouldContain("2048");
        client.Stream(1)["x-weft-fault"].ShouldBe("header-too-large");
        backend.Requests.Count.ShouldBe(1);
    }

    [Fact]
    public async Task An_answer_before_the_end_of_the_request_is_followed_by_a_reset_without_error()
    {
        await using var proxy = new ProxyUnderTest().Listen("""{"route_config": {"name": "r"}}""");
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(Requests.Post(1), RawFrame.Data(1, "part"));
        await client.UntilAsync(p => p.Stream(1).Reset is not null);
        (client.Stream(1).Status, client.Stream(1).Ended, client.Stream(1).Reset).ShouldBe((404, true, RawCode.NoError));
        await client.SendAsync(RawFrame.Data(1, "what was on its way", end: true), Requests.Get(3));
        await client.UntilAsync(p => p.Stream(3).Ended);
        client.GoAway.ShouldBeNull();
    }

    [Fact]
    public async Task A_response_that_is_cut_resets_its_stream_and_no_other()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            var request = await c.ReadRequestAsync();
            if (!request!.StartsWith("GET /cut", StringComparison.Ordinal))
            {
                await c.SendAsync(Ok);
                return;
            }
            await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
            c.Reset();
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(Requests.Get(1, "/cut"), Requests.Get(3));
        await client.UntilAsync(p => p.Stream(1).IsOver && p.Stream(3).IsOver);
        (client.Stream(1).Ended, client.Stream(1).Reset).ShouldBe((false, RawCode.InternalError));
        client.Stream(3).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_client_that_resets_or_leaves_ends_its_requests_at_the_backend()
    {
        var ended = new SemaphoreSlim(0);
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadHeadAsync();
            await c.ReadHeadAsync(); // the end of the stream
            ended.Release();
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(Requests.Get(1), Requests.Get(3));
        await client.BarrierAsync();
        await client.SendAsync(RawFrame.Reset(1));
        (await ended.WaitAsync(TimeSpan.FromSeconds(8), TestContext.Current.CancellationToken)).ShouldBeTrue("stream 1 was reset");
        client.Socket.LingerState = new LingerOption(true, 0);
        client.Socket.Close();
        (await ended.WaitAsync(TimeSpan.FromSeconds(8), TestContext.Current.CancellationToken)).ShouldBeTrue("the connection was reset");
        proxy.State("backend").Requests.Active.ShouldBe(0);
    }

    [Fact]
    public async Task A_client_that_ends_its_direction_still_gets_its_answer()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(Requests.Get(1));
        client.Socket.Shutdown(SocketShutdown.Send);
        await client.UntilAsync(p => p.IsClosed);
        client.Stream(1).Text.ShouldBe("ok");
    }

    // ---- flow control

    [Fact]
    public async Task A_stream_that_never_opens_its_window_times_out_and_the_others_go_on()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            while (await c.ReadRequestAsync() is { } request)
            {
                var size = request.StartsWith("GET /large", StringComparison.Ordinal) ? 1_000_000 : 10;
                await c.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n{new string('x', size)}");
            }
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(manager: "\"stream_idle_timeout\": \"1s\""));
        using var client = await Http2Peer.ConnectAsync(proxy.Address, [(4, 0)]);
        await client.SendAsync(Requests.Get(1, "/large"), Requests.Get(3, "/small"), Requests.Get(5, "/large"));
        await client.SendAsync(RawFrame.WindowUpdate(3, 100));
        await client.UntilAsync(p => p.Stream(3).Ended);
        await client.UntilAsync(p => p.Stream(1).Reset is not null && p.Stream(5).Reset is not null);
        client.Stream(1).Body.ShouldBeEmpty();
        await client.SendAsync(Requests.Get(7, "/small"), RawFrame.WindowUpdate(7, 100));
        await client.UntilAsync(p => p.Stream(7).Ended);
        client.Violations.ShouldBeEmpty();
        proxy.State("backend").Requests.Active.ShouldBe(0);
    }

    [Fact]
    public async Task An_answer_that_was_complete_but_is_never_taken_is_given_up()
    {
        await using var proxy = new ProxyUnderTest().Listen("""{"stream_idle_timeout": "1s", "route_config": {"name": "r"}}""");
        using var client = await Http2Peer.ConnectAsync(proxy.Address, [(4, 0)]);
        await client.SendAsync(Requests.Get(1));
        await client.UntilAsync(p => p.Stream(1).Reset is not null);
        (client.Stream(1).Status, client.Stream(1).Body.Count, client.Stream(1).Reset).ShouldBe((404, 0, RawCode.Cancel));
    }

    [Fact]
    public async Task A_body_that_the_backend_does_not_read_stops_neither_other_bodies_nor_answers()
    {
        var stuck = new TaskCompletionSource();
        await using var backend = new ScriptedBackend(async c =>
        {
            var head = await c.ReadHeadAsync();
            if (head!.StartsWith("POST /stuck", StringComparison.Ordinal))
            {
                await stuck.Task;
                return;
            }
            var body = await c.ReadBytesAsync(600_000);
            await c.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n\r\n{body}");
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        client.AutoCredit = true;
        await client.SendAsync(Requests.Post(1, "/stuck", ("content-length", "100000000")));
        // As much as the stuck one takes: the kernel's buffers and then its window.
        for (var quiet = 0; quiet < 3;)
        {
            await client.BarrierAsync();
            var room = (int)Math.Min(Math.Min(client.SendWindow, client.Stream(1).SendWindow), 16_384);
            if (room == 0) quiet++;
            else await client.SendBodyAsync(1, new byte[room], end: false);
        }
        client.SendWindow.ShouldBeGreaterThan(0, "the connection's window opens on arrival");

        var body = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 60_000).Select(i => $"{i:D10}")));
        await client.SendAsync(Requests.Post(3, "/read", ("content-length", "600000")));
        await client.SendBodyAsync(3, body);
        await client.UntilAsync(p => p.Stream(3).Ended);
        client.Stream(3).Body.ToArray().ShouldBe(body);
        client.Violations.ShouldBeEmpty();
        stuck.SetResult();
    }

    // ---- messages

    [Fact]
    public async Task Crumbs_trailers_and_interim_answers_pass_between_the_versions()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            while (await c.ReadRequestAsync() is not null)
                await c.SendAsync("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\nX-Case: Kept\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n");
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(Requests.Post(1, "/a%2e/b", ("cookie", "a=1"), ("x", "1"), ("cookie", "b=2"), ("te", "trailers")), RawFrame.Data(1, "body"), Requests.Trailers(1, ("x-check", "7"), ("host", "evil")));
        await client.UntilAsync(p => p.Stream(1).Ended);

        client.Stream(1).Heads.Count.ShouldBe(3);
        client.Stream(1).Heads[0].ShouldBe([(":status", "103"), ("link", "</a>")]);
        client.Stream(1)["x-case"].ShouldBe("Kept");
        client.Stream(1).Heads[2].ShouldBe([("x-sum", "5")]);
        client.Stream(1).Text.ShouldBe("hello");
        var request = backend.Requests.ShouldHaveSingleItem();
        request.ShouldStartWith("POST /a./b HTTP/1.1\r\n");
        request.ShouldContain("cookie: a=1; b=2\r\n");
        request.ShouldContain("TE: trailers\r\n");
        request.ShouldEndWith("body|trailer x-check: 7");
    }

    // ---- which version

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(23)]
    public async Task The_preface_is_known_however_it_is_cut(int at)
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await Http2Peer.DialAsync(proxy.Address);
        await client.SendAsync(RawFrame.Preface[..at].ToArray());
        await Task.Delay(50, TestContext.Current.CancellationToken);
        await client.SendAsync([.. RawFrame.Preface[at..], .. RawFrame.Settings().ToBytes(), .. Requests.Get(1).ToBytes()]);
        await client.UntilAsync(p => p.Stream(1).Ended);
        client.Stream(1).Status.ShouldBe(200);
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task Http1_that_begins_like_the_preface_is_http1()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("PR");
        await Task.Delay(50, TestContext.Current.CancellationToken);
        await client.SendAsync("OPFIND / HTTP/1.1\r\nHost: a\r\n\r\n");
        (await client.ReadResponseAsync()).Body.ShouldBe("ok");
        backend.Requests.ShouldHaveSingleItem().ShouldStartWith("PROPFIND / HTTP/1.1\r\n");
    }
}
