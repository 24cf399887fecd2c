using System.Diagnostics;
using System.Net;
using Shouldly;
using Weft.Proxy.Tests.Admin;
using Weft.Proxy.Tests.Pipelines;
using Xunit;

namespace Weft.Proxy.Tests.Hosting;

/// <summary>What the real process is like after its start.</summary>
public sealed class StartTests
{
    [Fact]
    public async Task Settings_of_the_garbage_collector_took()
    {
        using var proxy = await RunningProxy.StartAsync(Bootstraps.Plain());

        // As the collector itself reports them: a misspelt setting stands in the file and does nothing.
        (await proxy.MetricAsync("weft_gc_gen0_budget_bytes")).ShouldBe(512 * 1024);
        (await proxy.MetricAsync("weft_gc_concurrent")).ShouldBe(1);
    }

    [Fact]
    public async Task Protobufs_descriptors_are_not_built_at_the_start()
    {
        using var proxy = await RunningProxy.StartAsync(Bootstraps.Plain(), "--warmup-seconds", "0");

        // About 2,400 methods are compiled up to here. Descriptors, which come in with the first question to any, would be 4,000 more and 25 MB.
        (await proxy.MetricAsync("weft_jit_methods_total")).ShouldBeLessThan(4000);
    }

    [Fact]
    public async Task Warm_up_ends_within_its_budget_and_is_in_no_metric()
    {
        using var proxy = await RunningProxy.StartAsync(Bootstraps.Plain());

        await proxy.UntilAsync(async () => await proxy.MetricAsync("weft_warmup_duration_seconds") > 0);

        (await proxy.MetricAsync("weft_warmup_requests")).ShouldBeGreaterThan(25);
        (await proxy.MetricAsync("weft_warmup_unexpected")).ShouldBe(0);
        (await proxy.MetricAsync("weft_warmup_duration_seconds")).ShouldBeLessThan(4, "two seconds, and what the machine's other work delays");
        var metrics = (await proxy.GetAsync("metrics")).Split('\n');
        metrics.ShouldNotContain(l => l.StartsWith("weft_requests_total", StringComparison.Ordinal));
        metrics.Where(l => l.StartsWith("weft_connections_", StringComparison.Ordinal)).ShouldAllBe(l => l.EndsWith(" 0"));
        Directory.GetFileSystemEntries($"/proc/{proxy.Process.Id}/task").Select(t => File.ReadAllText(Path.Combine(t, "comm"))).ShouldNotContain("warm-up\n");
    }

    [Fact]
    public async Task A_cluster_of_original_destinations_waits_for_nobodys_endpoints()
    {
        var started = Stopwatch.StartNew();
        using var proxy = await RunningProxy.StartAsync("""
            static_resources:
              listeners:
              - name: anywhere
                address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
                listener_filters: [ { name: original_dst, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst } } ]
                filter_chains:
                - filters:
                  - name: envoy.filters.network.tcp_proxy
                    typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: all, cluster: original }
              clusters:
              - { name: original, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED, connect_timeout: 1s }
            """);
        started.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(12), "what is waited for in vain takes 15 s");
    }

    [Fact]
    public async Task Requests_after_the_warm_up_find_their_code_compiled()
    {
        var cold = await CompiledByRequestsAsync("--warmup-seconds", "0");
        var warm = await CompiledByRequestsAsync("--warmup-seconds", "20");

        TestContext.Current.TestOutputHelper?.WriteLine($"compiled by 40 requests: {cold} methods cold, {warm} warm");
        warm.ShouldBeLessThan(cold / 4);
    }

    private static async Task<double> CompiledByRequestsAsync(params string[] arguments)
    {
        await using var backend = ScriptedBackend.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        using var proxy = await RunningProxy.StartAsync(Bootstraps.Plain(backend.Address.Port), arguments);
        if (arguments[1] != "0") await proxy.UntilAsync(async () => await proxy.MetricAsync("weft_warmup_duration_seconds") > 0);
        var listener = await proxy.ListenerAsync("in");
        await proxy.MetricAsync("weft_jit_methods_total"); // asking compiles something itself, the first time
        var before = await proxy.MetricAsync("weft_jit_methods_total");
        using var client = await RawClient.ConnectAsync(listener);
        for (var i = 0; i < 20; i++)
        {
            await client.SendAsync("GET /a?b=c HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n");
            (await client.ReadResponseAsync()).Status.ShouldBe(200);
            await client.SendAsync("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
            (await client.ReadResponseAsync()).Status.ShouldBe(200);
        }
        return await proxy.MetricAsync("weft_jit_methods_total") - before;
    }
}
