using System.Net.Sockets;
using Weft.Bench.Clients;
using Weft.Bench.Peers;

namespace Weft.Bench.Rows;

/// <summary>
/// How much later than without proxies a client hears the greeting of a server that speaks first, through two sidecars with mutual TLS between them: on a port that declares bytes, and on one that declares
/// nothing, so that it must be found out. The first connection is the first that a started proxy serves on that port; after it, one after the other.
/// </summary>
internal static class Detection
{
    public const string Declared = "declared", Undeclared = "undeclared", Forgetful = "undeclared, nothing remembered";
    public const string AddedP99 = "added p99", First = "the first";

    private const int Connections = 500, WarmUpConnections = 300, Application = 18000;

    /// <summary>As bench/peers/detection/weft-near.yaml has them. The undeclared one is the first to be spoken on, when the process is as cold as it ever is.</summary>
    private static readonly (string Name, int Port)[] Ports = [(Undeclared, 18006), (Declared, 18003), (Forgetful, 18007)];

    private static readonly Uri NearMetrics = new("http://127.0.0.1:18013/metrics");

    public static async Task MeasureAsync(Run run)
    {
        using var server = new GreetingServer(Application);
        var hops = run.Contenders("detection")[0].Hops;
        foreach (var hop in hops) run.Sheet.Uses(hop.Configuration);
        await using var far = Start(hops[1]);
        for (var round = 1; round <= run.Rounds; round++)
        {
            await using var near = Start(hops[0]);
            await Startup.WaitUntilConfiguredAsync(NearMetrics); // it accepts on one port before the others
            try
            {
                foreach (var (name, port) in Ports) run.Sheet.Add(First, "ms", name, GreetingServer.Await(port).TotalMilliseconds);
                await Startup.WaitUntilWarmAsync(NearMetrics); // its warm-up shares the core
                Round(run, round);
            }
            catch (SocketException e)
            {
                throw new InvalidOperationException($"no greeting came: {e.Message}", e);
            }
        }
    }

    private static void Round(Run run, int round)
    {
        foreach (var (_, port) in Ports) Times(port, WarmUpConnections);
        var direct = Times(Application, Connections);
        foreach (var (name, port) in Ports)
        {
            var times = Times(port, Connections);
            run.Sheet.Add("added p50", "ms", name, At(times, 0.5) - At(direct, 0.5));
            run.Sheet.Add(AddedP99, "ms", name, At(times, 0.99) - At(direct, 0.99));
            Run.Say($"  round {round} {name,-30} p50 {At(times, 0.5):0.000} ms, p99 {At(times, 0.99):0.000} ms (direct {At(direct, 0.5):0.000}, {At(direct, 0.99):0.000})");
        }
    }

    /// <summary>Milliseconds, sorted.</summary>
    private static double[] Times(int port, int count)
    {
        var times = new double[count];
        for (var i = 0; i < count; i++) times[i] = GreetingServer.Await(port).TotalMilliseconds;
        Array.Sort(times);
        return times;
    }

    private static double At(double[] sorted, double quantile) => sorted[(int)Math.Ceiling(quantile * sorted.Length) - 1];

    private static PeerProcess Start(Peer hop)
    {
        var process = PeerProcess.Start(hop, Run.ProxyCore);
        process.WaitUntilAccepting();
        return process;
    }
}
