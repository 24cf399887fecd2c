using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using Shouldly;
using Weft.Proxy.Tests.Admin;
using Weft.Proxy.Tests.Pipelines;
using Xunit;

namespace Weft.Proxy.Tests.Hosting;

/// <summary>How the real process ends.</summary>
public sealed class EndTests
{
    private const int Terminate = 15;

    [Fact]
    public async Task A_terminated_proxy_is_not_ready_first_finishes_what_it_has_and_is_gone_in_time()
    {
        var (asked, answering) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var backend = SlowBackend(asked, answering);
        using var proxy = await RunningProxy.StartAsync(Bootstraps.Plain(backend.Address.Port), "--drain-seconds", "20");
        using var busy = await RawClient.ConnectAsync(await proxy.ListenerAsync("in"));
        await busy.SendAsync("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

        Kill(proxy.Process.Id, Terminate).ShouldBe(0);
        using var http = new HttpClient();
        await proxy.UntilAsync(async () =>
        {
            using var ready = await http.GetAsync(new Uri(proxy.Admin, "ready"));
            return ready.StatusCode == HttpStatusCode.ServiceUnavailable && await ready.Content.ReadAsStringAsync() == "DRAINING\n";
        });
        proxy.Process.HasExited.ShouldBeFalse();
        answering.SetResult();
        var last = await busy.ReadResponseAsync();
        (last.Body, last["connection"]).ShouldBe(("ok", "close"));
        var watch = Stopwatch.StartNew();
        await proxy.Process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(15), TestContext.Current.CancellationToken);
        watch.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(10), "nothing was open any more");
        proxy.Process.ExitCode.ShouldBe(0);
    }

    [Fact]
    public async Task A_second_signal_ends_the_drain_at_once()
    {
        var asked = new TaskCompletionSource();
        await using var backend = SlowBackend(asked, new TaskCompletionSource());
        using var proxy = await RunningProxy.StartAsync(Bootstraps.Plain(backend.Address.Port), "--drain-seconds", "60");
        using var busy = await RawClient.ConnectAsync(await proxy.ListenerAsync("in"));
        await busy.SendAsync("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

        Kill(proxy.Process.Id, Terminate).ShouldBe(0);
        await proxy.UntilAsync(() => Task.FromResult(proxy.Log.Contains("ending as asked")));
        proxy.Process.HasExited.ShouldBeFalse();
        Kill(proxy.Process.Id, Terminate).ShouldBe(0);
        await proxy.Process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(15), TestContext.Current.CancellationToken);
        proxy.Process.ExitCode.ShouldBe(0);
    }

    private static ScriptedBackend SlowBackend(TaskCompletionSource asked, TaskCompletionSource answering) => new(async c =>
    {
        while (await c.ReadRequestAsync() is not null)
        {
            asked.TrySetResult();
            await answering.Task;
            await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int process, int signal);
}
