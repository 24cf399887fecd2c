using System.CommandLine;
using Weft.Cli.Connecting;
using Weft.Cli.Output;

namespace Weft.Cli.Verbs;

/// <summary><c>weft stat</c>: the numbers of the last 30 seconds.</summary>
internal static class StatVerb
{
    /// <summary>Proxies report every few seconds: a faster picture would show nothing new.</summary>
    private static readonly TimeSpan s_refresh = TimeSpan.FromSeconds(2);

    public static Command Create(CliContext cli)
    {
        var what = new Argument<string?>("WHAT") { Description = "services: without the edges between them", Arity = ArgumentArity.ZeroOrOne };
        what.AcceptOnlyFromAmong("services");
        var format = OutputFormat.Option(OutputFormat.Table, OutputFormat.Json);
        var watch = new Option<bool>("--watch", "-w") { Description = "Print again every 2 s until Ctrl-C" };
        var command = new Command("stat", "Requests per second, success, latency and mTLS share of services and of the calls between them, and connections and bytes where no requests are looked into, over the last 30 s") { what, format, watch };
        var server = new ServerOptions(command);
        command.SetAction(async (parsed, cancel) =>
        {
            using var control = server.Connect(parsed, cli);
            var json = parsed.GetValue(format) == OutputFormat.Json;
            var live = new LiveText(cli);
            while (true)
            {
                var stat = await control.GetAsync("/weft/v1/stat", cancel);
                if (json)
                    await cli.Out.WriteLineAsync(parsed.GetValue(watch) ? stat.ToJsonString() : OutputFormat.Indented(stat));
                else
                    live.Show(TrafficTables.Text(stat, cli.OutIsTerminal, parsed.GetValue(what) is not null, control.Where));
                if (!parsed.GetValue(watch)) return ExitCode.Ok;
                await Task.Delay(s_refresh, cli.Time, cancel);
            }
        });
        return command;
    }
}
