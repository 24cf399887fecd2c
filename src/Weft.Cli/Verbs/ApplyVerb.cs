using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Cli.Connecting;
using Weft.Cli.Output;
using Weft.Resources;

namespace Weft.Cli.Verbs;

/// <summary><c>weft apply -f FILE [--wait]</c>: everything in the files or nothing.</summary>
internal static class ApplyVerb
{
    private static readonly TimeSpan s_waitTimeout = TimeSpan.FromSeconds(30);

    public static Command Create(CliContext cli)
    {
        var files = ResourceFiles.Option(required: true);
        var ns = KindArgument.Namespace();
        var wait = new Option<bool>("--wait") { Description = "Return when every connected proxy has acknowledged, or fail with the refusal; warn of routes that do not do what they say" };
        var timeout = DurationOption.Create("--timeout", "How long --wait waits", s_waitTimeout);
        var dryRun = new Option<bool>("--dry-run") { Description = "Let the control plane decide everything and change nothing" };
        var command = new Command("apply", "Write resources from files: all of them, or none") { files, ns, wait, timeout, dryRun };
        var server = new ServerOptions(command);
        command.SetAction(async (parsed, cancel) =>
        {
            var texts = await ResourceFiles.ReadAsync(parsed.GetValue(files)!, cli, cancel);
            using var control = server.Connect(parsed, cli);
            var started = cli.Time.GetTimestamp();
            var result = await SendAsync(control, texts, parsed.GetValue(ns)!, parsed.GetValue(dryRun), cli, cancel);
            DiagnosticText.Write(result.Warnings, cli.Error, cli.ErrorIsTerminal);
            foreach (var line in result.Lines) await cli.Out.WriteLineAsync(line);
            if (!parsed.GetValue(wait) || parsed.GetValue(dryRun)) return ExitCode.Ok;
            var code = await RolloutWait.RunAsync(control, result.Revision, started, parsed.GetValue(timeout) ?? s_waitTimeout, cli, cancel);
            await RouteWarnings.WriteAsync(control, result.Objects, cli, cancel);
            return code;
        });
        return command;
    }

    /// <param name="Objects">As the control plane names them.</param>
    /// <param name="Lines">One per object: "HTTPRoute default/catalog configured".</param>
    private sealed record Applied(long Revision, IReadOnlyList<JsonNode> Objects, IReadOnlyList<string> Lines, IReadOnlyList<Diagnostic> Warnings);

    private static async Task<Applied> SendAsync(
        ControlClient control, IReadOnlyList<ResourceFile> texts, string ns, bool dryRun, CliContext cli, CancellationToken cancel)
    {
        var query = $"?namespace={Uri.EscapeDataString(ns)}{(dryRun ? "&dryRun=All" : "")}";
        try
        {
            var answer = texts is [var only]
                ? await control.PostTextAsync($"/weft/v1/apply{query}&fileName={Uri.EscapeDataString(only.Name)}", only.Text, only.IsJson ? ControlClient.Json : ControlClient.Yaml, cancel)
                : await control.PostAsync($"/weft/v1/apply{query}", Together(texts, ns, cli), cancel);
            IReadOnlyList<JsonNode> objects = [.. answer["objects"]!.AsArray().OfType<JsonNode>()];
            return new Applied(
                (long)answer["revision"]!,
                objects,
                [.. objects.Select(o => $"{Subject(o)} {o["action"]}{(dryRun ? " (dry run)" : "")}")],
                DiagnosticsJson.Read(answer["diagnostics"]));
        }
        catch (RefusedException e)
        {
            throw Refused(e.Diagnostics, e.Message, cli);
        }
    }

    /// <summary>Several files are one transaction: they are read here, where the lines of each are known, and sent as one list.</summary>
    private static JsonObject Together(IReadOnlyList<ResourceFile> texts, string ns, CliContext cli)
    {
        var results = texts.Select(t => t.Read(ns)).ToList();
        if (results.Exists(r => r.HasErrors)) throw Refused([.. results.SelectMany(r => r.Diagnostics)], "", cli);
        return new JsonObject
        {
            ["apiVersion"] = "v1", ["kind"] = "List",
            ["items"] = new JsonArray([.. results.SelectMany(r => r.Resources).Select(o => o.Json.DeepClone())]),
        };
    }

    private static CliException Refused(IReadOnlyList<Diagnostic> diagnostics, string message, CliContext cli)
    {
        if (diagnostics.Count == 0) return new CliException($"{message}\nnothing was changed");
        DiagnosticText.Write(diagnostics, cli.Error, cli.ErrorIsTerminal);
        return new CliException($"{DiagnosticText.Count(diagnostics)}; nothing was changed");
    }

    private static string Subject(JsonNode row) =>
        (string?)row["namespace"] is { Length: > 0 } ns ? $"{row["kind"]} {ns}/{row["name"]}" : $"{row["kind"]} {row["name"]}";
}
