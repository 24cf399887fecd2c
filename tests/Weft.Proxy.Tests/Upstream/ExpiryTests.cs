using Shouldly;
using Weft.Proxy.Tests.Pipelines;
using Xunit;

namespace Weft.Proxy.Tests.Upstream;

/// <summary>HTTP/2 connections that take no more requests while requests wait for them: these are a new connection's, and nobody waits for the last stream of the old one.</summary>
public sealed class ExpiryTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Two streams at once; what asks for <c>/held/…</c> is answered when its gate opens. Notes which connection has served what.</summary>
    private sealed class Held : IAsyncDisposable
    {
        private readonly Dictionary<string, TaskCompletionSource> _gates = new() { ["/held/a"] = new(), ["/held/b"] = new() };
        private readonly List<(int Connection, string Path)> _served = [];
        private int _connections;

        public Held() => Backend = new Http2Backend(async c =>
        {
            var number = Interlocked.Increment(ref _connections);
            await c.StartAsync((3, 2)); // SETTINGS_MAX_CONCURRENT_STREAMS
            while (await c.NextRequestAsync() is { } request)
            {
                var path = request[":path"]!;
                lock (_served) _served.Add((number, path));
                if (_gates.TryGetValue(path, out var gate)) _ = AnswerAsync(c, request.Stream, gate.Task);
                else await c.AnswerAsync(request.Stream, "ok");
            }
        });

        public Http2Backend Backend { get; }

        public int Connections => Volatile.Read(ref _connections);

        public void Open(string path) => _gates[path].SetResult();

        public List<string> ServedBy(int connection)
        {
            lock (_served) return [.. _served.Where(s => s.Connection == connection).Select(s => s.Path)];
        }

        public async Task SeenAsync(string path)
        {
            for (var i = 0; i < 1000; i++)
            {
                lock (_served)
                {
                    if (_served.Exists(s => s.Path == path)) return;
                }
                await Task.Delay(5, Stop);
            }
            throw new TimeoutException($"{path} did not come");
        }

        public ValueTask DisposeAsync() => Backend.DisposeAsync();

        private static async Task AnswerAsync(Http2Backend.Connection c, int stream, Task gate)
        {
            await gate;
            await c.AnswerAsync(stream, "held");
        }
    }

    /// <summary>One connection, of at most this age.</summary>
    private static ProxyUnderTest Proxy(Http2Backend backend, string age = "3600s") => new ProxyUnderTest().Cluster("backend", [backend.Address],
        "{\"circuit_breakers\": {\"thresholds\": [{\"max_connections\": 1}]}, \"typed_extension_protocol_options\": {\"envoy.extensions.upstreams.http.v3.HttpProtocolOptions\": {"
        + "\"@type\": \"type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions\", \"explicit_http_config\": {\"http2_protocol_options\": {}}, "
        + $"\"common_http_protocol_options\": {{\"max_connection_duration\": \"{age}\"}}}}}}}}").Listen(ProxyUnderTest.RouteAll());

    [Fact]
    public async Task A_connection_that_is_over_its_age_serves_none_of_the_requests_that_wait_and_a_new_one_serves_them_all()
    {
        await using var held = new Held();
        await using var proxy = Proxy(held.Backend, age: "2s");
        (await Http2UpstreamTests.GetAsync(proxy, "/first")).Status.ShouldBe(200); // its limit of two streams is known from here on
        var a = Http2UpstreamTests.GetAsync(proxy, "/held/a");
        var b = Http2UpstreamTests.GetAsync(proxy, "/held/b");
        await held.SeenAsync("/held/a");
        await held.SeenAsync("/held/b");
        var waiting = Enumerable.Range(0, 6).Select(i => Http2UpstreamTests.GetAsync(proxy, $"/waits/{i}")).ToArray();
        while (proxy.State("backend").PendingRequests.Active < 6) await Task.Delay(5, Stop);
        await Task.Delay(2_100, Stop);
        waiting.ShouldAllBe(w => !w.IsCompleted);

        held.Open("/held/a"); // a place comes free on a connection that is too old
        (await a).Body.ShouldBe("held");
        (await Task.WhenAll(waiting).WaitAsync(TimeSpan.FromSeconds(8), Stop)).ShouldAllBe(r => r.Status == 200);

        held.ServedBy(1).ShouldBe(["/first", "/held/a", "/held/b"], ignoreOrder: true);
        held.ServedBy(2).Order().ShouldBe(Enumerable.Range(0, 6).Select(i => $"/waits/{i}"));
        b.IsCompleted.ShouldBeFalse("they did not wait for the old one's last stream");
        held.Open("/held/b");
        (await b).Body.ShouldBe("held", "and that stream is served to its end");
        await OneIsLeftAsync(proxy);
        held.Connections.ShouldBe(2);
    }

    [Fact]
    public async Task A_connection_that_was_told_to_go_away_holds_nobody_up_with_its_last_stream()
    {
        await using var held = new Held();
        await using var proxy = Proxy(held.Backend);
        var a = Http2UpstreamTests.GetAsync(proxy, "/held/a");
        await held.SeenAsync("/held/a");
        await held.Backend.Connections[0].GoAwayAsync(1);

        (await Http2UpstreamTests.GetAsync(proxy, "/next").WaitAsync(TimeSpan.FromSeconds(8), Stop)).Status.ShouldBe(200);

        a.IsCompleted.ShouldBeFalse();
        held.Open("/held/a");
        (await a).Body.ShouldBe("held");
        await OneIsLeftAsync(proxy);
        held.ServedBy(2).ShouldContain("/next");
    }

    private static async Task OneIsLeftAsync(ProxyUnderTest proxy)
    {
        var state = proxy.State("backend");
        for (var i = 0; i < 400 && state.Connections.Active > 1; i++) await Task.Delay(10, Stop);
        (state.Connections.Active, state.PendingRequests.Active, state.Requests.Active).ShouldBe((1, 0, 0));
        proxy.Faults.ShouldBeEmpty();
    }
}
