using System.Text.Json.Nodes;
using Weft.Cli.Connecting;
using Weft.Resources;

namespace Weft.Cli.Demo;

/// <summary>Whether the demo's calls flow.</summary>
public static class DemoTraffic
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(500);

    /// <summary>Waits until so many workloads take requests.</summary>
    /// <exception cref="CliException">They do not after a minute and a half.</exception>
    public static async Task WaitForWorkloadsAsync(ControlClient control, int count, CliContext cli, CancellationToken cancel)
    {
        var started = cli.Time.GetTimestamp();
        while (true)
        {
            var workloads = await control.GetAsync(ApiPaths.Collection(ResourceKinds.Workload, "default"), cancel);
            var healthy = workloads["items"]!.AsArray().Count(w => (string?)w!["spec"]!["health"] == "Healthy");
            if (healthy >= count) return;
            if (cli.Time.GetElapsedTime(started) > s_patience)
                throw new CliException($"{healthy} of {count} processes take requests after {s_patience.TotalSeconds:0} s; `{control.Command("get workloads")}` shows which");
            await Task.Delay(s_poll, cli.Time, cancel);
        }
    }

    /// <summary>Waits until every edge has requests.</summary>
    /// <exception cref="CliException">Some have none after a minute and a half; they are named.</exception>
    public static async Task WaitAsync(ControlClient control, CliContext cli, CancellationToken cancel)
    {
        var started = cli.Time.GetTimestamp();
        while (true)
        {
            var missing = Missing(await control.GetAsync("/weft/v1/stat", cancel));
            if (missing.Count == 0) return;
            if (cli.Time.GetElapsedTime(started) > s_patience)
                throw new CliException($"no requests seen on {string.Join(", ", missing.Select(e => $"{e.From} -> {e.To}"))} within {s_patience.TotalSeconds:0} s");
            await Task.Delay(s_poll, cli.Time, cancel);
        }
    }

    /// <summary>The demo's edges on which the numbers show no request.</summary>
    internal static IReadOnlyList<(string From, string To)> Missing(JsonNode stat)
    {
        var seen = (stat["edges"] as JsonArray ?? []).Where(e => (double?)e!["requestsPerSecond"] > 0).Select(e => ((string)e!["from"]!, (string)e["to"]!)).ToHashSet();
        return [.. DemoServices.Edges.Where(e => !seen.Contains(e))];
    }
}
