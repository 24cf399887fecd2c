using Weft.Bench.Measuring;
using Weft.Bench.Peers;

namespace Weft.Bench.Rows;

/// <summary>
/// A sidecar's ordinary day: 2,000 requests per second, open loop. How much later than without a proxy the answers come, and what the
/// proxy's processor pays for it. Each proxy is compared with the direct run of its own round.
/// </summary>
internal static class Latency
{
    private const double MostLateness = 1.0; // ms

    public static async Task MeasureAsync(Run run)
    {
        await using var stage = await run.StartAsync(run.Contenders("h1"), AllPeers.Application);
        Run.Say($"  {Run.SteadyRate} requests/s; warming up, {run.WarmUp.TotalSeconds:0} s each");
        foreach (var running in stage.Contenders) await Tools.WrkAsync(running.Contender.Url, run.WarmUp);
        for (var round = 1; round <= run.Rounds; round++)
        {
            var direct = await LoadAsync(run, "direct", new Uri($"http://127.0.0.1:{AllPeers.Application.Port}/"), round);
            foreach (var running in stage.Contenders)
            {
                var cpu = running.CpuNanos;
                var result = await LoadAsync(run, running.Name, running.Contender.Url, round);
                cpu = running.CpuNanos - cpu;
                // Idle time of the proxy between the load's own start and end is in here too: a sidecar pays for it as well.
                run.Sheet.Add("processors per 1,000 requests/s", "vCPU", running.Name, cpu / 1e6 / Tools.RequestsSent(Run.SteadyRate, run.RoundTime));
                run.Sheet.Add("added p50", "ms", running.Name, result.P50 - direct.P50);
                run.Sheet.Add("added p99", "ms", running.Name, result.P99 - direct.P99);
            }
        }
    }

    private static async Task<LoadResult> LoadAsync(Run run, string name, Uri url, int round)
    {
        var result = await Tools.LoadAsync(url, Run.SteadyRate, run.RoundTime);
        run.Sheet.Add("p50", "ms", name, result.P50);
        run.Sheet.Add("p99", "ms", name, result.P99);
        Run.Say($"  round {round} {name,-8} p50 {result.P50:0.000} ms  p99 {result.P99:0.000} ms  generator's lateness p99 {result.LatenessP99:0.000} ms");
        if (result.Failed > 0) run.Sheet.Warn($"{result.Failed} of {result.Requests} requests to {name} failed in round {round}");
        if (result.LatenessP99 > MostLateness) run.Sheet.Warn($"round {round}: the generator itself was {result.LatenessP99:0.0} ms late (p99) with {name}: the machine was not quiet");
        return result;
    }
}
