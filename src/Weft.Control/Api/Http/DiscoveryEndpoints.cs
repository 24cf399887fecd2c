using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Control.Api;

/// <summary>What is served here, in the form that Kubernetes clients ask for before anything else.</summary>
internal static class DiscoveryEndpoints
{
    private static readonly string[] s_verbs = ["create", "delete", "get", "list", "patch", "update", "watch"];

    /// <summary>The answer to a discovery path, or null when the path is none.</summary>
    public static JsonObject? Find(string path, string weftVersion) => path.Split('/', StringSplitOptions.RemoveEmptyEntries) switch
    {
        ["api"] => new JsonObject { ["kind"] = "APIVersions", ["versions"] = new JsonArray("v1"), ["serverAddressByClientCIDRs"] = new JsonArray() },
        ["apis"] => new JsonObject { ["kind"] = "APIGroupList", ["apiVersion"] = "v1", ["groups"] = new JsonArray([.. Groups().Select(GroupOf)]) },
        ["apis", var group] when Groups().Contains(group, StringComparer.Ordinal) => With(GroupOf(group), ("kind", "APIGroup"), ("apiVersion", "v1")),
        ["api", var version] => ResourceList("", version),
        ["apis", var group, var version] => ResourceList(group, version),
        ["version"] => new JsonObject
        {
            // kubectl compares minor versions and warns when they are far apart; the API here has the shape of these.
            ["major"] = "1", ["minor"] = "20", ["gitVersion"] = $"v1.20.0+weft.{weftVersion}", ["platform"] = "linux",
        },
        _ => null,
    };

    private static IEnumerable<string> Groups() => ResourceKinds.All.Select(k => k.Group).Where(g => g.Length > 0).Distinct().Order(StringComparer.Ordinal);

    private static JsonObject GroupOf(string group)
    {
        var versions = ResourceKinds.All.Where(k => k.Group == group).SelectMany(k => k.EarlierVersions.Prepend(k.Version)).Distinct()
            .Select(v => new JsonObject { ["groupVersion"] = $"{group}/{v}", ["version"] = v }).ToArray();
        return new JsonObject { ["name"] = group, ["versions"] = new JsonArray([.. versions]), ["preferredVersion"] = versions[0].DeepClone() };
    }

    private static JsonObject? ResourceList(string group, string version)
    {
        var kinds = ResourceKinds.All.Where(k => k.Group == group && k.HasVersion(version)).ToList();
        if (kinds.Count == 0) return null;
        var resources = new JsonArray();
        foreach (var kind in kinds)
        {
            var resource = new JsonObject
            {
                ["name"] = kind.Plural, ["singularName"] = kind.Singular, ["namespaced"] = kind.Namespaced, ["kind"] = kind.Kind,
                ["verbs"] = new JsonArray([.. s_verbs.Select(v => JsonValue.Create(v))]),
            };
            if (!kind.ShortNames.IsEmpty) resource["shortNames"] = new JsonArray([.. kind.ShortNames.Select(n => JsonValue.Create(n))]);
            resources.Add(resource);
        }
        return new JsonObject
        {
            ["kind"] = "APIResourceList", ["apiVersion"] = "v1", ["groupVersion"] = group.Length == 0 ? version : $"{group}/{version}", ["resources"] = resources,
        };
    }

    private static JsonObject With(JsonObject json, params ReadOnlySpan<(string Name, string Value)> fields)
    {
        foreach (var (name, value) in fields) json[name] = value;
        return json;
    }
}
