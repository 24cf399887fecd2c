using System.Text.Json.Nodes;
using Weft.Cli.Connecting;
using Weft.Cli.Output;
using Weft.Resources;

namespace Weft.Cli.Verbs;

/// <summary>Routes that were written and do not do what they say (a backend that is not there, a port that carries something else) are no errors, since what is missing may come. Who waits for
/// the rollout is told of them all the same.</summary>
internal static class RouteWarnings
{
    /// <summary>How long the control plane may take from its newest configuration to the status of an object.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(50);

    /// <param name="applied">The objects of the answer to an apply, as <c>{"kind", "namespace", "name"}</c>.</param>
    public static async Task WriteAsync(ControlClient control, IEnumerable<JsonNode> applied, CliContext cli, CancellationToken cancel)
    {
        var started = cli.Time.GetTimestamp();
        foreach (var row in applied)
        {
            var kind = ResourceKinds.All.FirstOrDefault(k => k.Kind == (string?)row["kind"] && k.Group == ResourceKinds.HttpRoute.Group);
            if (kind is null) continue;
            var (ns, name) = ((string)row["namespace"]!, (string)row["name"]!);
            try
            {
                JsonNode route;
                while (!IsTold(route = await control.GetAsync(ApiPaths.Object(kind, ns, name), cancel)) && cli.Time.GetElapsedTime(started) < s_patience)
                    await Task.Delay(s_poll, cli.Time, cancel);
                foreach (var failing in RouteVerdict.Failing(route["status"] as JsonObject))
                    await cli.Error.WriteLineAsync($"{Style.Warning.Paint("warning:", cli.ErrorIsTerminal)} {kind.Kind} {ns}/{name} at {failing.Parent}: {failing.Reason}: {failing.Message}");
            }
            catch (RefusedException)
            {
                // somebody has deleted it meanwhile
            }
        }
    }

    /// <summary>True when the status is of the object as it now is. A route without a Service above it is told nothing.</summary>
    private static bool IsTold(JsonNode route)
    {
        var parents = route["status"]?["parents"] as JsonArray ?? [];
        var services = (route["spec"]?["parentRefs"] as JsonArray ?? []).Count(p => (string?)p?["kind"] == "Service");
        return parents.Count >= services
            && parents.All(p => (p?["conditions"] as JsonArray ?? []).All(c => (long?)c?["observedGeneration"] == (long?)route["metadata"]?["generation"]));
    }
}
