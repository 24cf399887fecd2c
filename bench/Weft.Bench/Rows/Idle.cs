using Weft.Bench.Measuring;
using Weft.Bench.Peers;

namespace Weft.Bench.Rows;

/// <summary>
/// Thousands of connections on which little happens: what one more costs in memory, and what a request costs when each comes on a connection that was quiet for long.
/// One process of each contender for each way of connecting, so that their memory is not mixed.
/// </summary>
internal static class Idle
{
    private const double Rate = 500;
    private const int TlsPorts = 50; // from the plaintext listener to the one with mutual TLS

    private static readonly (string Name, bool Tls, string Protocol)[] Ways = [("h1", false, "h1"), ("h1 mTLS", true, "h1"), ("h2 mTLS", true, "h2")];

    public static string MemoryOf(string way) => $"memory per connection, {way}";

    public static async Task MeasureAsync(Run run, int connections)
    {
        foreach (var (way, tls, protocol) in Ways)
        {
            Run.Say($"  {connections} connections, {way}");
            await using var stage = await run.StartAsync(run.Contenders("idle"), AllPeers.Application);
            var generators = new List<(Running Running, Generator Generator)>();
            try
            {
                foreach (var running in stage.Contenders)
                {
                    var generator = Generator.Start(tls ? (running.Contender with { Reach = Reach.MutualTls }).UrlAt(TlsPorts) : running.Contender.Url, protocol);
                    generators.Add((running, generator));
                    if (!await OpenAsync(run, running, generator, connections, way)) generators.Remove((running, generator));
                }
                for (var round = 1; round <= run.Rounds; round++)
                    foreach (var (running, generator) in generators) await RoundAsync(run, running, generator, way, round);
            }
            finally
            {
                foreach (var (_, generator) in generators) await generator.DisposeAsync();
            }
        }
    }

    private static async Task<bool> OpenAsync(Run run, Running running, Generator generator, int connections, string way)
    {
        // A few first, so that what the first connection loads and compiles is not divided among all.
        var first = await generator.DoAsync("open 8");
        if (first.Broken == 0) await generator.DoAsync($"rate {Rate} {run.WarmUp.TotalSeconds:0}");
        var before = running.ResidentMegabytes;
        var opened = first.Broken > 0 ? first : await generator.DoAsync($"open {connections}");
        if (opened.Broken > 0)
        {
            run.Sheet.Warn($"{running.Name}, {way}: {opened.Connections} of {connections} connections opened, {opened.Broken} broke: left out");
            return false;
        }
        await Task.Delay(TimeSpan.FromSeconds(1)); // buffers and tickets settle
        var resident = running.ResidentMegabytes;
        run.Sheet.Add(MemoryOf(way), "KB", running.Name, (resident - before) * 1024 / (connections - 8));
        run.Sheet.Add($"resident, {way}", "MB", running.Name, resident);
        Run.Say($"  {running.Name,-8} opened in {opened.Seconds:0.0} s, {(resident - before) * 1024 / (connections - 8):0.0} KB each, {resident:0} MB");
        return true;
    }

    private static async Task RoundAsync(Run run, Running running, Generator generator, string way, int round)
    {
        var cpu = running.CpuNanos;
        var report = await generator.DoAsync($"rate {Rate} {run.RoundTime.TotalSeconds:0}");
        cpu = running.CpuNanos - cpu;
        if (report.Broken > 0) run.Sheet.Warn($"{running.Name}, {way}: {report.Broken} connections broke in round {round}");
        if (report.Requests == 0) return;
        run.Sheet.Add($"CPU per request at {Rate:0}/s, {way}", "us", running.Name, cpu / 1000.0 / report.Requests);
        run.Sheet.Add($"p99 at {Rate:0}/s, {way}", "ms", running.Name, report.P99);
        Run.Say($"  round {round} {running.Name,-8} {cpu / 1000.0 / report.Requests:0.0} us/request  p99 {report.P99:0.00} ms");
    }
}
