using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Cli.Connecting;
using Weft.Cli.Output;
using Weft.Resources;

namespace Weft.Cli.Verbs;

/// <summary><c>weft get KIND [NAME]</c>.</summary>
internal static class GetVerb
{
    /// <summary>Asks for the columns that the kind itself declares, as kubectl does.</summary>
    private const string TableType = "application/json;as=Table;v=v1;g=meta.k8s.io";

    public static Command Create(CliContext cli)
    {
        var kindName = KindArgument.Kind();
        var nameArgument = KindArgument.Name();
        var ns = KindArgument.Namespace();
        var all = new Option<bool>("--all-namespaces", "-A") { Description = "Objects of every namespace" };
        var format = OutputFormat.Option(OutputFormat.Table, OutputFormat.Wide, OutputFormat.Json, OutputFormat.Yaml);
        var command = new Command("get", "List resources, or print one") { kindName, nameArgument, ns, all, format };
        var server = new ServerOptions(command);
        command.SetAction(async (parsed, cancel) =>
        {
            var (kind, name) = KindArgument.Find(parsed.GetValue(kindName), parsed.GetValue(nameArgument));
            var everywhere = parsed.GetValue(all);
            if (everywhere && name is not null) throw new CliException("-A lists; an object is named with its namespace: -n NS", ExitCode.Usage);
            var path = name is null
                ? ApiPaths.Collection(kind, everywhere ? null : parsed.GetValue(ns))
                : ApiPaths.Object(kind, parsed.GetValue(ns)!, name);
            using var control = server.Connect(parsed, cli);
            var output = parsed.GetValue(format);
            if (output is OutputFormat.Json or OutputFormat.Yaml)
            {
                var json = await GetAsync(control, path, ControlClient.Json, cancel);
                await cli.Out.WriteAsync(output == OutputFormat.Json ? OutputFormat.Indented(json) + "\n" : YamlText.Write(json));
                return ExitCode.Ok;
            }
            var table = Table(await GetAsync(control, path, TableType, cancel), kind.Namespaced && everywhere, output == OutputFormat.Wide);
            if (table.Count == 0)
                await cli.Error.WriteLineAsync($"no {kind.Plural}{(kind.Namespaced && !everywhere ? $" in namespace {parsed.GetValue(ns)}" : "")}");
            else
                table.Write(cli.Out, cli.OutIsTerminal);
            return ExitCode.Ok;
        });
        return command;
    }

    internal static async Task<JsonNode> GetAsync(ControlClient control, string path, string accept, CancellationToken cancel)
    {
        try
        {
            return await control.GetAsync(path, cancel, accept: accept);
        }
        catch (RefusedException e)
        {
            throw new CliException(e.Message);
        }
    }

    /// <summary>Renders a <c>meta.k8s.io Table</c>; wide adds the labels.</summary>
    internal static TextTable Table(JsonNode json, bool showNamespace, bool wide)
    {
        var columns = json["columnDefinitions"]!.AsArray().Select(c => ((string)c!["name"]!).ToUpperInvariant());
        var table = new TextTable([.. showNamespace ? (IEnumerable<string>)["NAMESPACE"] : [], .. columns, .. wide ? (IEnumerable<string>)["LABELS"] : []]);
        foreach (var row in json["rows"]!.AsArray())
        {
            var metadata = row!["object"]!["metadata"]!;
            var cells = row["cells"]!.AsArray().Select(c => (Cell)(c?.ToString() is { Length: > 0 } text ? text : "-"));
            var labels = metadata["labels"] is JsonObject { Count: > 0 } given ? string.Join(',', given.Select(l => $"{l.Key}={l.Value}")) : "-";
            table.Add([.. showNamespace ? (IEnumerable<Cell>)[(string)metadata["namespace"]!] : [], .. cells, .. wide ? (IEnumerable<Cell>)[labels] : []]);
        }
        return table;
    }
}
