using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Cli.Connecting;
using Weft.Cli.Output;

namespace Weft.Cli.Verbs;

/// <summary>Follows a revision to every connected proxy and says of each what came of it and after how long.</summary>
internal static class RolloutWait
{
    /// <summary>How exactly a single proxy's time is known. The whole is known to the millisecond: the last answer ends the poll.</summary>
    private static readonly TimeSpan s_step = TimeSpan.FromMilliseconds(20);

    /// <param name="started">When the change was sent: the times printed are those that a person waits.</param>
    public static async Task<int> RunAsync(ControlClient control, long revision, long started, TimeSpan timeout, CliContext cli, CancellationToken cancel)
    {
        var times = new Dictionary<string, double>(StringComparer.Ordinal);
        while (true)
        {
            var path = string.Create(CultureInfo.InvariantCulture, $"/weft/v1/rollout?revision={revision}&timeout={s_step.TotalSeconds}");
            var report = await control.GetAsync(path, cancel, s_step);
            var elapsed = cli.Time.GetElapsedTime(started);
            foreach (var proxy in Proxies(report).Where(p => State(p) != "pending")) times.TryAdd(Node(proxy), elapsed.TotalMilliseconds);
            var complete = (bool?)report["complete"] ?? false;
            if (complete || elapsed >= timeout) return Print(report, complete, times, timeout, control.Command("status"), cli);
        }
    }

    private static int Print(JsonNode report, bool complete, Dictionary<string, double> times, TimeSpan timeout, string status, CliContext cli)
    {
        var proxies = Proxies(report).ToList();
        foreach (var proxy in proxies) cli.Out.WriteLine(Line(proxy, times, cli.OutIsTerminal));
        var refused = proxies.Count(p => State(p) == "refused");
        var pending = proxies.Count(p => State(p) == "pending");
        if (refused > 0)
            cli.Error.WriteLine($"weft: {DiagnosticText.Plural(refused, "proxy", "proxies")} refused and kept the configuration of before");
        else if (!complete)
            cli.Error.WriteLine($"weft: {DiagnosticText.Plural(pending, "proxy", "proxies")} did not acknowledge within {timeout.TotalSeconds:0.###} s; `{status}` shows where each stands");
        else if (proxies.Count == 0)
            cli.Out.WriteLine("no proxy is connected: there is nobody to wait for");
        else
            cli.Out.WriteLine($"{DiagnosticText.Plural(proxies.Count, "proxy", "proxies")} acknowledged within {times.Values.Max():0} ms");
        return refused == 0 && complete ? ExitCode.Ok : ExitCode.Failed;
    }

    private static string Line(JsonNode proxy, Dictionary<string, double> times, bool terminal)
    {
        var after = times.TryGetValue(Node(proxy), out var ms) ? $" in {ms:0} ms" : "";
        return State(proxy) switch
        {
            "acked" => $"{Node(proxy)} {Style.Good.Paint("acknowledged", terminal)}{after}",
            "refused" => $"{Node(proxy)} {Style.Error.Paint("refused", terminal)}{after}: {string.Join("; ", Refusals(proxy))}",
            _ => $"{Node(proxy)} {Style.Warning.Paint("has not answered", terminal)}",
        };
    }

    private static IEnumerable<string> Refusals(JsonNode proxy) =>
        (proxy["refusals"] as JsonArray ?? []).OfType<JsonNode>().Select(r => $"{r["type"]} {r["name"]}: {r["message"]}{ProxyTable.Origins(r)}");

    private static IEnumerable<JsonNode> Proxies(JsonNode report) => (report["proxies"] as JsonArray ?? []).OfType<JsonNode>();

    private static string Node(JsonNode proxy) => (string?)proxy["node"] ?? "?";

    private static string State(JsonNode proxy) => (string?)proxy["state"] ?? "pending";
}
