using System.CommandLine;
using Weft.Cli.Output;
using Weft.Cli.Verbs;

namespace Weft.Cli;

/// <summary>The composition root: every verb by hand, no scanning, so that a short command stays short.</summary>
public static class CommandLine
{
    public static RootCommand Create(CliContext cli)
    {
        var root = new RootCommand("Weft, a service mesh: mutual TLS, steering and numbers for calls between services, without changing the services.")
        {
            UpVerb.Create(cli),
            DownVerb.Create(cli),
            RunVerb.Create(cli),
            InterceptVerb.Create(cli),
            ApplyVerb.Create(cli),
            GetVerb.Create(cli),
            DescribeVerb.Create(cli),
            DeleteVerb.Create(cli),
            ValidateVerb.Create(cli),
            StatVerb.Create(cli),
            StatusVerb.Create(cli),
            ControlVerb.Create(cli),
            BootstrapVerb.Create(cli),
            ProxyVerb.Create(cli),
            VersionVerb.Create(cli),
        };
        // `weft` alone asks what there is; a script that lost its arguments must notice.
        root.SetAction(parsed =>
        {
            _ = new System.CommandLine.Help.HelpAction().Invoke(parsed);
            return ExitCode.Usage;
        });
        return root;
    }

    /// <summary>Runs one command line and gives its exit code. What goes wrong is a line on the error stream, never a stack trace.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> args, CliContext cli)
    {
        var parsed = Create(cli).Parse(args);
        if (parsed.Errors.Count > 0)
        {
            var path = string.Join(' ', CommandPath(parsed.CommandResult));
            foreach (var error in parsed.Errors) await cli.Error.WriteLineAsync($"weft: {error.Message}");
            await cli.Error.WriteLineAsync($"see `{path} --help`");
            return ExitCode.Usage;
        }
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                Output = cli.Out,
                Error = cli.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null, // signals belong to the verbs: `run` passes them on, and two seconds are not enough to drain
            });
        }
        catch (CliException e)
        {
            await cli.Error.WriteLineAsync($"{Style.Error.Paint("weft:", cli.ErrorIsTerminal)} {e.Message}");
            return e.ExitCode;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            await cli.Error.WriteLineAsync($"{Style.Error.Paint("weft:", cli.ErrorIsTerminal)} {e.Message}");
            return ExitCode.Failed;
        }
    }

    private static IEnumerable<string> CommandPath(System.CommandLine.Parsing.SymbolResult? result)
    {
        var names = new List<string>();
        for (; result is System.CommandLine.Parsing.CommandResult command; result = result.Parent)
            names.Insert(0, command.Command is RootCommand ? CliContext.CommandName : command.Command.Name);
        return names;
    }
}
