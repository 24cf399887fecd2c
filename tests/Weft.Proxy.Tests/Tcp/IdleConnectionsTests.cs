using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using Shouldly;
using Weft.Proxy.Tests.Hosting;
using Weft.Proxy.Tests.Transport;
using Weft.TestSupport;
using Xunit;

namespace Weft.Proxy.Tests.Tcp;

/// <summary>Many connections that say nothing, through one real proxy, each to its endpoint: half behind an idle timeout, half until the proxy leaves.</summary>
public sealed class IdleConnectionsTests
{
    private const int Terminate = 15;

    /// <summary>Gives the first byte back and waits. A process of its own, because each has only so many descriptors.</summary>
    private const string Server = """
        import asyncio
        async def serve(reader, writer):
            try:
                writer.write(await reader.read(1))
                await reader.read()
            except OSError: pass
            finally: writer.close()
        async def main():
            server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=4096)
            print(server.sockets[0].getsockname()[1])
            await server.serve_forever()
        asyncio.run(main())
        """;

    [Fact(Timeout = 300_000)]
    public async Task Idle_connections_cost_little_hinder_nobody_and_end_by_their_idle_timeout_or_with_the_drain()
    {
        var isLong = Environment.GetEnvironmentVariable("WEFT_LONG") == "1";
        var (count, idleSeconds) = isLong ? ((int)Math.Min(10_000, (DescriptorLimit.Current - 400) / 2), 30) : (500, 4); // the proxy needs two descriptors for each
        using var server = Process.Start(new ProcessStartInfo(Tool.Require("python3", "python3"), ["-u", "-c", Server]) { UseShellExecute = false, RedirectStandardOutput = true })!;
        var port = await server.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        using var proxy = await RunningProxy.StartAsync($$"""
            static_resources:
              listeners:
              {{Listener("timed", $"{idleSeconds}s")}}
              {{Listener("lasting", "3600s")}}
              clusters:
              - name: backend
                type: STATIC
                connect_timeout: 5s
                circuit_breakers: { thresholds: [ { max_connections: 20000 } ] }
                load_assignment: { cluster_name: backend, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: {{port}} } } } } ] } ] }
            """, "--drain-seconds", "2", "--max-connections", "20000");
        var (timed, lasting) = (await proxy.ListenerAsync("timed"), await proxy.ListenerAsync("lasting"));
        var peers = new List<TcpPeer>();
        try
        {
            await proxy.UntilAsync(async () => await proxy.MetricAsync("weft_warmup_duration_seconds") > 0);
            for (var i = 0; i < 20; i++) await OpenAsync(i % 2 == 0 ? timed : lasting); // what the first connections cost is not theirs
            var before = ResidentKb(proxy.Process);

            var opening = Stopwatch.StartNew();
            for (var i = 20; i < count; i++) await OpenAsync(i % 2 == 0 ? timed : lasting);
            var opened = opening.Elapsed;
            var each = (ResidentKb(proxy.Process) - before) / (double)(count - 20);
            var fresh = new List<double>();
            for (var i = 0; i < 20; i++)
            {
                var connecting = Stopwatch.GetTimestamp();
                await OpenAsync(lasting);
                fresh.Add(Stopwatch.GetElapsedTime(connecting).TotalMilliseconds);
            }
            (await proxy.MetricAsync("weft_accepted_connections")).ShouldBe(count + 20);

            await proxy.UntilAsync(() => EndedAsync(proxy, "idle-timeout", count / 2), TimeSpan.FromSeconds(idleSeconds + 20));
            (await proxy.MetricAsync("weft_accepted_connections")).ShouldBe((count / 2) + 20);
            var after = (ResidentKb(proxy.Process) - before) / (double)(count - 20);

            var leaving = Stopwatch.StartNew();
            Kill(proxy.Process.Id, Terminate).ShouldBe(0);
            await proxy.Process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
            var left = leaving.Elapsed;

            TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{count} idle connections, opened in {opened.TotalSeconds:0.0} s: {each:0.0} KB each ({after:0.0} KB when half of them had ended); a new one through all of them takes {fresh.Order().ElementAt(10):0.0} ms, at most {fresh.Max():0.0} ms; "
                + $"the rest ended with the drain of 2 s, and the process, after {left.TotalSeconds:0.0} s"));
            proxy.Process.ExitCode.ShouldBe(0);
            foreach (var peer in peers) (await peer.IsResetAsync()).ShouldBeTrue("an idle timeout and the end of a drain are resets");
            left.ShouldBeGreaterThan(TimeSpan.FromSeconds(1.9), "they had the drain's time");
            each.ShouldBeLessThan(isLong ? 6 : 24); // few connections have the heap's growth in them
            fresh.Order().ElementAt(10).ShouldBeLessThan(200);
        }
        finally
        {
            foreach (var peer in peers) peer.Dispose();
            server.Kill();
        }

        async Task OpenAsync(IPEndPoint address)
        {
            var client = await TcpPeer.ConnectAsync(address);
            peers.Add(client);
            await client.SendAsync("x");
            (await client.ReadAsync(1)).ShouldBe("x");
        }
    }

    private static string Listener(string name, string idle) =>
        $"- {{ name: {name}, address: {{ socket_address: {{ address: 127.0.0.1, port_value: 0 }} }}, filter_chains: [ {{ filters: [ {{ name: tcp, typed_config: {{ "
        + $"\"@type\": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: {name}, cluster: backend, idle_timeout: {idle} }} }} ] }} ] }}";

    private static async Task<bool> EndedAsync(RunningProxy proxy, string fault, int count) =>
        (await proxy.GetAsync("metrics")).Split('\n').Where(l => l.StartsWith("weft_tcp_connections_closed_total{", StringComparison.Ordinal) && l.Contains($"fault=\"{fault}\"", StringComparison.Ordinal))
            .Sum(l => int.Parse(l[(l.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture)) == count;

    private static long ResidentKb(Process process) => File.ReadLines($"/proc/{process.Id}/status").Where(l => l.StartsWith("VmRSS:", StringComparison.Ordinal))
        .Select(l => long.Parse(l.AsSpan(6, l.Length - 8).Trim(), CultureInfo.InvariantCulture)).Single();

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int process, int signal);
}
