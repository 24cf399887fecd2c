using System.CommandLine;
using Weft.Cli.Connecting;
using Weft.Cli.Output;
using Weft.Resources;

namespace Weft.Cli.Verbs;

/// <summary><c>weft validate -f FILE</c>: what the control plane would say, without one.</summary>
internal static class ValidateVerb
{
    public static Command Create(CliContext cli)
    {
        var files = ResourceFiles.Option(required: true);
        var format = OutputFormat.Option(OutputFormat.Table, OutputFormat.Json);
        var command = new Command("validate", "Check resource files offline: every problem with its line and what to write instead") { files, format };
        command.SetAction(async (parsed, cancel) =>
        {
            var texts = await ResourceFiles.ReadAsync(parsed.GetValue(files)!, cli, cancel);
            var results = texts.Select(t => t.Read("default")).ToList();
            var found = results.SelectMany(r => r.Diagnostics).ToList();
            var failed = results.Exists(r => r.HasErrors);
            if (parsed.GetValue(format) == OutputFormat.Json)
            {
                await cli.Out.WriteLineAsync(OutputFormat.Indented(Weft.Control.Api.DiagnosticJson.Of(found)));
                return failed ? ExitCode.Failed : ExitCode.Ok;
            }
            DiagnosticText.Write(found, cli.Out, cli.OutIsTerminal);
            var objects = results.Sum(r => r.Resources.Length);
            var where = texts.Count == 1 ? texts[0].Name : DiagnosticText.Plural(texts.Count, "file");
            await cli.Out.WriteLineAsync(found.Count == 0
                ? $"{where}: {DiagnosticText.Plural(objects, "object")}, no problem found"
                : $"{where}: {DiagnosticText.Count(found)}{(failed ? "" : "; it would be accepted")}");
            return failed ? ExitCode.Failed : ExitCode.Ok;
        });
        return command;
    }
}
