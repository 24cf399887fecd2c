using System.Diagnostics;
using Weft.Bench.Measuring;
using Weft.Bench.Peers;

namespace Weft.Bench.Rows;

/// <summary>
/// What a request costs when the proxy has no time to lose: wrk offers more than the proxy's core can carry, and the processor time of
/// the proxy's threads is divided by the requests served. Memory is read afterwards, while all connections are still known.
/// </summary>
public static class Saturation
{
    private const double BusyEnough = 0.95;

    public static async Task MeasureAsync(Run run)
    {
        await using var stage = await run.StartAllAsync();
        Run.Say($"saturation: warming up, {run.WarmUp.TotalSeconds:0} s each");
        foreach (var proxy in stage.Proxies) await Tools.WrkAsync(proxy.Peer.Url, run.WarmUp);
        for (var round = 1; round <= run.Rounds; round++)
            foreach (var proxy in stage.Proxies) await RoundAsync(run, proxy, round);
        Memory.Read(run, stage);
    }

    private static async Task RoundAsync(Run run, PeerProcess proxy, int round)
    {
        var cpu = proxy.Tree.CpuNanos;
        var clock = Stopwatch.StartNew();
        var result = await Tools.WrkAsync(proxy.Peer.Url, run.RoundTime);
        var wall = clock.Elapsed.TotalNanoseconds;
        cpu = proxy.Tree.CpuNanos - cpu;

        var name = proxy.Peer.Name;
        var perRequest = cpu / 1000.0 / result.Requests;
        // The time that wrk needs to start and end is not the proxy's idleness.
        var busy = cpu / Math.Min(wall, result.Seconds * 1e9);
        run.Sheet.Add("saturation", "CPU per request", "us", name, perRequest);
        run.Sheet.Add("saturation", "throughput", "requests/s", name, result.Requests / result.Seconds);
        run.Sheet.Add("saturation", "share of its core that the proxy was busy", "1", name, busy);
        Run.Say($"  round {round} {name,-8} {perRequest,7:0.00} us/request {result.Requests / result.Seconds,9:0} requests/s  core {busy:0%} busy");
        if (busy < BusyEnough) run.Sheet.Warn($"saturation, round {round}: {name} had its core only {busy:0%} busy: something else was the bottleneck");
        if (result.Errors > 0) run.Sheet.Warn($"saturation, round {round}: {result.Errors} requests through {name} failed");
    }
}
