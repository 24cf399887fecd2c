using System.Text.Json.Nodes;

namespace Weft.Cli.Output;

/// <summary>The answer of <c>/weft/v1/proxies</c> as a table, and what deserves a sentence below it.</summary>
public static class ProxyTable
{
    public static string Text(JsonNode status, bool terminal, string where)
    {
        var proxies = (status["proxies"] as JsonArray ?? []).OfType<JsonNode>().ToList();
        if (proxies.Count == 0)
            return $"no proxy is connected\nstart a service with `{CliContext.CommandName} run{where} --service NAME --port N -- COMMAND`\n";
        var table = new TextTable("PROXY", "SERVICE", "VERSION", "INBOUND", "OUTBOUND", "ADMIN", "CONFIG", "STATE", "BYPASS");
        foreach (var proxy in proxies)
        {
            table.Add(
                Text(proxy, "node"), Text(proxy, "service"), Text(proxy, "version"), Inbound(proxy), Text(proxy, "outboundPort"), Text(proxy, "adminPort"),
                Text(proxy, "syncedRevision"), State(proxy), IsBypassable(proxy) ? new Cell("possible", Style.Warning) : "no");
        }
        var text = table.ToText(terminal);
        foreach (var proxy in proxies)
        {
            foreach (var refusal in (proxy["refusals"] as JsonArray ?? []).OfType<JsonNode>())
                text += $"\n{Style.Error.Paint(Text(proxy, "node").Text, terminal)} refuses {Text(refusal, "type")} {Text(refusal, "name")}: {Text(refusal, "message")}{Origins(refusal)}\n";
        }
        if (proxies.Exists(IsBypassable))
            text += $"\nbypass possible: nothing redirects traffic here, so whoever knows an application's own port reaches it past its sidecar\n";
        return text;
    }

    /// <summary>The resources that a refusal is about, as "  (HTTPRoute default/catalog)".</summary>
    public static string Origins(JsonNode refusal) =>
        refusal["resources"] is JsonArray { Count: > 0 } resources ? $" ({string.Join(", ", resources.Select(r => (string)r!))})" : "";

    private static bool IsBypassable(JsonNode proxy) => (bool?)proxy["bypassable"] ?? false;

    /// <summary>"http:20001>9081": mesh traffic comes to 20001 and goes to the application's 9081.</summary>
    private static Cell Inbound(JsonNode proxy) =>
        proxy["inbound"] is JsonArray { Count: > 0 } ports ? string.Join(' ', ports.Select(p => $"{p!["listen"]}>{p["port"]}")) : "-";

    private static Cell State(JsonNode proxy)
    {
        if (!((bool?)proxy["connected"] ?? false)) return new Cell("disconnected", Style.Error);
        var state = Text(proxy, "state").Text;
        return new Cell(state == "acked" ? "acknowledged" : state, state == "acked" ? Style.Good : state == "refused" ? Style.Error : Style.Warning);
    }

    private static Cell Text(JsonNode node, string field) => node[field]?.ToString() is { Length: > 0 } text ? text : "-";
}
