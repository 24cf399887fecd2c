using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Shouldly;
using Weft.Proxy.Tests.Pipelines;
using Xunit;

namespace Weft.Proxy.Tests.Upstream;

public sealed class PoolTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    [Fact]
    public async Task A_connection_is_not_used_in_the_last_quarter_of_the_time_that_the_endpoint_announced()
    {
        await using var backend = ScriptedBackend.Answering("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=2, max=100\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        await Http2UpstreamTests.GetAsync(proxy);
        await Http2UpstreamTests.GetAsync(proxy);
        backend.Connections.ShouldBe(1);
        await Task.Delay(1_600, TestContext.Current.CancellationToken);
        await Http2UpstreamTests.GetAsync(proxy);
        backend.Connections.ShouldBe(2);
    }

    [Fact]
    public async Task How_long_an_endpoint_keeps_idle_connections_is_learned_from_its_closes()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            while (c.Socket.Poll(1_000_000, SelectMode.SelectRead) && await c.ReadRequestAsync() is not null) await c.SendAsync(Ok);
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        for (var i = 1; i <= 3; i++)
        {
            (await Http2UpstreamTests.GetAsync(proxy)).Status.ShouldBe(200);
            backend.Connections.ShouldBe(i);
            if (i < 3) await Task.Delay(1_300, TestContext.Current.CancellationToken); // long enough to see it close
        }
        await Task.Delay(800, TestContext.Current.CancellationToken); // it would still be open, but for how long?
        (await Http2UpstreamTests.GetAsync(proxy, method: "POST")).Status.ShouldBe(200);
        backend.Connections.ShouldBe(4);
    }

    [Fact]
    public async Task Limits_on_requests_end_connections_at_different_counts()
    {
        var counts = new List<int>();
        await using var backend = new ScriptedBackend(async c =>
        {
            var count = 0;
            while (await c.ReadRequestAsync() is not null)
            {
                count++;
                await c.SendAsync(Ok);
            }
            lock (counts) counts.Add(count);
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address], "{\"max_requests_per_connection\": 50}").Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        for (var i = 0; i < 500; i++)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            (await client.ReadResponseAsync()).Status.ShouldBe(200);
        }
        lock (counts)
        {
            counts.Count.ShouldBeGreaterThanOrEqualTo(9);
            counts.ShouldAllBe(c => c >= 45 && c <= 50);
            counts.Distinct().Count().ShouldBeGreaterThan(1, "a fleet must not reconnect at once");
        }
    }

    [Fact]
    public async Task A_connection_over_its_age_or_idle_time_is_closed_by_the_proxy()
    {
        var ended = new TaskCompletionSource();
        await using var backend = new ScriptedBackend(async c =>
        {
            while (await c.ReadRequestAsync() is not null) await c.SendAsync(Ok);
            ended.TrySetResult();
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address],
            "{\"typed_extension_protocol_options\": {\"envoy.extensions.upstreams.http.v3.HttpProtocolOptions\": {\"@type\": \"type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions\", "
            + "\"explicit_http_config\": {\"http_protocol_options\": {}}, \"common_http_protocol_options\": {\"idle_timeout\": \"0.2s\"}}}}").Listen(ProxyUnderTest.RouteAll());
        await Http2UpstreamTests.GetAsync(proxy);
        await ended.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        for (var i = 0; i < 200 && proxy.State("backend").Connections.Active > 0; i++) await Task.Delay(10, TestContext.Current.CancellationToken);
        proxy.State("backend").Connections.Active.ShouldBe(0);
    }

    [Fact]
    public async Task A_connection_that_was_busy_when_its_endpoint_left_the_cluster_closes_with_its_response_and_not_with_the_next_configuration()
    {
        var gate = new TaskCompletionSource();
        var ended = new TaskCompletionSource();
        await using var leaving = new ScriptedBackend(async c =>
        {
            while (await c.ReadRequestAsync() is not null)
            {
                await gate.Task;
                await c.SendAsync(Ok);
            }
            ended.TrySetResult();
        });
        await using var staying = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [leaving.Address]).Listen(ProxyUnderTest.RouteAll());
        var busy = Http2UpstreamTests.GetAsync(proxy);
        while (leaving.Requests.Count == 0) await Task.Delay(5, TestContext.Current.CancellationToken);

        proxy.Cluster("backend", [staying.Address]).Cluster("another", []); // the second leaves the first as it is: what has gone must not count as known again
        (await Http2UpstreamTests.GetAsync(proxy)).Status.ShouldBe(200); // on the worker, behind both
        gate.SetResult();

        (await busy).Status.ShouldBe(200);
        await ended.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        for (var i = 0; i < 500 && proxy.State("backend").Connections.Active > 1; i++) await Task.Delay(10, TestContext.Current.CancellationToken);
        proxy.State("backend").Connections.Active.ShouldBe(1, "the one to the endpoint that stays");
        leaving.Connections.ShouldBe(1);
    }

    [Fact]
    public async Task Requests_beyond_max_pending_fail_at_once_and_name_the_limit()
    {
        var gate = new TaskCompletionSource();
        await using var backend = new ScriptedBackend(async c =>
        {
            while (await c.ReadRequestAsync() is not null)
            {
                await gate.Task;
                await c.SendAsync(Ok);
            }
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address],
            "{\"circuit_breakers\": {\"thresholds\": [{\"max_connections\": 1, \"max_pending_requests\": 3}]}}").Listen(ProxyUnderTest.RouteAll());
        var first = Http2UpstreamTests.GetAsync(proxy);
        while (backend.Requests.Count == 0) await Task.Delay(5, TestContext.Current.CancellationToken);
        var waiting = Enumerable.Range(0, 3).Select(_ => Http2UpstreamTests.GetAsync(proxy)).ToArray();
        while (proxy.State("backend").PendingRequests.Active < 3) await Task.Delay(5, TestContext.Current.CancellationToken);
        using (var gone = await RawClient.ConnectAsync(proxy.Address))
        {
            await gone.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            var refused = await gone.ReadResponseAsync();
            refused["x-weft-fault"].ShouldBe("circuit-open");
            refused.Body.ShouldContain("max_pending_requests");
        }
        gate.SetResult();
        (await first).Status.ShouldBe(200);
        (await Task.WhenAll(waiting)).ShouldAllBe(r => r.Status == 200);
        backend.Connections.ShouldBe(1);
        (proxy.State("backend").PendingRequests.Active, proxy.State("backend").Requests.Active).ShouldBe((0, 0));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Another_address_of_the_endpoint_is_tried_when_the_first_is_silent_or_refuses(bool silent)
    {
        using var hole = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        hole.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var fillers = new List<Socket>();
        if (silent)
        {
            // A listener whose queue is full drops what comes: nobody answers a connect.
            hole.Listen(0);
            for (var i = 0; i < 4; i++)
            {
                var filler = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
                try { filler.Connect(hole.LocalEndPoint!); } catch (SocketException) { }
                fillers.Add(filler);
            }
        }
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [], "{\"connect_timeout\": \"5s\", \"load_assignment\": {\"cluster_name\": \"backend\", \"endpoints\": [{\"lb_endpoints\": [{\"endpoint\": {"
            + $"\"address\": {Address((IPEndPoint)hole.LocalEndPoint!)}, \"additional_addresses\": [{{\"address\": {Address(backend.Address)}}}]}}}}]}}]}}}}").Listen(ProxyUnderTest.RouteAll());
        var clock = Stopwatch.StartNew();
        (await Http2UpstreamTests.GetAsync(proxy)).Status.ShouldBe(200);
        if (silent) clock.ElapsedMilliseconds.ShouldBeGreaterThanOrEqualTo(240, "the first address is given its time");
        clock.ElapsedMilliseconds.ShouldBeLessThan(4_000);
        backend.Connections.ShouldBe(1);
        proxy.State("backend").Connections.Active.ShouldBe(1);
        fillers.ForEach(f => f.Dispose());
    }

    [Fact]
    public async Task TCP_keep_alive_is_set_on_the_socket_and_no_user_timeout_that_would_end_a_peer_that_only_does_not_read()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address],
            "{\"upstream_connection_options\": {\"tcp_keepalive\": {\"keepalive_time\": 31, \"keepalive_interval\": 11, \"keepalive_probes\": 4}}}").Listen(ProxyUnderTest.RouteAll());
        await Http2UpstreamTests.GetAsync(proxy);
        using var socket = Connected(backend.Address);
        Option(socket, 1, 9).ShouldBe(1);      // SO_KEEPALIVE
        Option(socket, 6, 4).ShouldBe(31);     // TCP_KEEPIDLE
        Option(socket, 6, 5).ShouldBe(11);     // TCP_KEEPINTVL
        Option(socket, 6, 6).ShouldBe(4);      // TCP_KEEPCNT
        Option(socket, 6, 18).ShouldBe(0);     // TCP_USER_TIMEOUT
    }

    private static string Address(IPEndPoint at) => $"{{\"socket_address\": {{\"address\": \"{at.Address}\", \"port_value\": {at.Port}}}}}";

    /// <summary>This process's socket that is connected to <paramref name="remote"/>, without taking it over.</summary>
    private static Socket Connected(IPEndPoint remote)
    {
        foreach (var link in Directory.GetFiles("/proc/self/fd"))
        {
            try
            {
                if (File.ResolveLinkTarget(link, false)?.Name.StartsWith("socket:", StringComparison.Ordinal) != true) continue;
                var socket = new Socket(new SafeSocketHandle(int.Parse(Path.GetFileName(link), CultureInfo.InvariantCulture), ownsHandle: false));
                if (socket.RemoteEndPoint is IPEndPoint peer && peer.Equals(remote)) return socket;
            }
            catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
            {
                // not connected, or closed since the folder was listed: other tests run beside this one
            }
        }
        throw new InvalidOperationException("no such socket");
    }

    private static int Option(Socket socket, int level, int name)
    {
        Span<byte> value = stackalloc byte[4];
        socket.GetRawSocketOption(level, name, value);
        return BinaryPrimitives.ReadInt32LittleEndian(value);
    }
}
