using System.Net.Sockets;
using Shouldly;
using Weft.Telemetry.Outcomes;
using Xunit;

namespace Weft.Proxy.Tests.Pipelines;

/// <summary>RFC 9110 section 7.8 through the whole proxy: what switches protocols, what does not, and what a tunnel is once it stands.</summary>
public sealed class UpgradeTests
{
    private const string Any = "\"upgrade_configs\": [{\"upgrade_type\": \"*\"}]";
    private const string Wish = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    private const string Switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static ProxyUnderTest Proxy(ScriptedBackend backend, string manager = Any, string action = "") =>
        new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(action, manager));

    [Fact]
    public async Task An_upgrade_passes_both_fields_on_and_becomes_bytes_both_ways_until_both_sides_have_ended()
    {
        var heard = new TaskCompletionSource<string>();
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadHeadAsync();
            await c.SendAsync(Switched + "hello");
            (await c.ReadBytesAsync(4)).ShouldBe("ping");
            await c.SendAsync("pong");
            (await c.ReadHeadAsync()).ShouldBeNull("the client's end arrives as an end");
            await c.SendAsync("and more after your end");
            heard.SetResult("done");
        });
        await using var proxy = Proxy(backend);
        using var client = await RawClient.ConnectAsync(proxy.Address);

        await client.SendAsync(Wish);
        var answer = await client.ReadResponseAsync();
        answer.Status.ShouldBe(101);
        answer["connection"].ShouldBe("Upgrade");
        answer["upgrade"].ShouldBe("websocket");
        answer["sec-websocket-accept"].ShouldBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        answer["content-length"].ShouldBeNull();
        answer["transfer-encoding"].ShouldBeNull();
        (await client.ReadAsync(5)).ShouldBe("hello");
        await client.SendAsync("ping");
        (await client.ReadAsync(4)).ShouldBe("pong");
        client.Socket.Shutdown(SocketShutdown.Send);
        (await client.ReadToEndAsync()).ShouldBe("and more after your end");

        (await heard.Task.WaitAsync(TimeSpan.FromSeconds(10), Stop)).ShouldBe("done");
        var request = backend.Requests.Single();
        request.ShouldContain("Connection: Upgrade\r\nUpgrade: websocket\r\n");
        request.ShouldContain("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
        request.ShouldNotContain("keep-alive");
        var (key, count) = await RecordedAsync(proxy);
        (key.Status, key.Fault, count).ShouldBe((101, Fault.None, 1));
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_workload_may_end_first_and_still_hear_the_rest()
    {
        var heard = new TaskCompletionSource<string>();
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadHeadAsync();
            await c.SendAsync(Switched + "bye");
            c.Socket.Shutdown(SocketShutdown.Send);
            heard.SetResult(await c.ReadBytesAsync(8) + (await c.ReadHeadAsync() ?? "|end"));
        });
        await using var proxy = Proxy(backend);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Wish);
        (await client.ReadResponseAsync()).Status.ShouldBe(101);
        (await client.ReadToEndAsync()).ShouldBe("bye");

        await client.SendAsync("last ");
        await Task.Delay(50, Stop);
        await client.SendAsync("one");
        client.Socket.Shutdown(SocketShutdown.Send);
        (await heard.Task.WaitAsync(TimeSpan.FromSeconds(10), Stop)).ShouldBe("last one|end");
        (await RecordedAsync(proxy)).Key.Fault.ShouldBe(Fault.None);
    }

    [Fact]
    public async Task Another_answer_is_an_ordinary_response_and_the_connection_lives_on()
    {
        await using var backend = ScriptedBackend.Answering("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone");
        await using var proxy = Proxy(backend);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        for (var i = 0; i < 3; i++)
        {
            await client.SendAsync(Wish);
            var answer = await client.ReadResponseAsync();
            (answer.Status, answer.Body, answer["upgrade"]).ShouldBe((404, "none", null));
        }
        backend.Connections.ShouldBe(1);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Switched)]
    [InlineData(Wish, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")]
    [InlineData(Wish, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")]
    [InlineData(Wish, "HTTP/1.1 101 Switching Protocols\r\n\r\n")]
    public async Task A_switch_that_was_not_asked_for_is_a_protocol_error_of_the_workload(string request, string answer)
    {
        await using var backend = ScriptedBackend.Answering(answer);
        await using var proxy = Proxy(backend);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(request);
        var response = await client.ReadResponseAsync();
        (response.Status, response["x-weft-fault"]).ShouldBe((502, "upstream-protocol"));
        response.Body.ShouldContain("switched protocols without being asked");
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: H2C\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: HTTP/2.0\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: TLS/1.3\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\r\n")]
    [InlineData("GET / HTTP/1.0\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nhi")]
    public async Task What_may_not_be_switched_goes_on_as_an_ordinary_request_without_the_wish(string request)
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = Proxy(backend, Any + ", \"http_protocol_options\": {\"accept_http_10\": true}");
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(request);
        (await client.ReadResponseAsync()).Body.ShouldBe("ok");
        var forwarded = backend.Requests.Single().ToLowerInvariant();
        forwarded.ShouldNotContain("upgrade");
        forwarded.ShouldNotContain("http2-settings");
    }

    [Theory]
    [InlineData("", "", false)]
    [InlineData("\"upgrade_configs\": [{\"upgrade_type\": \"WebSocket\"}]", "", true)]
    [InlineData("\"upgrade_configs\": [{\"upgrade_type\": \"websocket\"}]", "\"upgrade_configs\": [{\"upgrade_type\": \"websocket\", \"enabled\": false}]", false)]
    [InlineData("\"upgrade_configs\": [{\"upgrade_type\": \"websocket\", \"enabled\": false}]", "\"upgrade_configs\": [{\"upgrade_type\": \"websocket\"}]", true)]
    [InlineData("\"upgrade_configs\": [{\"upgrade_type\": \"tcp\"}]", "", false)]
    public async Task The_listener_and_the_route_say_what_may_be_switched(string manager, string action, bool allowed)
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = Proxy(backend, manager, action);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Wish);
        (await client.ReadResponseAsync()).Body.ShouldBe("ok");
        backend.Requests.Single().Contains("Upgrade: websocket\r\n", StringComparison.Ordinal).ShouldBe(allowed);
    }

    [Fact]
    public async Task Bytes_sent_before_the_switch_wait_for_it_and_belong_to_the_tunnel()
    {
        var early = new TaskCompletionSource<int>();
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadHeadAsync();
            await Task.Delay(200, Stop);
            early.SetResult(c.Socket.Available); // what follows the head must not have come yet: nobody has agreed to read it as anything
            await c.SendAsync(Switched);
            await c.SendAsync("got " + await c.ReadBytesAsync(38));
        });
        await using var proxy = Proxy(backend);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Wish + "GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n");
        (await client.ReadResponseAsync()).Status.ShouldBe(101);
        (await client.ReadAsync(42)).ShouldBe("got GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n");
        (await early.Task).ShouldBe(0);
        (await RecordedAsync(proxy, () => client.Dispose())).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Bytes_sent_before_an_ordinary_answer_are_the_next_request_and_routed_as_such()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = Proxy(backend);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Wish + "GET /a/../second HTTP/1.1\r\nHost: a\r\n\r\n");
        (await client.ReadResponseAsync()).Status.ShouldBe(200);
        (await client.ReadResponseAsync()).Status.ShouldBe(200);
        backend.Requests[1].ShouldStartWith("GET /second HTTP/1.1\r\n", customMessage: "it was parsed, normalised and written anew");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_reader_that_stops_stops_its_writer_and_loses_nothing(bool clientReads)
    {
        const int total = 48 << 20;
        var (standing, reading, sent) = (new TaskCompletionSource(), new TaskCompletionSource(), 0L);
        async Task WriteAsync(Socket socket)
        {
            var block = new byte[64 << 10];
            for (var at = 0; at < total; at += block.Length)
            {
                for (var i = 0; i < block.Length; i += 4) BitConverter.TryWriteBytes(block.AsSpan(i), at + i);
                for (ReadOnlyMemory<byte> rest = block; !rest.IsEmpty;)
                {
                    var count = await socket.SendAsync(rest, SocketFlags.None, Stop);
                    Interlocked.Add(ref sent, count);
                    rest = rest[count..];
                }
            }
            socket.Shutdown(SocketShutdown.Send);
        }
        async Task ReadAsync(Socket socket)
        {
            await reading.Task;
            var block = new byte[256 << 10];
            var (at, length) = (0, 0);
            while (await socket.ReceiveAsync(block.AsMemory(length), SocketFlags.None, Stop) is var count and > 0)
            {
                length += count;
                var whole = length & ~3;
                for (var i = 0; i < whole; i += 4, at += 4) BitConverter.ToInt32(block, i).ShouldBe(at);
                block.AsSpan(whole, length - whole).CopyTo(block);
                length -= whole;
            }
            at.ShouldBe(total);
            socket.Shutdown(SocketShutdown.Send);
        }
        var atBackend = new TaskCompletionSource();
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadHeadAsync();
            await c.SendAsync(Switched);
            await standing.Task; // or the reader of the head takes bytes of the tunnel along
            try
            {
                await (clientReads ? WriteAsync(c.Socket) : ReadAsync(c.Socket));
                atBackend.SetResult();
            }
            catch (Exception e)
            {
                atBackend.SetException(e);
            }
        });
        await using var proxy = Proxy(backend);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Wish);
        (await client.ReadResponseAsync()).Status.ShouldBe(101);
        standing.SetResult();
        var atClient = clientReads ? ReadAsync(client.Socket) : WriteAsync(client.Socket);

        // The kernel's buffers on both hops and one block in between: the writer comes to a stop long before the end.
        var before = -1L;
        while (Interlocked.Read(ref sent) is var now && (now == 0 || now != before))
        {
            before = now;
            await Task.Delay(300, Stop);
        }
        before.ShouldBeLessThan(total, "the writer was never held back");
        var (heldBlocks, heldMemory) = await HeldAsync(proxy);
        heldBlocks.ShouldBeLessThan(8);
        heldMemory.ShouldBeLessThan(1 << 20);
        reading.SetResult();
        await atClient.WaitAsync(TimeSpan.FromSeconds(30), Stop);
        await atBackend.Task.WaitAsync(TimeSpan.FromSeconds(30), Stop);
        (await RecordedAsync(proxy, client.Dispose)).Key.Status.ShouldBe(101);
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task Silence_ends_a_tunnel_and_traffic_in_either_direction_keeps_it()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadHeadAsync();
            await c.SendAsync(Switched);
            for (var i = 0; i < 6; i++)
            {
                await Task.Delay(250, Stop);
                await c.SendAsync("x");
            }
            (await c.ReadHeadAsync()).ShouldBeNull();
        });
        await using var proxy = Proxy(backend, Any + ", \"stream_idle_timeout\": \"0.8s\"", "\"timeout\": \"0.5s\"");
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Wish);
        (await client.ReadResponseAsync()).Status.ShouldBe(101);
        (await client.ReadAsync(6)).ShouldBe("xxxxxx", "1.5 s with bytes: neither silent nor bound by the route's timeout");
        await Should.ThrowAsync<SocketException>(client.ReadToEndAsync);
        (await RecordedAsync(proxy)).Key.Fault.ShouldBe(Fault.BodyTimeout);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_broken_side_is_broken_for_the_other(bool clientBreaks)
    {
        var (standing, heard) = (new TaskCompletionSource(), new TaskCompletionSource<bool>());
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadHeadAsync();
            await c.SendAsync(Switched);
            await standing.Task;
            if (!clientBreaks) c.Reset();
            else
            {
                try
                {
                    await c.ReadHeadAsync();
                    heard.SetResult(false);
                }
                catch (IOException)
                {
                    heard.SetResult(true);
                }
            }
        });
        await using var proxy = Proxy(backend);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Wish);
        (await client.ReadResponseAsync()).Status.ShouldBe(101);
        standing.SetResult();
        if (clientBreaks)
        {
            client.Socket.LingerState = new LingerOption(true, 0);
            client.Socket.Close();
            (await heard.Task.WaitAsync(TimeSpan.FromSeconds(10), Stop)).ShouldBeTrue("the workload must not take a cut tunnel for an ended one");
        }
        else await Should.ThrowAsync<SocketException>(client.ReadToEndAsync);
        (await RecordedAsync(proxy)).Key.Fault.ShouldBe(clientBreaks ? Fault.DownstreamClosed : Fault.UpstreamReset);
    }

    [Fact]
    public async Task A_drain_leaves_a_tunnel_alone_until_it_ends_by_itself()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadHeadAsync();
            await c.SendAsync(Switched);
            while (true) await c.SendAsync(await c.ReadBytesAsync(4));
        });
        await using var proxy = Proxy(backend);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Wish);
        (await client.ReadResponseAsync()).Status.ShouldBe(101);
        var drain = proxy.DrainAsync(TimeSpan.FromSeconds(20));
        for (var i = 0; i < 5; i++)
        {
            await Task.Delay(100, Stop);
            await client.SendAsync("ping");
            (await client.ReadAsync(4)).ShouldBe("ping");
        }
        drain.IsCompleted.ShouldBeFalse("the tunnel is still open");
        client.Socket.Shutdown(SocketShutdown.Both);
        client.Dispose();
        await drain.WaitAsync(TimeSpan.FromSeconds(10), Stop);
    }

    [Fact]
    public async Task Messages_in_a_tunnel_allocate_nothing()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadHeadAsync();
            await c.SendAsync(Switched);
            var block = new byte[4096];
            while (c.Socket.Receive(block) is var count and > 0) c.Socket.Send(block, count, SocketFlags.None);
        });
        await using var proxy = Proxy(backend);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Wish);
        (await client.ReadResponseAsync()).Status.ShouldBe(101);

        Echo(client.Socket, 500);
        var before = await AllocatedAsync(proxy);
        Echo(client.Socket, 5_000);
        ((await AllocatedAsync(proxy)) - before).ShouldBeLessThan(5_000);

        static void Echo(Socket socket, int times)
        {
            var block = new byte[100];
            for (var i = 0; i < times; i++)
            {
                socket.Send(block);
                for (var at = 0; at < block.Length;) at += socket.Receive(block, at, block.Length - at, SocketFlags.None);
            }
        }
    }

    private static Task<long> AllocatedAsync(ProxyUnderTest proxy) => OnWorkerAsync(proxy, _ => GC.GetAllocatedBytesForCurrentThread());

    private static Task<(int Blocks, long Idle)> HeldAsync(ProxyUnderTest proxy) => OnWorkerAsync(proxy, w => (w.Buffers.Rented, w.Buffers.IdleBytes));

    private static Task<T> OnWorkerAsync<T>(ProxyUnderTest proxy, Func<Weft.Proxy.Workers.Worker, T> read)
    {
        var result = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var worker = proxy.DataPlane.Workers[0];
        worker.Post(() => result.SetResult(read(worker)));
        return result.Task;
    }

    /// <summary>The one record, once there is one.</summary>
    private static async Task<(Weft.Telemetry.Metrics.SeriesKey Key, long Count)> RecordedAsync(ProxyUnderTest proxy, Action? first = null)
    {
        first?.Invoke();
        for (var i = 0; i < 200; i++)
        {
            if (proxy.Requests() is [var only, ..]) return only;
            await Task.Delay(25, Stop);
        }
        throw new TimeoutException("nothing was recorded within 5 s");
    }
}
