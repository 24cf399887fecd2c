using Shouldly;
using Xunit;

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
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var busy = await RawClient.ConnectAsync(proxy.Address);
        await busy.SendAsync("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
        using var idle = await RawClient.ConnectAsync(proxy.Address);
        await idle.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        (await idle.ReadResponseAsync())["connection"].ShouldBeNull();

        var drain = proxy.DataPlane.DrainAsync(TimeSpan.FromSeconds(10), TimeProvider.System);
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
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        await Task.Delay(100, TestContext.Current.CancellationToken);
        await proxy.DataPlane.DrainAsync(TimeSpan.FromSeconds(1), TimeProvider.System).WaitAsync(TimeSpan.FromSeconds(4), TestContext.Current.CancellationToken);
    }
}
