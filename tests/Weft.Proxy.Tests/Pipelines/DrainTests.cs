using Envoy.Config.Core.V3;
using Shouldly;
using Weft.Proxy.Pipelines;
using Weft.TestSupport;
using Xunit;
using HttpVersion = System.Net.HttpVersion;

namespace Weft.Proxy.Tests.Pipelines;

public sealed class DrainTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    [Fact]
    public async Task A_drain_lets_a_response_finish_and_ends_each_connection_with_its_answer()
    {
        var answering = new TaskCompletionSource();
        await using var backend = new ScriptedBackend(async c =>
        {
            while (await c.ReadRequestAsync() is { } request)
            {
                if (request.Contains("/slow", StringComparison.Ordinal)) await answering.Task;
                await c.SendAsync(Ok);
            }
        });
        await using var proxy = new ProxyUnderTest { Direction = TrafficDirection.Inbound }.Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var busy = await RawClient.ConnectAsync(proxy.Address);
        await busy.SendAsync("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
        using var idle = await RawClient.ConnectAsync(proxy.Address);
        await idle.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        (await idle.ReadResponseAsync())["connection"].ShouldBeNull();

        var drain = proxy.DrainAsync(TimeSpan.FromSeconds(10));
        await Task.Delay(200, TestContext.Current.CancellationToken);

        // A connection on its way is served, and told to end.
        using var late = await RawClient.ConnectAsync(proxy.Address);
        await late.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        (await late.ReadResponseAsync())["connection"].ShouldBe("close");
        (await late.IsEndedAsync()).ShouldBeTrue();

        // The idle one may still send once.
        await idle.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        (await idle.ReadResponseAsync())["connection"].ShouldBe("close");

        drain.IsCompleted.ShouldBeFalse("a response is still open");
        answering.SetResult();
        var last = await busy.ReadResponseAsync();
        (last.Body, last["connection"]).ShouldBe(("ok", "close"));
        await drain.WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_drain_ends_at_its_deadline_whatever_is_open()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadRequestAsync();
            await Task.Delay(20_000);
        });
        await using var proxy = new ProxyUnderTest { Direction = TrafficDirection.Inbound }.Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        await Task.Delay(100, TestContext.Current.CancellationToken);
        await proxy.DrainAsync(TimeSpan.FromSeconds(1)).WaitAsync(TimeSpan.FromSeconds(4), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task An_applications_own_calls_go_on_until_it_has_closed_them()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest { Direction = TrafficDirection.Outbound }.Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        await client.ReadResponseAsync();

        await new Drain(proxy.DataPlane, TimeSpan.FromSeconds(20), TimeProvider.System).InboundAsync().WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
        var drain = proxy.DrainAsync(TimeSpan.FromSeconds(20));
        for (var i = 0; i < 5; i++)
        {
            await Task.Delay(100, TestContext.Current.CancellationToken);
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            (await client.ReadResponseAsync())["connection"].ShouldBeNull("there is no other proxy that it could go to");
        }
        drain.IsCompleted.ShouldBeFalse("the application still has a connection");
        client.Dispose();
        await drain.WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task An_applications_calls_are_told_to_end_before_the_time_is_over()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest { Direction = TrafficDirection.Outbound }.Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        var drain = proxy.DrainAsync(TimeSpan.FromSeconds(6)); // the last quarter is for this
        string? said = null;
        for (var i = 0; i < 100 && said is null; i++)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            var answer = await client.ReadResponseAsync();
            answer.Status.ShouldBe(200);
            said = answer["connection"];
            drain.IsCompleted.ShouldBeFalse();
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }
        said.ShouldBe("close");
        await drain.WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task An_idle_connection_may_be_used_once_more_and_then_closes()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest { Direction = TrafficDirection.Inbound }.Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var idle = await RawClient.ConnectAsync(proxy.Address);
        await idle.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        await idle.ReadResponseAsync();
        await proxy.DrainAsync(TimeSpan.FromSeconds(30)).WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        (await idle.IsEndedAsync()).ShouldBeTrue();
    }

    [Fact]
    public async Task Streams_of_an_HTTP2_connection_complete_and_new_requests_go_to_a_new_one()
    {
        var answering = new TaskCompletionSource();
        await using var backend = new ScriptedBackend(async c =>
        {
            while (await c.ReadRequestAsync() is { } request)
            {
                if (request.Contains("/slow", StringComparison.Ordinal))
                {
                    await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsl");
                    await answering.Task;
                    await c.SendAsync("ow");
                }
                else await c.SendAsync(Ok);
            }
        });
        await using var proxy = new ProxyUnderTest { Direction = TrafficDirection.Inbound }.Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var http = new HttpClient { BaseAddress = new Uri($"http://{proxy.Address}/"), DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
        var slow = await http.GetAsync("slow", HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        slow.Version.ShouldBe(HttpVersion.Version20);
        var drain = proxy.DrainAsync(TimeSpan.FromSeconds(20));
        for (var i = 0; i < 20; i++)
        {
            (await http.GetStringAsync("quick", TestContext.Current.CancellationToken)).ShouldBe("ok");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
        drain.IsCompleted.ShouldBeFalse();
        answering.SetResult();
        (await slow.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).ShouldBe("slow");
        await drain.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_connection_whose_chain_has_vanished_finishes_its_request_and_ends()
    {
        var answering = new TaskCompletionSource();
        await using var backend = new ScriptedBackend(async c =>
        {
            while (await c.ReadRequestAsync() is not null)
            {
                await answering.Task;
                await c.SendAsync(Ok);
            }
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        var address = proxy.Address;
        using var busy = await RawClient.ConnectAsync(address);
        await busy.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        using var idle = await RawClient.ConnectAsync(address);
        await Task.Delay(200, TestContext.Current.CancellationToken);

        proxy.Withdraw();
        (await idle.IsEndedAsync()).ShouldBeTrue("nobody would ever send on it again");
        answering.SetResult();
        var last = await busy.ReadResponseAsync();
        (last.Status, last["connection"]).ShouldBe((200, "close"));
        (await busy.IsEndedAsync()).ShouldBeTrue();
    }

    [Fact]
    public async Task Configuration_that_changes_under_load_costs_no_request_and_no_connection()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var other = ScriptedBackend.Answering(Ok);
        var port = Ports.Free();
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(), port);
        var address = proxy.Address;
        using var stop = new CancellationTokenSource();
        var served = 0;
        var clients = Enumerable.Range(0, 6).Select(_ => Task.Run(async () =>
        {
            using var client = await RawClient.ConnectAsync(address);
            while (!stop.IsCancellationRequested)
            {
                await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
                var answer = await client.ReadResponseAsync(); // throws when the connection is cut
                (answer.Status, answer["connection"]).ShouldBe((200, null));
                Interlocked.Increment(ref served);
            }
        })).ToList();

        for (var i = 0; i < 300; i++)
        {
            if (i % 3 == 0) proxy.Listen(ProxyUnderTest.RouteAll(manager: $"\"server_name\": \"v{i}\""), port);
            else proxy.Cluster("backend", i % 3 == 1 ? [other.Address] : [backend.Address, other.Address]);
            await Task.Delay(3, TestContext.Current.CancellationToken);
        }
        await stop.CancelAsync();
        await Task.WhenAll(clients);
        served.ShouldBeGreaterThan(300);
        proxy.Faults.ShouldBeEmpty();
    }
}
