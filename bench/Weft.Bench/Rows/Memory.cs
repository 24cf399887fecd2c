using Weft.Bench.Measuring;
using Weft.Bench.Mesh;
using Weft.Bench.Peers;

namespace Weft.Bench.Rows;

/// <summary>
/// Resident memory of a sidecar that has joined the real control plane, after load through its forward proxy: in a small mesh and in a large one of which it calls
/// the same few services, and where it calls all. A process of its own for each round.
/// </summary>
internal static class Memory
{
    public const string Small = "10 known, 5 called", Large = "1,000 known, 5 called", AllCalled = "1,000 known, all called";

    private const int FewServices = 10, ManyServices = 1000, FewCalled = 5;

    public static async Task MeasureAsync(Run run)
    {
        await using var small = await BenchMesh.StartAsync(FewServices);
        await using var large = await BenchMesh.StartAsync(ManyServices);
        for (var round = 1; round <= run.Rounds; round++)
        {
            await RoundAsync(run, small.Sidecar(Small), FewCalled, round);
            await RoundAsync(run, large.Sidecar(Large), FewCalled, round);
            await RoundAsync(run, large.Sidecar(AllCalled), ManyServices, round);
        }
    }

    private static async Task RoundAsync(Run run, Contender sidecar, int called, int round)
    {
        await using var stage = await run.StartAsync([], AllPeers.Application);
        var running = await stage.AddAsync(sidecar);
        var script = Repository.Peer("memory/requests.lua");
        // First the answers to services that are asked for the first time, slowly; then load.
        await Tools.WrkAsync(sidecar.Url, run.WarmUp, script, 1, called.ToString());
        var count = await Tools.WrkAsync(sidecar.Url, run.RoundTime, script, 64, called.ToString());
        if (count.Errors > 0) run.Sheet.Warn($"{sidecar.Name}: {count.Errors} of {count.Requests} requests failed in round {round}");
        run.Sheet.Add(ClosedLoop.Resident, "MB", sidecar.Name, running.ResidentMegabytes);
        run.Sheet.Add("peak", "MB", sidecar.Name, running.PeakMegabytes);
        Run.Say($"  round {round} {sidecar.Name,-24} {running.ResidentMegabytes:0.0} MB after {count.Requests} requests, {running.PeakMegabytes:0.0} MB at most");
    }
}
