using Weft.Cli.Connecting;
using Weft.Cli.Demo;
using Weft.Cli.Processes;

namespace Weft.Cli.Hosting;

/// <summary><c>weft up --detach</c>: the same command again, out of this terminal's reach, and the way back when it serves.</summary>
internal static class DetachedUp
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(100);

    /// <exception cref="CliException">It ended or does not serve in time; the end of its log is in the message.</exception>
    public static async Task<RunningControl> StartAsync(DataFolder data, IEnumerable<string> arguments, bool demo, CliContext cli, CancellationToken cancel)
    {
        data.Create();
        File.Delete(data.UpLog);
        using var child = await ChildProcess.StartAsync(
            Environment.ProcessPath!, ["up", .. demo ? (string[])["--demo"] : [], .. arguments], new ChildTraits(DeathSignal: 0, OwnSession: true, data.UpLog));
        var started = cli.Time.GetTimestamp();
        while (true)
        {
            if (RunningControl.Find(data) is { } running && running.Process.Id == child.Id)
            {
                if (demo) await WaitForDemoAsync(running, child, data, cli, cancel);
                return running;
            }
            if (child.Exited.IsCompleted) throw Ended(await child.Exited, data);
            if (cli.Time.GetElapsedTime(started) > s_patience)
            {
                await child.StopAsync(s_patience, cli.Time);
                throw new CliException($"the control plane did not serve within {s_patience.TotalSeconds:0} s; its log is {data.UpLog}");
            }
            await Task.Delay(s_poll, cli.Time, cancel);
        }
    }

    private static async Task WaitForDemoAsync(RunningControl running, ChildProcess child, DataFolder data, CliContext cli, CancellationToken cancel)
    {
        using var control = new ControlClient(new Uri("http://" + running.Api), cli) { Where = data.Where(cli) };
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var traffic = DemoTraffic.WaitAsync(control, cli, waiting.Token);
        if (await Task.WhenAny(traffic, child.Exited) == traffic)
        {
            await traffic;
            return;
        }
        await waiting.CancelAsync();
        throw Ended(await child.Exited, data);
    }

    private static CliException Ended(int code, DataFolder data)
    {
        var tail = File.Exists(data.UpLog) ? string.Join('\n', File.ReadLines(data.UpLog).TakeLast(10)) : "";
        return new CliException($"it ended with {code}:\n{tail}");
    }
}
