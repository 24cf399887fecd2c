using System.Net.Sockets;
using Shouldly;
using Weft.Fuzz.Http2;
using Weft.Proxy.Tests.Http2.Wire;
using Weft.Telemetry.Outcomes;
using Xunit;

namespace Weft.Proxy.Tests.Pipelines;

/// <summary>
/// Expect: 100-continue at its worst moments: a connection turns out to be broken in the very call that writes to it. The worker is held while both ends act, so that it finds all of it in one
/// turn of its loop, in that order.
/// </summary>
public sealed class ExpectContinueTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    /// <summary>What a mesh says when nobody wrote a policy: an idempotent request leaves a connection that had been closed under it.</summary>
    private const string MeshDefault = "\"retry_policy\": {\"retry_on\": \"connect-failure,refused-stream,reset-before-request\", \"num_retries\": 2}";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>The request and its body come together (a client need not wait, RFC 9110 section 10.1.1) and the endpoint has just reset the connection that the head is written to.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_body_that_came_along_goes_to_the_connection_that_replaces_the_broken_one(bool http2)
    {
        var reset = new TaskCompletionSource();
        var gone = new TaskCompletionSource();
        await using var backend = new ScriptedBackend(async c =>
        {
            var request = await c.ReadRequestAsync();
            await c.SendAsync(Ok);
            if (request!.StartsWith("PUT", StringComparison.Ordinal)) return;
            await reset.Task;
            c.Reset();
            gone.SetResult();
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(MeshDefault));
        using var client = http2 ? (IClient)await Http2.ConnectAsync(proxy) : await Http1.ConnectAsync(proxy);
        (await client.GetAsync()).ShouldBe(200); // its connection lies in the pool

        using (var held = await HeldWorker.OfAsync(proxy))
        {
            await client.SendPutAsync("body");
            reset.SetResult();
            await gone.Task.WaitAsync(TimeSpan.FromSeconds(5), Stop);
        }

        (await client.StatusOfPutAsync()).ShouldBe(200);
        lock (backend.Requests)
        {
            backend.Requests.Count.ShouldBe(2);
            backend.Requests[1].ShouldStartWith("PUT / HTTP/1.1\r\n");
            backend.Requests[1].ShouldEndWith("\r\n\r\nbody");
        }
        backend.Connections.ShouldBe(2);
        await IdleAsync(proxy);
    }

    /// <summary>The workload asks for the body, and the client has gone: what it is asked cannot be written.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_client_that_resets_under_its_100_Continue_costs_nobody_else_anything(bool http2)
    {
        var asked = new TaskCompletionSource();
        var ask = new TaskCompletionSource();
        var said = new TaskCompletionSource();
        var ended = new TaskCompletionSource();
        var slow = new TaskCompletionSource();
        await using var backend = new ScriptedBackend(async c =>
        {
            while (await c.ReadHeadAsync() is { } head)
            {
                if (head.StartsWith("PUT", StringComparison.Ordinal))
                {
                    asked.SetResult();
                    await ask.Task;
                    await c.SendAsync("HTTP/1.1 100 Continue\r\n\r\n");
                    said.SetResult();
                    try { (await c.ReadHeadAsync()).ShouldBeNull("no body came"); }
                    catch (IOException) { } // reset, as good an end
                    ended.SetResult();
                    return;
                }
                if (head.Contains("/slow", StringComparison.Ordinal)) await slow.Task;
                await c.SendAsync(Ok);
            }
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(MeshDefault));
        using var other = await RawClient.ConnectAsync(proxy.Address);
        await other.SendAsync("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
        using (var client = http2 ? (IClient)await Http2.ConnectAsync(proxy) : await Http1.ConnectAsync(proxy))
        {
            await client.SendPutAsync(body: null);
            await asked.Task.WaitAsync(TimeSpan.FromSeconds(5), Stop);
            using var held = await HeldWorker.OfAsync(proxy);
            ask.SetResult();
            await said.Task.WaitAsync(TimeSpan.FromSeconds(5), Stop);
            client.Reset();
        }

        await ended.Task.WaitAsync(TimeSpan.FromSeconds(5), Stop); // the workload is not left waiting for a body
        slow.SetResult();
        (await other.ReadResponseAsync()).Body.ShouldBe("ok", "a request that was on its way beside it");
        await other.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        (await other.ReadResponseAsync()).Body.ShouldBe("ok");
        await IdleAsync(proxy);
        proxy.Requests().Sum(r => r.Key.Fault == Fault.DownstreamClosed ? r.Count : 0).ShouldBe(1);
    }

    /// <summary>Nothing is held by an exchange that has ended, and nothing was thrown on the way.</summary>
    private static async Task IdleAsync(ProxyUnderTest proxy)
    {
        var state = proxy.State("backend");
        for (var i = 0; i < 400 && state.Requests.Active + state.Retries.Active > 0; i++) await Task.Delay(10, Stop);
        (state.Requests.Active, state.Retries.Active, state.PendingRequests.Active).ShouldBe((0, 0, 0));
        foreach (var endpoint in proxy.Endpoints("backend")) endpoint.State.ActiveRequests.ShouldBe(0);
        proxy.Faults.ShouldBeEmpty();
    }

    /// <summary>The proxy's one worker stands still until this is disposed; what happens on its sockets meanwhile it finds in the order in which it happened.</summary>
    private sealed class HeldWorker : IDisposable
    {
        private readonly ManualResetEventSlim _go = new();

        public static async Task<HeldWorker> OfAsync(ProxyUnderTest proxy)
        {
            var held = new HeldWorker();
            var stands = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            proxy.DataPlane.Workers[0].Post(() =>
            {
                stands.SetResult();
                held._go.Wait(TimeSpan.FromSeconds(10));
            });
            await stands.Task.WaitAsync(TimeSpan.FromSeconds(5), Stop);
            return held;
        }

        public void Dispose() => _go.Set();
    }

    /// <summary>One connection to the proxy, in either protocol.</summary>
    private interface IClient : IDisposable
    {
        Task<int> GetAsync();

        /// <param name="body">Sent at once; null: it waits to be asked for.</param>
        Task SendPutAsync(string? body);

        Task<int> StatusOfPutAsync();

        void Reset();
    }

    private sealed class Http1(RawClient client) : IClient
    {
        public static async Task<Http1> ConnectAsync(ProxyUnderTest proxy) => new(await RawClient.ConnectAsync(proxy.Address));

        public async Task<int> GetAsync()
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            return (await client.ReadResponseAsync()).Status;
        }

        public Task SendPutAsync(string? body) => client.SendAsync($"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n{body}");

        public async Task<int> StatusOfPutAsync() => (await client.ReadResponseAsync()).Status;

        public void Reset()
        {
            client.Socket.LingerState = new LingerOption(true, 0);
            client.Socket.Close();
        }

        public void Dispose() => client.Dispose();
    }

    private sealed class Http2(Http2Peer client) : IClient
    {
        public static async Task<Http2> ConnectAsync(ProxyUnderTest proxy) => new(await Http2Peer.ConnectAsync(proxy.Address));

        public async Task<int> GetAsync()
        {
            await client.SendAsync(RawFrame.Headers(1, RawHpack.Block([(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")])));
            await client.UntilAsync(p => p.Stream(1).IsOver);
            return client.Stream(1).Status;
        }

        public Task SendPutAsync(string? body)
        {
            var head = RawFrame.Headers(3, RawHpack.Block([(":method", "PUT"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("expect", "100-continue"), ("content-length", "4")]), end: false);
            return body is null ? client.SendAsync(head) : client.SendAsync(head, RawFrame.Data(3, body, end: true));
        }

        public async Task<int> StatusOfPutAsync()
        {
            await client.UntilAsync(p => p.Stream(3).IsOver);
            return client.Stream(3).Status;
        }

        public void Reset()
        {
            client.Socket.LingerState = new LingerOption(true, 0);
            client.Socket.Close();
        }

        public void Dispose() => client.Dispose();
    }
}
