using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Cli.Connecting;
using Weft.Cli.Output;
using Weft.Resources;

namespace Weft.Cli.Verbs;

/// <summary><c>weft describe KIND NAME</c>: what it says, and what the mesh says about it.</summary>
internal static class DescribeVerb
{
    public static Command Create(CliContext cli)
    {
        var kindName = KindArgument.Kind();
        var nameArgument = KindArgument.Name();
        var ns = KindArgument.Namespace();
        var command = new Command("describe", "Show one resource with its status: accepted or not, and why") { kindName, nameArgument, ns };
        var server = new ServerOptions(command);
        command.SetAction(async (parsed, cancel) =>
        {
            var (kind, name) = KindArgument.Find(parsed.GetValue(kindName), parsed.GetValue(nameArgument));
            if (name is null)
            {
                var where = server.Where(parsed, cli);
                throw new CliException(
                    $"name the object: `{CliContext.CommandName} describe {kind.Singular} NAME{where}` (`{CliContext.CommandName} get {kind.Plural}{where}` lists them)", ExitCode.Usage);
            }
            using var control = server.Connect(parsed, cli);
            var json = await GetVerb.GetAsync(control, ApiPaths.Object(kind, parsed.GetValue(ns)!, name), ControlClient.Json, cancel);
            await cli.Out.WriteAsync(Text(json.AsObject(), cli.OutIsTerminal));
            return ExitCode.Ok;
        });
        return command;
    }

    internal static string Text(JsonObject json, bool terminal)
    {
        var text = new StringWriter();
        var metadata = json["metadata"]!.AsObject();
        Line("Kind", $"{json["kind"]} ({json["apiVersion"]})");
        Line("Name", (string)metadata["name"]!);
        if (metadata["namespace"] is { } ns) Line("Namespace", (string)ns!);
        if (metadata["creationTimestamp"] is { } created) Line("Created", (string)created!);
        if (metadata["labels"] is JsonObject { Count: > 0 } labels) Line("Labels", string.Join(", ", labels.Select(l => $"{l.Key}={l.Value}")));
        foreach (var (key, value) in json)
        {
            if (key is "apiVersion" or "kind" or "metadata" or "status" || value is null) continue;
            text.Write($"{Style.Heading.Paint(key, terminal)}:\n{Indented(YamlText.Write(value))}");
        }
        var conditions = Conditions(json["status"]);
        if (conditions.Count > 0) text.Write($"{Style.Heading.Paint("conditions", terminal)}:\n{Indented(conditions.ToText(terminal))}");
        return text.ToString();

        void Line(string label, string value) => text.Write($"{Style.Heading.Paint(label, terminal)}:{new string(' ', Math.Max(1, 12 - label.Length))}{value}\n");
    }

    /// <summary>Conditions stand at the top of a status, or per parent for routes.</summary>
    private static TextTable Conditions(JsonNode? status)
    {
        var table = new TextTable("FOR", "TYPE", "STATUS", "REASON", "MESSAGE");
        Add("-", status?["conditions"]);
        foreach (var parent in status?["parents"] as JsonArray ?? []) Add($"{parent!["parentRef"]?["kind"] ?? "Gateway"} {parent["parentRef"]?["name"]}", parent["conditions"]);
        return table;

        void Add(string subject, JsonNode? conditions)
        {
            foreach (var condition in conditions as JsonArray ?? [])
            {
                var good = (string?)condition!["status"] == "True";
                table.Add(subject, Text(condition, "type"), new Cell(Text(condition, "status"), good ? Style.Good : Style.Warning), Text(condition, "reason"), Text(condition, "message"));
            }
        }

        static string Text(JsonNode condition, string name) => (string?)condition[name] is { Length: > 0 } text ? text : "-";
    }

    private static string Indented(string block) => string.Concat(block.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => $"  {line}\n"));
}
