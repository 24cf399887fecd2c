using Shouldly;
using Weft.Proxy.Tests.Pipelines;
using Xunit;

namespace Weft.Proxy.Tests.Upstream;

/// <summary>Who reads slowly slows who sends, through the proxy and its windows, and nothing gathers in between.</summary>
public sealed class Http2FlowTests
{
    private const long Body = 1L << 30;

    /// <summary>What may lie between an endpoint and a client that does not read: the stream's window, the socket buffers of two connections, a few blocks of ours.</summary>
    private const long MostInFlight = 16L << 20;

    [Fact]
    public async Task A_gigabyte_for_a_slow_reader_stays_where_it_comes_from()
    {
        await using var backend = Http2Backend.Serving(async (c, request) =>
        {
            if (request[":path"] != "/long")
            {
                await c.AnswerAsync(request.Stream, "ok");
                return;
            }
            await c.HeadAsync(request.Stream, false, (":status", "200"), ("content-length", Body.ToString()));
            await c.StreamAsync(request.Stream, Body);
        });
        await using var proxy = Http2UpstreamTests.Proxy(backend);
        using var client = await RawClient.ConnectAsync(proxy.Address, receiveBuffer: 65_536);
        await client.SendAsync("GET /long HTTP/1.1\r\nHost: a\r\n\r\n");
        while (backend.Connections.Count == 0 || backend.Connections[0].Sent == 0) await Task.Delay(10, TestContext.Current.CancellationToken);
        var block = new byte[1 << 20];
        var read = 0L;
        for (var i = 0; i < 20; i++)
        {
            // A crumb at a time: whatever the endpoint could send meanwhile would have to lie somewhere.
            await Task.Delay(50, TestContext.Current.CancellationToken);
            read += await client.Socket.ReceiveAsync(block.AsMemory(0, 65_536), TestContext.Current.CancellationToken);
            (backend.Connections[0].Sent - read).ShouldBeLessThan(MostInFlight);
        }
        // The rest at full speed, for as long as a test may take: the flow has not run dry.
        while (read < 24L << 20)
        {
            var count = await client.Socket.ReceiveAsync(block, TestContext.Current.CancellationToken);
            count.ShouldBeGreaterThan(0);
            read += count;
        }
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_whole_long_body_arrives_although_two_others_on_its_connection_are_not_read()
    {
        const int length = 8 << 20;
        await using var backend = new Http2Backend(async c =>
        {
            await c.StartAsync();
            var streams = new List<int>();
            for (var i = 0; i < 3; i++) streams.Add((await c.NextRequestAsync())!.Stream);
            foreach (var stream in streams) await c.HeadAsync(stream, false, (":status", "200"), ("content-length", length.ToString()));
            foreach (var stream in streams[..2]) await c.DataAsync(stream, new string('x', 16_000), end: false);
            await c.StreamAsync(streams[2], length);
            await c.ReadUntilAsync(_ => false);
        });
        await using var proxy = Http2UpstreamTests.Proxy(backend);
        using var idle1 = await RawClient.ConnectAsync(proxy.Address);
        using var idle2 = await RawClient.ConnectAsync(proxy.Address);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        foreach (var c in (RawClient[])[idle1, idle2, client])
        {
            var seen = backend.Requests.Count;
            await c.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            while (backend.Requests.Count == seen) await Task.Delay(5, TestContext.Current.CancellationToken);
        }
        var read = 0L;
        var block = new byte[1 << 20];
        while (read < length) read += await client.Socket.ReceiveAsync(block, TestContext.Current.CancellationToken);
        backend.Connections.ShouldHaveSingleItem();
    }

    [Fact]
    public async Task An_upload_stops_at_the_endpoints_window_and_goes_on_when_SETTINGS_widens_it()
    {
        const int length = 32 << 20;
        var widen = new TaskCompletionSource();
        var received = 0L;
        await using var backend = new Http2Backend(async c =>
        {
            await c.StartAsync((4, 1_000)); // SETTINGS_INITIAL_WINDOW_SIZE
            await c.AnswerAsync((await c.NextRequestAsync())!.Stream, "known from here on");
            var request = await c.NextRequestAsync();
            var body = 0;
            while (body < 1_000) body += (await c.ReadUntilAsync(f => f.Type == Frame.Data))!.Payload.Length;
            Interlocked.Add(ref received, body);
            await widen.Task;
            await c.SettingsAsync((4, int.MaxValue));
            await c.SendAsync(new Frame(Frame.WindowUpdate, 0, 0, [0x7f, 0, 0, 0]));
            while (true)
            {
                var frame = await c.ReadUntilAsync(f => f.Type == Frame.Data);
                Interlocked.Add(ref received, frame!.Payload.Length);
                if (frame.Ends) break;
            }
            await c.AnswerAsync(request!.Stream, "ok");
        });
        await using var proxy = Http2UpstreamTests.Proxy(backend);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        (await Http2UpstreamTests.GetAsync(proxy)).Status.ShouldBe(200);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        await client.SendAsync($"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        var block = new byte[1 << 20];
        var sent = 0L;
        var upload = Task.Run(async () =>
        {
            while (sent < length) sent += await client.Socket.SendAsync(block.AsMemory(0, (int)Math.Min(block.Length, length - sent)));
        }, TestContext.Current.CancellationToken);
        while (Interlocked.Read(ref received) < 1_000) await Task.Delay(10, TestContext.Current.CancellationToken);
        clock.ElapsedMilliseconds.ShouldBeLessThan(5_000, "what the window allows leaves at once");
        await Task.Delay(300, TestContext.Current.CancellationToken);
        Interlocked.Read(ref received).ShouldBe(1_000, "not one byte more than the window");
        sent.ShouldBeLessThan(8L << 20, "the client is not read while the endpoint takes nothing");
        widen.SetResult();
        await upload;
        (await client.ReadResponseAsync()).Status.ShouldBe(200);
        received.ShouldBe(length);
    }

    [Fact]
    public async Task A_head_longer_than_the_endpoint_takes_is_431_and_shorter_ones_pass()
    {
        await using var backend = Http2Backend.Answering("ok", (6, 2_000)); // SETTINGS_MAX_HEADER_LIST_SIZE
        await using var proxy = Http2UpstreamTests.Proxy(backend);
        (await Http2UpstreamTests.GetAsync(proxy)).Status.ShouldBe(200);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync($"GET / HTTP/1.1\r\nHost: a\r\nX-Long: {new string('x', 3_000)}\r\n\r\n");
        var response = await client.ReadResponseAsync();
        response.Status.ShouldBe(431);
        response.Body.ShouldContain("SETTINGS_MAX_HEADER_LIST_SIZE");
        (await Http2UpstreamTests.GetAsync(proxy)).Status.ShouldBe(200);
        backend.Requests.Count.ShouldBe(2);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(100u)]
    [InlineData(4_096u)]
    [InlineData(uint.MaxValue)]
    public async Task Heads_are_readable_whatever_table_the_endpoint_keeps(uint tableBytes)
    {
        await using var backend = Http2Backend.Answering("ok", (1, tableBytes)); // SETTINGS_HEADER_TABLE_SIZE
        await using var proxy = Http2UpstreamTests.Proxy(backend);
        for (var i = 0; i < 5; i++)
        {
            using var client = await RawClient.ConnectAsync(proxy.Address);
            await client.SendAsync($"GET /{i} HTTP/1.1\r\nHost: a\r\nX-Same: {new string('s', 60)}\r\nX-Other: {i}\r\n\r\n");
            (await client.ReadResponseAsync()).Status.ShouldBe(200);
            var request = backend.Requests[i];
            request[":path"].ShouldBe($"/{i}");
            request["x-same"].ShouldBe(new string('s', 60));
            request["x-other"].ShouldBe(i.ToString());
        }
        proxy.Faults.ShouldBeEmpty();
    }
}
