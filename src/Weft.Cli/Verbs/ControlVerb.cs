using System.CommandLine;
using Microsoft.Extensions.Logging;
using Weft.Cli.Hosting;
using Weft.Cli.Processes;

namespace Weft.Cli.Verbs;

/// <summary><c>weft control</c>: the control plane for a service manager: in the foreground, its log on the error stream, nothing else.</summary>
internal static class ControlVerb
{
    public static Command Create(CliContext cli)
    {
        var command = new Command("control", "Run the control plane alone, in the foreground, with its log on the error stream (for systemd and the like)");
        var options = new ControlOptions(command);
        command.SetAction(async (parsed, cancel) =>
        {
            using var signals = new EndSignals();
            await using var plane = await ControlHost.StartAsync(options.Read(parsed, options.Data(parsed, cli)), LogLevel.Information, cli, cancel);
            await signals.WaitAsync();
            return ExitCode.Ok;
        });
        return command;
    }
}
