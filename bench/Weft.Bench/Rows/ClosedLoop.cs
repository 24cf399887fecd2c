using System.Diagnostics;
using Weft.Bench.Measuring;
using Weft.Bench.Peers;

namespace Weft.Bench.Rows;

/// <summary>Offers load to a contender for a time, as much as it takes.</summary>
internal delegate Task<LoadCount> Load(Contender contender, TimeSpan duration);

/// <summary>
/// What one request costs when the proxy has no time to lose: the load offers as much as the proxy takes, and the processor time of the proxy's threads is divided by what was
/// served. Memory is read afterwards, while all connections are still known.
/// </summary>
internal static class ClosedLoop
{
    public const string Cost = "CPU per request", Resident = "resident after load";

    private const double BusyEnough = 0.9;

    /// <param name="folder">Of bench/peers.</param>
    /// <param name="application">Null when the contenders answer by themselves.</param>
    /// <param name="perCpuSecond">Names what is counted, and how many of it one request is, where work per CPU second is asked and not cost per request.</param>
    public static async Task MeasureAsync(Run run, string folder, Reach reach, Peer? application, Load load, (string What, double PerRequest)? perCpuSecond = null)
    {
        await using var stage = await run.StartAsync(run.Contenders(folder, reach), application);
        Run.Say($"  warming up, {run.WarmUp.TotalSeconds:0} s each");
        foreach (var running in stage.Contenders) await load(running.Contender, run.WarmUp);
        for (var round = 1; round <= run.Rounds; round++)
            foreach (var running in stage.Contenders) await RoundAsync(run, running, round, load, perCpuSecond);
        foreach (var running in stage.Contenders) run.Sheet.Add(Resident, "MB", running.Name, running.ResidentMegabytes);
    }

    private static async Task RoundAsync(Run run, Running running, int round, Load load, (string What, double PerRequest)? perCpuSecond)
    {
        var cpu = running.CpuNanos;
        var clock = Stopwatch.StartNew();
        var count = await load(running.Contender, run.RoundTime);
        var wall = clock.Elapsed.TotalNanoseconds;
        cpu = running.CpuNanos - cpu;
        if (count.Errors > 0) run.Sheet.Warn($"{running.Name}: {count.Errors} of {count.Requests} requests failed in round {round}");
        if (count.Requests == 0) return;

        var perRequest = cpu / 1000.0 / count.Requests;
        // The time that the generator needs to start and end is not the proxy's idleness.
        var busy = cpu / Math.Min(wall, count.Seconds * 1e9);
        if (perCpuSecond is { } work) run.Sheet.Add(work.What, "1/s", running.Name, count.Requests * work.PerRequest / (cpu / 1e9));
        else run.Sheet.Add(Cost, "us", running.Name, perRequest);
        run.Sheet.Add("throughput", "requests/s", running.Name, count.Requests / count.Seconds);
        run.Sheet.Add("share of its core that the proxy was busy", "1", running.Name, busy);
        Run.Say($"  round {round} {running.Name,-8} {perRequest,8:0.00} us/request {count.Requests / count.Seconds,9:0} requests/s  core {busy:0%} busy");
        if (busy < BusyEnough) run.Sheet.Warn($"{running.Name} did not have its core busy in some rounds ({BusyEnough:0%}): the load or the application was the bottleneck");
    }
}
