using Weft.Bench.Churn;
using Weft.Bench.Measuring;
using Weft.Bench.Peers;

namespace Weft.Bench.Rows;

/// <summary>
/// Latency at 2,000 requests per second while a control plane takes one of a hundred endpoints out or puts one back, a hundred times a
/// second, beside the same proxy left alone. Requests must not fail: an endpoint that is taken out still answers.
/// </summary>
public static class ChurnRow
{
    public static async Task MeasureAsync(Run run)
    {
        if (run.Proxies.All(peer => peer.Name != AllPeers.Weft)) return;
        await using var server = await ChurnServer.StartAsync();
        await using var stage = new Stage();
        await stage.AddAsync(AllPeers.Backend, Run.LoadCore);
        var proxy = await stage.AddAsync(AllPeers.WeftUnderChurn, Run.ProxyCore);
        Run.Say($"churn at {Run.SteadyRate} requests/s: warming up");
        await Tools.WrkAsync(proxy.Peer.Url, run.WarmUp);
        for (var round = 1; round <= run.Rounds; round++)
        {
            await RoundAsync(run, "quiet", proxy, round);
            server.Churning = true;
            var before = server.Counters;
            await RoundAsync(run, "churn", proxy, round);
            server.Churning = false;
            var after = server.Counters;
            var seconds = (after.At - before.At).TotalSeconds;
            run.Sheet.Add("churn", "changes acknowledged", "1/s", "churn", (after.Acks - before.Acks) / seconds);
            if (after.Acks - before.Acks < 0.9 * ChurnServer.ChangesPerSecond * seconds)
                run.Sheet.Warn($"churn, round {round}: {after.Changes - before.Changes} changes made and {after.Acks - before.Acks} acknowledged in {seconds:0.0} s");
            if (after.Nacks > before.Nacks) run.Sheet.Warn($"churn, round {round}: {after.Nacks - before.Nacks} changes refused: {server.LastRefusal}");
        }
        run.Sheet.Add("churn", "resident after load", "MB", "weft", proxy.Tree.ResidentKilobytes / 1024.0);
    }

    private static async Task RoundAsync(Run run, string name, PeerProcess proxy, int round)
    {
        var result = await Tools.LoadAsync(proxy.Peer.Url, Run.SteadyRate, run.RoundTime);
        run.Sheet.Add("churn", "p50", "ms", name, result.P50);
        run.Sheet.Add("churn", "p99", "ms", name, result.P99);
        run.Sheet.Add("churn", "p99.9", "ms", name, result.P999);
        run.Sheet.Add("churn", "failed requests", "1", name, result.Failed);
        Run.Say($"  round {round} {name,-8} p50 {result.P50:0.000} ms  p99 {result.P99:0.000} ms  failed {result.Failed}  generator's lateness p99 {result.LatenessP99:0.000} ms");
        if (result.LatenessP99 > 1) run.Sheet.Warn($"churn, round {round}: the generator itself was {result.LatenessP99:0.0} ms late (p99): the machine was not quiet");
    }
}
