using System.Diagnostics;
using System.Globalization;
using Weft.Bench.Peers;

namespace Weft.Bench.Rows;

/// <summary>From starting the program until it accepts a connection, until it has answered a first request and, for Weft, until it says that its own warm-up is over.</summary>
internal static class Startup
{
    public const string Accepts = "until it accepts", Warm = "until it is warm";

    private const string WarmUpMetric = "weft_warmup_duration_seconds ";

    private static readonly Uri WeftMetrics = new("http://127.0.0.1:18013/metrics");
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static async Task MeasureAsync(Run run)
    {
        await using var stage = await run.StartAsync([], AllPeers.Application);
        var contenders = run.Contenders("h1");
        for (var round = 1; round <= run.Rounds; round++)
        {
            foreach (var contender in contenders)
            {
                var clock = Stopwatch.StartNew();
                await using var process = PeerProcess.Start(contender.Hops[0], Run.ProxyCore);
                process.WaitUntilAccepting();
                run.Sheet.Add(Accepts, "ms", contender.Name, clock.Elapsed.TotalMilliseconds);
                Run.Say($"  round {round} {contender.Name,-8} accepts after {clock.Elapsed.TotalMilliseconds:0} ms");
                await process.WaitUntilServingAsync(contender.Url, contender.Reach);
                run.Sheet.Add("until the first answer", "ms", contender.Name, clock.Elapsed.TotalMilliseconds);
                if (contender.Name != Contender.Weft) continue;
                await WaitUntilWarmAsync();
                run.Sheet.Add(Warm, "ms", contender.Name, clock.Elapsed.TotalMilliseconds);
            }
        }
        foreach (var contender in contenders) run.Sheet.Uses(contender.Hops[0].Configuration);
    }

    private static async Task WaitUntilWarmAsync()
    {
        using var http = new HttpClient();
        for (var since = Stopwatch.StartNew(); since.Elapsed < Patience; await Task.Delay(50))
        {
            var metrics = await http.GetStringAsync(WeftMetrics);
            var line = metrics.Split('\n').First(l => l.StartsWith(WarmUpMetric, StringComparison.Ordinal));
            if (double.Parse(line[WarmUpMetric.Length..].Split(' ')[0], CultureInfo.InvariantCulture) > 0) return;
        }
        throw new InvalidOperationException($"no end of the warm-up within {Patience.TotalSeconds:0} s");
    }
}
