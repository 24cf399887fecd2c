using Shouldly;
using Weft.Fuzz.Http2;
using Weft.Proxy.Tests.Http2.Wire;
using Xunit;

namespace Weft.Proxy.Tests.Pipelines;

/// <summary>Where HTTP/2 and an exchange meet at an awkward moment: each was a defect once.</summary>
public sealed class Http2InterplayTests
{
    private const string Any = "\"http2_protocol_options\": {\"allow_connect\": true}, \"upgrade_configs\": [{\"upgrade_type\": \"*\"}]";

    private static RawFrame Get(int stream, string path) => RawFrame.Headers(stream, RawHpack.Block([(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "a")]), true);

    private static RawFrame Connect(int stream, bool end, params (string, string)[] more) => RawFrame.Headers(stream, RawHpack.Block(
        [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/chat"), (":authority", "a"), ("sec-websocket-version", "13"), .. more]), end);

    [Fact]
    public async Task An_answer_that_is_made_outside_a_read_leaves_at_once()
    {
        await using var backend = ScriptedBackend.Answering("x");
        backend.StopListening();
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.BarrierAsync();
        await client.SendAsync(Get(1, "/a"));
        await client.UntilAsync(p => p.Stream(1).IsOver, TimeSpan.FromSeconds(4));
        client.Stream(1).Status.ShouldBe(502);
    }

    [Fact]
    public async Task Content_length_on_an_extended_CONNECT_is_not_passed_on()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            while (await c.ReadRequestLazyAsync() is not null) await c.SendAsync("HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno");
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll("", Any));
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(Connect(1, end: false, ("content-length", "5")));
        await client.UntilAsync(p => p.Stream(1).IsOver, TimeSpan.FromSeconds(4));
        await client.SendAsync(Get(3, "/victim"));
        await client.UntilAsync(p => p.Stream(3).IsOver, TimeSpan.FromSeconds(4));
        backend.Requests[1].ShouldStartWith("GET /victim HTTP/1.1");
    }

    [Fact]
    public async Task END_STREAM_on_the_head_of_an_extended_CONNECT_ends_the_tunnels_side()
    {
        var ended = new TaskCompletionSource();
        await using var backend = new ScriptedBackend(async c =>
        {
            var head = await c.ReadHeadAsync();
            var key = head!.Split("\r\n").First(l => l.StartsWith("sec-websocket-key:", StringComparison.OrdinalIgnoreCase))[18..].Trim();
            var accept = Convert.ToBase64String(System.Security.Cryptography.SHA1.HashData(System.Text.Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
            await c.SendAsync($"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n");
            if (await c.ReadHeadAsync() is null) ended.SetResult();
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll("", Any));
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(Connect(1, end: true));
        await client.UntilAsync(p => p.Stream(1).Status == 200, TimeSpan.FromSeconds(4));
        await ended.Task.WaitAsync(TimeSpan.FromSeconds(4));
    }

    [Fact]
    public async Task Frames_of_a_stream_above_GOAWAY_do_not_end_the_connection()
    {
        var go = new TaskCompletionSource();
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadHeadAsync();
            await go.Task;
            await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll("", "\"common_http_protocol_options\": {\"max_requests_per_connection\": 1}"));
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(Get(1, "/a"));
        await client.UntilAsync(p => p.GoAway is { LastStream: 1 }, TimeSpan.FromSeconds(4));
        await client.SendAsync(RawFrame.Headers(3, RawHpack.Block([(":method", "POST"), (":scheme", "http"), (":path", "/b"), (":authority", "a")]), false));
        await client.SendAsync(RawFrame.Data(3, "x"u8.ToArray(), end: false));
        await client.SendAsync(RawFrame.Headers(3, RawHpack.Block([("x-sum", "1")]), true));
        await Task.Delay(200);
        go.SetResult();
        await client.UntilAsync(p => p.Stream(1).IsOver || p.IsClosed, TimeSpan.FromSeconds(4));
        (client.Stream(1).Status, client.GoAway!.Value.Code, client.GoAway.Value.LastStream, client.GoAway.Value.Debug).ShouldBe((200, RawCode.NoError, 1, ""));
    }

    [Theory]
    [InlineData(67108864)]
    [InlineData(1048576)]
    public async Task Bulk_both_ways_over_one_connection_does_not_stop(int window)
    {
        const int Size = 6_000_000, Each = 16;
        var options = $"\"initial_stream_window_size\": 1048576, \"initial_connection_window_size\": {window}";
        long up = 0, down = 0;
        await using var backend = new ScriptedBackend(async c =>
        {
            var head = await c.ReadHeadAsync();
            if (head!.StartsWith("GET"))
            {
                await c.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {Size}\r\n\r\n");
                await c.SendAsync(new byte[Size]);
                await Task.Delay(30000);
            }
            else
            {
                var block = new byte[65536];
                for (var left = Size; left > 0;)
                {
                    var read = await c.Socket.ReceiveAsync(block);
                    if (read == 0) return;
                    left -= read;
                    Interlocked.Add(ref up, read);
                    if (left < 66000) break;
                }
                await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                await Task.Delay(30000);
            }
        });
        await using var inner = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll("", $"\"http2_protocol_options\": {{{options}}}"));
        await using var outer = new ProxyUnderTest().Cluster("backend", [inner.Address], "{\"typed_extension_protocol_options\": {\"envoy.extensions.upstreams.http.v3.HttpProtocolOptions\": {"
            + "\"@type\": \"type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions\", \"explicit_http_config\": {\"http2_protocol_options\": {" + options + "}}}}}").Listen(ProxyUnderTest.RouteAll());
        var all = new List<Task>();
        for (var i = 0; i < 2 * Each; i++)
        {
            var upload = i % 2 == 0;
            all.Add(Task.Run(async () =>
            {
                using var s = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
                await s.ConnectAsync(outer.Address);
                var head = upload ? $"POST /u HTTP/1.1\r\nHost: a\r\nContent-Length: {Size}\r\n\r\n" : "GET /d HTTP/1.1\r\nHost: a\r\n\r\n";
                await s.SendAsync(System.Text.Encoding.ASCII.GetBytes(head));
                if (upload) for (ReadOnlyMemory<byte> rest = new byte[Size]; !rest.IsEmpty;) rest = rest[(await s.SendAsync(rest))..];
                var block = new byte[65536];
                for (var left = upload ? 20 : Size; left > 0;)
                {
                    var read = await s.ReceiveAsync(block);
                    if (read == 0) throw new Exception("cut");
                    left -= read;
                    if (!upload) Interlocked.Add(ref down, read);
                }
            }));
        }
        var whole = Task.WhenAll(all);
        var before = -1L;
        for (var i = 0; i < 12 && !whole.IsCompleted; i++)
        {
            before = Interlocked.Read(ref up) + Interlocked.Read(ref down);
            await Task.WhenAny(whole, Task.Delay(3000));
            if (!whole.IsCompleted && before == Interlocked.Read(ref up) + Interlocked.Read(ref down)) break;
        }
        whole.IsCompletedSuccessfully.ShouldBeTrue($"stuck at up {up} down {down} of {(long)Size * Each} each: {all.Count(t => t.IsCompletedSuccessfully)} done; {whole.Exception?.InnerException?.Message}");
    }
}
