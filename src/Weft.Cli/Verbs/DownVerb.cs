using System.CommandLine;
using Weft.Cli.Connecting;
using Weft.Cli.Processes;

namespace Weft.Cli.Verbs;

/// <summary><c>weft down</c>: ends what <c>weft up</c> started on the data folder.</summary>
internal static class DownVerb
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(50);

    public static Command Create(CliContext cli)
    {
        var option = ServerOptions.DataOption();
        var command = new Command("down", "End the control plane of the data folder and, if it runs, the demo; services under `weft run` go on") { option };
        command.SetAction(async (parsed, cancel) =>
        {
            var data = DataFolder.Find(parsed.GetValue(option), cli.Environment);
            if (RunningControl.Find(data) is not { } running)
            {
                await cli.Out.WriteLineAsync($"no control plane runs on {data.Path}");
                return ExitCode.Ok;
            }
            _ = Libc.Kill(running.Process.Id, Libc.SIGTERM);
            var started = cli.Time.GetTimestamp();
            while (running.Process.IsAlive)
            {
                if (cli.Time.GetElapsedTime(started) > s_patience)
                    throw new CliException($"process {running.Process.Id} did not end within {s_patience.TotalSeconds:0} s; `kill -9 {running.Process.Id}` ends it, and what was acknowledged is safe on disk");
                await Task.Delay(s_poll, cli.Time, cancel);
            }
            await cli.Out.WriteLineAsync("Weft is down");
            return ExitCode.Ok;
        });
        return command;
    }
}
