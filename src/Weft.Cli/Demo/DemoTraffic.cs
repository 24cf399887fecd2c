using System.Text.Json.Nodes;
using Weft.Cli.Connecting;
using Weft.Resources;

namespace Weft.Cli.Demo;

/// <summary>Whether the demo's calls flow.</summary>
public static class DemoTraffic
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(500);

    /// <summary>Waits until every one of <paramref name="services"/> that listens takes requests: what other starts of the demo left does not count.</summary>
    /// <param name="start">Value of <see cref="WeftLabels.Demo"/> on the workloads of this start.</param>
    /// <exception cref="CliException">Some do not after a minute and a half; they are named.</exception>
    public static async Task WaitForWorkloadsAsync(ControlClient control, string start, IReadOnlyList<DemoService> services, CliContext cli, CancellationToken cancel)
    {
        var started = cli.Time.GetTimestamp();
        while (true)
        {
            var missing = NotReady(await control.GetAsync(ApiPaths.Selected(ResourceKinds.Workload, "default", $"{WeftLabels.Demo}={start}"), cancel), services);
            if (missing.Count == 0) return;
            if (cli.Time.GetElapsedTime(started) > s_patience)
            {
                throw new CliException(
                    $"{string.Join(", ", missing.Select(s => s.Label))} took no requests within {s_patience.TotalSeconds:0} s; `{control.Command("get workloads")}` shows why");
            }
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

    /// <summary>Those that listen and have no workload of which the mesh says that it is ready.</summary>
    internal static IReadOnlyList<DemoService> NotReady(JsonNode workloads, IReadOnlyList<DemoService> services)
    {
        var ready = workloads["items"]!.AsArray().Where(IsReady).Select(w => w!["metadata"]!["labels"]!)
            .Select(labels => ((string?)labels["app"], (string?)labels["version"] ?? "")).ToHashSet();
        return [.. services.Where(s => s.Listens && !ready.Contains((s.Service, s.Version)))];
    }

    private static bool IsReady(JsonNode? workload) =>
        (workload!["status"]?["conditions"] as JsonArray ?? []).Any(c => (string?)c!["type"] == "Ready" && (string?)c["status"] == "True");

    /// <summary>The demo's edges on which the numbers show no request.</summary>
    internal static IReadOnlyList<(string From, string To)> Missing(JsonNode stat)
    {
        var seen = (stat["edges"] as JsonArray ?? []).Where(e => (double?)e!["requestsPerSecond"] > 0).Select(e => ((string)e!["from"]!, (string)e["to"]!)).ToHashSet();
        return [.. DemoServices.Edges.Where(e => !seen.Contains(e))];
    }
}
