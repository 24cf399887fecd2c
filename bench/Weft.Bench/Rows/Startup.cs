using System.Diagnostics;
using System.Globalization;
using Weft.Bench.Measuring;
using Weft.Bench.Mesh;
using Weft.Bench.Peers;

namespace Weft.Bench.Rows;

/// <summary>
/// From starting the program until it accepts a connection, until it has answered a first request and, for Weft, until it says that its own warm-up is over. Weft takes part twice:
/// with a static configuration as its peers have one, and as a sidecar of a mesh that has its identity and its last good configuration on disk and no control plane to ask.
/// </summary>
internal static class Startup
{
    public const string Accepts = "until it accepts", Warm = "until it is warm", FromCache = "weft, from its cache";

    private const int CachedServices = 100;
    private const string WarmUpMetric = "weft_warmup_duration_seconds ";

    private static readonly Uri StaticMetrics = new("http://127.0.0.1:18013/metrics");
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan UntilSaved = TimeSpan.FromSeconds(12); // the cache is written at most every ten

    public static async Task MeasureAsync(Run run)
    {
        await using var mesh = await BenchMesh.StartAsync(CachedServices);
        var sidecar = mesh.Sidecar(FromCache);
        await FillCacheAsync(run, sidecar);
        await mesh.StopControlPlaneAsync();

        await using var stage = await run.StartAsync([], AllPeers.Application);
        var contenders = run.Contenders("h1");
        for (var round = 1; round <= run.Rounds; round++)
        {
            foreach (var contender in contenders) await RoundAsync(run, contender, contender.Name == Contender.Weft ? StaticMetrics : null, round);
            await RoundAsync(run, sidecar, BenchMesh.Metrics, round);
        }
        foreach (var contender in contenders) run.Sheet.Uses(contender.Hops[0].Configuration);
    }

    private static async Task FillCacheAsync(Run run, Contender sidecar)
    {
        await using var stage = await run.StartAsync([], AllPeers.Application);
        await stage.AddAsync(sidecar);
        await Tools.WrkAsync(sidecar.Url, run.WarmUp, Repository.Peer("memory/requests.lua"), 1, CachedServices.ToString());
        await Task.Delay(UntilSaved);
    }

    private static async Task RoundAsync(Run run, Contender contender, Uri? metrics, int round)
    {
        var clock = Stopwatch.StartNew();
        await using var process = PeerProcess.Start(contender.Hops[0], Run.ProxyCore);
        process.WaitUntilAccepting();
        run.Sheet.Add(Accepts, "ms", contender.Name, clock.Elapsed.TotalMilliseconds);
        Run.Say($"  round {round} {contender.Name,-20} accepts after {clock.Elapsed.TotalMilliseconds:0} ms");
        await process.WaitUntilServingAsync(contender.Url, contender.Reach, contender.Host);
        run.Sheet.Add("until the first answer", "ms", contender.Name, clock.Elapsed.TotalMilliseconds);
        if (metrics is null) return;
        await WaitUntilWarmAsync(metrics);
        run.Sheet.Add(Warm, "ms", contender.Name, clock.Elapsed.TotalMilliseconds);
    }

    /// <summary>Until the proxy says that its own warm-up is over.</summary>
    public static async Task WaitUntilWarmAsync(Uri metrics)
    {
        using var http = new HttpClient();
        for (var since = Stopwatch.StartNew(); since.Elapsed < Patience; await Task.Delay(50))
        {
            if (await TextAsync(http, metrics) is not { } text) continue;
            var line = text.Split('\n').First(l => l.StartsWith(WarmUpMetric, StringComparison.Ordinal));
            if (double.Parse(line[WarmUpMetric.Length..].Split(' ')[0], CultureInfo.InvariantCulture) > 0) return;
        }
        throw new InvalidOperationException($"no end of the warm-up within {Patience.TotalSeconds:0} s");
    }

    /// <summary>Waits until the admin endpoint answers: by then each listener of the configuration accepts.</summary>
    public static async Task WaitUntilConfiguredAsync(Uri metrics)
    {
        using var http = new HttpClient();
        for (var since = Stopwatch.StartNew(); since.Elapsed < Patience; await Task.Delay(1))
        {
            if (await TextAsync(http, metrics) is not null) return;
        }
        throw new InvalidOperationException($"no answer of the admin endpoint within {Patience.TotalSeconds:0} s");
    }

    /// <summary>Null while the admin endpoint is not there yet: accepting comes before it.</summary>
    private static async Task<string?> TextAsync(HttpClient http, Uri metrics)
    {
        try
        {
            return await http.GetStringAsync(metrics);
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }
}
