using System.CommandLine;
using Weft.Cli.Connecting;
using Weft.Cli.Output;

namespace Weft.Cli.Verbs;

/// <summary><c>weft status</c>: every proxy, where it listens, and whether it runs what was written.</summary>
internal static class StatusVerb
{
    public static Command Create(CliContext cli)
    {
        var format = OutputFormat.Option(OutputFormat.Table, OutputFormat.Json);
        var command = new Command("status", "Every proxy: its ports, its configuration version, acknowledged or refused and why, whether it can be bypassed") { format };
        var server = new ServerOptions(command);
        command.SetAction(async (parsed, cancel) =>
        {
            using var control = server.Connect(parsed, cli);
            var status = await control.GetAsync("/weft/v1/proxies", cancel);
            if (parsed.GetValue(format) == OutputFormat.Json)
                await cli.Out.WriteLineAsync(OutputFormat.Indented(status));
            else
                await cli.Out.WriteAsync(ProxyTable.Text(status, cli.OutIsTerminal, control.Where));
            return ExitCode.Ok;
        });
        return command;
    }
}
