using System.Diagnostics;
using Weft.Bench.Peers;

namespace Weft.Bench.Rows;

/// <summary>From starting the program until it accepts a connection, and until it has answered a first request.</summary>
public static class Startup
{
    public static async Task MeasureAsync(Run run)
    {
        await using var backend = AllPeers.Backend.Start(Run.LoadCore);
        backend.WaitUntilAccepting();
        await backend.WaitUntilServingAsync();
        Run.Say("start");
        for (var round = 1; round <= run.Rounds; round++)
        {
            foreach (var peer in run.Proxies)
            {
                var clock = Stopwatch.StartNew();
                await using var process = peer.Start(Run.ProxyCore);
                process.WaitUntilAccepting();
                var accepting = clock.Elapsed.TotalMilliseconds;
                await process.WaitUntilServingAsync();
                var answered = clock.Elapsed.TotalMilliseconds;
                run.Sheet.Add("start", "until it accepts", "ms", peer.Name, accepting);
                run.Sheet.Add("start", "until the first answer", "ms", peer.Name, answered);
                Run.Say($"  round {round} {peer.Name,-8} accepts after {accepting:0} ms, has answered after {answered:0} ms");
            }
        }
    }
}
