using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Control.Api;

/// <summary>
/// What becomes of an object when somebody writes it: which fields are the writer's and which are the server's. Pure.
/// Spec and status are two documents in one: who writes the object cannot touch its status, who writes the status cannot touch the rest.
/// </summary>
internal static class ObjectRules
{
    /// <summary>Fields of metadata that the server alone writes.</summary>
    private static readonly string[] s_serverFields = ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"];

    private static readonly string[] s_kept = ["finalizers", "ownerReferences"];

    /// <summary>A new object.</summary>
    public static JsonObject Created(ResourceObject wanted, DateTimeOffset now, Guid uid)
    {
        var json = (JsonObject)wanted.Json.DeepClone();
        json.Remove("status");
        var metadata = json["metadata"]!.AsObject();
        foreach (var field in s_serverFields.Append("resourceVersion").Append("selfLink")) metadata.Remove(field);
        metadata["uid"] = uid.ToString();
        metadata["creationTimestamp"] = Timestamp(now);
        metadata["generation"] = 1;
        return json;
    }

    /// <summary>The object after its writer replaced it.</summary>
    public static JsonObject Replaced(ResourceObject current, ResourceObject wanted)
    {
        var json = (JsonObject)wanted.Json.DeepClone();
        json.Remove("status");
        if (current.Status is { } status) json["status"] = status.DeepClone();
        var metadata = json["metadata"]!.AsObject();
        var before = current.Json["metadata"]!.AsObject();
        foreach (var field in s_serverFields.Append("resourceVersion")) Take(field, before, metadata);
        metadata.Remove("selfLink");
        if (current.Kind == ResourceKinds.Service) ServiceAddressing.Carry(current.Json, json);
        if (!SameSpec(current.Json, json)) metadata["generation"] = current.Metadata.Generation + 1;
        return json;
    }

    /// <summary>The object after a document that says what it should be was applied: as <see cref="Replaced"/>, but what controllers put
    /// into metadata stays when the document does not speak of it.</summary>
    public static JsonObject Applied(ResourceObject current, ResourceObject wanted)
    {
        var json = Replaced(current, wanted);
        var metadata = json["metadata"]!.AsObject();
        foreach (var field in s_kept)
            if (!metadata.ContainsKey(field)) Take(field, current.Json["metadata"]!.AsObject(), metadata);
        return json;
    }

    /// <summary>The object after its status was written.</summary>
    public static JsonObject WithStatus(ResourceObject current, JsonNode? status)
    {
        var json = (JsonObject)current.Json.DeepClone();
        json.Remove("status");
        if (status is not null) json["status"] = status.DeepClone();
        return json;
    }

    /// <summary>The object after its deletion was asked for while finalizers hold it.</summary>
    public static JsonObject Deleting(ResourceObject current, DateTimeOffset now)
    {
        var json = (JsonObject)current.Json.DeepClone();
        json["metadata"]!["deletionTimestamp"] = Timestamp(now);
        json["metadata"]!["generation"] = current.Metadata.Generation + 1;
        return json;
    }

    public static bool HasFinalizers(JsonObject json) => json["metadata"]!["finalizers"] is JsonArray { Count: > 0 };

    /// <summary>True when writing <paramref name="json"/> would change nothing: such a write is accepted and makes no new version.</summary>
    public static bool IsUnchanged(ResourceObject current, JsonObject json) => StoredObjects.Bytes(current.Json).AsSpan().SequenceEqual(StoredObjects.Bytes(json));

    /// <summary>RFC 3339 in whole seconds of UTC, as Kubernetes writes metadata times.</summary>
    public static string Timestamp(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static bool SameSpec(JsonObject a, JsonObject b) =>
        a.Concat(b).Select(p => p.Key).Distinct().Where(k => k is not ("metadata" or "status")).All(k => JsonNode.DeepEquals(a[k], b[k]));

    private static void Take(string field, JsonObject from, JsonObject to)
    {
        if (from[field] is { } value) to[field] = value.DeepClone();
        else to.Remove(field);
    }
}
