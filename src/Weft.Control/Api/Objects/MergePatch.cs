using System.Text.Json.Nodes;

namespace Weft.Control.Api;

/// <summary>RFC 7386: objects merge, null removes, everything else replaces (lists too).</summary>
internal static class MergePatch
{
    /// <summary>The target after the patch; neither argument is changed.</summary>
    public static JsonNode? Apply(JsonNode? target, JsonNode? patch)
    {
        if (patch is not JsonObject changes) return patch?.DeepClone();
        var result = target is JsonObject ? (JsonObject)target.DeepClone() : [];
        foreach (var (name, value) in changes)
        {
            if (value is null) result.Remove(name);
            else result[name] = Apply(result[name], value);
        }
        return result;
    }
}
