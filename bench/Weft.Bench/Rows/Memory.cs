using Weft.Bench.Measuring;

namespace Weft.Bench.Rows;

/// <summary>Resident memory after load, of all processes of each proxy.</summary>
public static class Memory
{
    public static async Task MeasureAsync(Run run)
    {
        await using var stage = await run.StartAllAsync();
        Run.Say("memory: after load");
        foreach (var proxy in stage.Proxies) await Tools.WrkAsync(proxy.Peer.Url, run.WarmUp + run.RoundTime);
        Read(run, stage);
    }

    public static void Read(Run run, Stage stage)
    {
        foreach (var proxy in stage.Proxies)
        {
            var (now, peak) = (proxy.Tree.ResidentKilobytes / 1024.0, proxy.Tree.PeakKilobytes / 1024.0);
            run.Sheet.Add("memory", "resident after load", "MB", proxy.Peer.Name, now);
            run.Sheet.Add("memory", "peak", "MB", proxy.Peer.Name, peak);
            Run.Say($"  {proxy.Peer.Name,-8} {now:0.0} MB resident, {peak:0.0} MB at most");
        }
    }
}
