using Weft.Bench.Churn;
using Weft.Bench.Measuring;
using Weft.Bench.Peers;

namespace Weft.Bench.Rows;

/// <summary>
/// Latency at 2,000 requests per second while a control plane takes one of a hundred endpoints out or puts one back, a hundred times a
/// second, beside the same proxy left alone. Requests must not fail: an endpoint that is taken out still answers.
/// </summary>
internal static class ChurnRow
{
    public const string Quiet = "quiet", Churning = "churn";

    public static async Task MeasureAsync(Run run)
    {
        await using var server = await ChurnServer.StartAsync();
        await using var stage = await run.StartAsync([new Contender(Contender.Weft, [AllPeers.WeftUnderChurn], Reach.Http1)], AllPeers.Application);
        var proxy = stage.Contenders[0];
        Run.Say($"  {Run.SteadyRate} requests/s: warming up");
        await Tools.WrkAsync(proxy.Contender.Url, run.WarmUp);
        for (var round = 1; round <= run.Rounds; round++)
        {
            await RoundAsync(run, Quiet, proxy, round);
            server.Churning = true;
            var before = server.Counters;
            await RoundAsync(run, Churning, proxy, round);
            server.Churning = false;
            var after = server.Counters;
            var seconds = (after.At - before.At).TotalSeconds;
            run.Sheet.Add("changes acknowledged", "1/s", Churning, (after.Acks - before.Acks) / seconds);
            if (after.Acks - before.Acks < 0.9 * ChurnServer.ChangesPerSecond * seconds)
                run.Sheet.Warn($"round {round}: {after.Changes - before.Changes} changes made and {after.Acks - before.Acks} acknowledged in {seconds:0.0} s");
            if (after.Nacks > before.Nacks) run.Sheet.Warn($"round {round}: {after.Nacks - before.Nacks} changes refused: {server.LastRefusal}");
        }
        run.Sheet.Add(ClosedLoop.Resident, "MB", Contender.Weft, proxy.ResidentMegabytes);
    }

    private static async Task RoundAsync(Run run, string name, Running proxy, int round)
    {
        var result = await Tools.LoadAsync(proxy.Contender.Url, Run.SteadyRate, run.RoundTime);
        run.Sheet.Add("p50", "ms", name, result.P50);
        run.Sheet.Add("p99", "ms", name, result.P99);
        run.Sheet.Add("p99.9", "ms", name, result.P999);
        run.Sheet.Add("failed requests", "1", name, result.Failed);
        Run.Say($"  round {round} {name,-8} p50 {result.P50:0.000} ms  p99 {result.P99:0.000} ms  failed {result.Failed}  generator's lateness p99 {result.LatenessP99:0.000} ms");
        if (result.LatenessP99 > 1) run.Sheet.Warn($"round {round}: the generator itself was {result.LatenessP99:0.0} ms late (p99): the machine was not quiet");
    }
}
