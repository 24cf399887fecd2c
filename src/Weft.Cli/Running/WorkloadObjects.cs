using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Cli.Running;

/// <summary>Ports of one sidecar.</summary>
/// <param name="Inbound">Takes mesh traffic for the application; null for a pure client.</param>
/// <param name="Outbound">Loopback: the forward proxy.</param>
/// <param name="Admin">Loopback: admin listener.</param>
public sealed record SidecarPorts(int? Inbound, int Outbound, int Admin);

/// <summary>The objects that stand for one run: pure, from the options to what is written.</summary>
/// <param name="Name">Name of the Workload and its Lease.</param>
public sealed record WorkloadObjects(RunOptions Options, string Name, SidecarPorts Ports)
{
    /// <summary>The one port that a service of <c>weft run</c> has: its name says what it carries.</summary>
    public string PortName => Options.Protocol;

    /// <summary>Its number for callers: what a URL without one means or, where there are no URLs, the application's own.</summary>
    private int CalledPort => Options.Protocol is "tcp" or "tls" ? Options.Port ?? 0 : 80;

    /// <summary>What tells the runs of one service apart, and is short enough to type. 32 letters without those that look alike.</summary>
    public static string NewName(RunOptions options, Random random)
    {
        const string alphabet = "abcdefghijkmnpqrstuvwxyz23456789";
        var suffix = string.Concat(Enumerable.Range(0, 5).Select(_ => alphabet[random.Next(alphabet.Length)]));
        return $"{options.Service}{(options.Version.Length > 0 ? "-" + options.Version.ToLowerInvariant().Replace('_', '-') : "")}-{suffix}";
    }

    public JsonObject ServiceAccount() => Head("v1", "ServiceAccount", Options.ServiceAccount);

    /// <summary>Service NAME of all versions and, when this run has a version, NAME-VERSION of that one; none for a pure client.</summary>
    public IEnumerable<JsonObject> Services()
    {
        if (Options.Port is null) yield break;
        yield return Service(Options.Service, new JsonObject { ["app"] = Options.Service });
        if (Options.Version.Length > 0)
            yield return Service($"{Options.Service}-{Options.Version}", new JsonObject { ["app"] = Options.Service, ["version"] = Options.Version });
    }

    /// <param name="healthy">False until the application listens: a request sent earlier could only fail.</param>
    public JsonObject Workload(bool healthy)
    {
        var sidecar = new JsonObject { ["outboundPort"] = Ports.Outbound, ["adminPort"] = Ports.Admin };
        if (Ports.Inbound is { } inbound) sidecar["inbound"] = new JsonObject { [PortName] = inbound };
        var spec = new JsonObject
        {
            ["address"] = Options.Address,
            ["serviceAccount"] = Options.ServiceAccount,
            ["health"] = healthy ? "Healthy" : "Unhealthy",
            ["sidecar"] = sidecar,
        };
        if (Options.Port is { } port) spec["ports"] = new JsonObject { [PortName] = port };
        if (Options.Version.Length > 0) spec["version"] = Options.Version;
        var json = Head("weft.dev/v1alpha1", "Workload", Name);
        json["metadata"]!["labels"] = new JsonObject(Labels().Select(l => KeyValuePair.Create<string, JsonNode?>(l.Key, l.Value)));
        json["spec"] = spec;
        return json;
    }

    public JsonObject Lease(DateTimeOffset now, TimeSpan duration)
    {
        var json = Head("coordination.k8s.io/v1", "Lease", Name);
        json["metadata"]!["labels"] = new JsonObject { [WeftLabels.ManagedBy] = WeftLabels.WeftRun };
        json["spec"] = new JsonObject
        {
            ["holderIdentity"] = Name,
            ["leaseDurationSeconds"] = (int)duration.TotalSeconds,
            ["acquireTime"] = MicroTime(now),
            ["renewTime"] = MicroTime(now),
        };
        return json;
    }

    public static JsonObject Renewal(DateTimeOffset now) => new() { ["spec"] = new JsonObject { ["renewTime"] = MicroTime(now) } };

    public static JsonObject Health(string health) => new() { ["spec"] = new JsonObject { ["health"] = health } };

    private ImmutableSortedDictionary<string, string> Labels()
    {
        // Workload and Lease say who made them: what a killed run leaves may be removed, what somebody wrote by hand may not.
        var labels = Options.Labels.SetItem("app", Options.Service).SetItem(WeftLabels.ManagedBy, WeftLabels.WeftRun);
        return Options.Version.Length > 0 ? labels.SetItem("version", Options.Version) : labels;
    }

    private JsonObject Service(string name, JsonObject selector)
    {
        var json = Head("v1", "Service", name);
        json["spec"] = new JsonObject
        {
            ["selector"] = selector,
            ["ports"] = new JsonArray(new JsonObject { ["name"] = PortName, ["port"] = CalledPort, ["targetPort"] = PortName }),
        };
        return json;
    }

    private JsonObject Head(string apiVersion, string kind, string name) => new()
    {
        ["apiVersion"] = apiVersion,
        ["kind"] = kind,
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = Options.Namespace },
    };

    /// <summary>Kubernetes' MicroTime: RFC 3339 with microseconds.</summary>
    private static string MicroTime(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.ffffffZ", CultureInfo.InvariantCulture);
}
