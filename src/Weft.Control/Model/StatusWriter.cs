using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Weft.Control.Model;

/// <summary>Turns what the model says of an object into the object's <c>status</c>, keeping what others wrote there and the times of conditions
/// that did not change.</summary>
public static class StatusWriter
{
    /// <summary>Name under which Weft writes to routes (<c>status.parents[].controllerName</c>).</summary>
    public const string ControllerName = "weft.dev/mesh";

    /// <summary>The new status, or null when it would say what <paramref name="current"/> already says (then nothing is written).</summary>
    /// <param name="status">What the model says.</param>
    /// <param name="current">The stored status; null when there is none.</param>
    /// <param name="now">Time for conditions that changed.</param>
    public static JsonObject? Merge(ResourceStatus status, JsonObject? current, DateTimeOffset now)
    {
        var next = (JsonObject?)current?.DeepClone() ?? [];
        var generation = status.Source.Metadata.Generation;
        if (!status.Conditions.IsEmpty) next["conditions"] = Conditions(status.Conditions, next["conditions"] as JsonArray, generation, now);
        if (!status.Parents.IsEmpty || HasOurParents(current)) next["parents"] = Parents(status, next["parents"] as JsonArray, generation, now);
        return JsonNode.DeepEquals(next, current ?? []) ? null : next;
    }

    private static bool HasOurParents(JsonObject? status) =>
        status?["parents"] is JsonArray parents && parents.Any(p => p?["controllerName"]?.GetValue<string>() == ControllerName);

    private static JsonArray Parents(ResourceStatus status, JsonArray? current, long generation, DateTimeOffset now)
    {
        var parents = new JsonArray();
        var ours = new List<JsonObject>();
        foreach (var parent in current?.OfType<JsonObject>() ?? [])
        {
            if (parent["controllerName"]?.GetValue<string>() == ControllerName) ours.Add(parent);
            else parents.Add(parent.DeepClone());
        }
        foreach (var parent in status.Parents)
        {
            var old = ours.Find(p => JsonNode.DeepEquals(p["parentRef"], parent.Reference));
            parents.Add((JsonNode)new JsonObject
            {
                ["parentRef"] = parent.Reference.DeepClone(),
                ["controllerName"] = ControllerName,
                ["conditions"] = Conditions(parent.Conditions, old?["conditions"] as JsonArray, generation, now),
            });
        }
        return parents;
    }

    private static JsonArray Conditions(ImmutableArray<Condition> conditions, JsonArray? current, long generation, DateTimeOffset now)
    {
        var old = (current ?? []).OfType<JsonObject>().ToList();
        var written = new JsonArray();
        // A condition of somebody else keeps its place; ours that no longer applies goes.
        foreach (var other in old.Where(o => IsForeign(o)))
            written.Add(other.DeepClone());
        foreach (var condition in conditions)
        {
            var value = condition.Status ? "True" : "False";
            var before = old.Find(o => Text(o, "type") == condition.Type);
            var time = before is not null && Text(before, "status") == value && Text(before, "lastTransitionTime") is { Length: > 0 } kept
                ? kept
                : now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
            written.Add((JsonNode)new JsonObject
            {
                ["type"] = condition.Type,
                ["status"] = value,
                ["reason"] = condition.Reason,
                ["message"] = condition.Message,
                ["observedGeneration"] = generation,
                ["lastTransitionTime"] = time,
            });
        }
        return written;
    }

    private static bool IsForeign(JsonObject condition) => !Stages.ConditionTypes.Ours.Contains(Text(condition, "type"));

    private static string Text(JsonObject json, string name) => json[name]?.GetValue<string>() ?? "";
}
