using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>
/// One object that somebody wrote, typed by its kind. Immutable: a change is a new object made from changed JSON with
/// <see cref="ResourceKind.Create"/>. <see cref="Json"/> is the whole object with defaults filled in, including what the typed
/// part does not show, so that writing it back loses nothing; nobody may modify it in place (take <c>DeepClone</c>).
/// </summary>
public abstract class ResourceObject
{
    private protected ResourceObject(ResourceKind kind, JsonObject json)
    {
        Kind = kind;
        Json = json;
        Metadata = ResourceMetadata.From(json.Object("metadata"));
        Key = new ResourceKey(kind.Group, kind.Kind, Metadata.Namespace, Metadata.Name);
    }

    public ResourceKind Kind { get; }

    public ResourceKey Key { get; }

    public ResourceMetadata Metadata { get; }

    public JsonObject Json { get; }

    public JsonObject? Status => Json["status"] as JsonObject;

    /// <summary>True when both say the same thing to the mesh: everything but <c>status</c> and the store's bookkeeping is equal.</summary>
    public bool SameIntent(ResourceObject other)
    {
        if (ReferenceEquals(this, other)) return true;
        if (Key != other.Key || Metadata.Uid != other.Metadata.Uid) return false;
        // The API server raises the generation with every change of the spec, but labels are intent too (selectors read them).
        return Metadata.Labels.SequenceEqual(other.Metadata.Labels)
            && Metadata.CreationTimestamp == other.Metadata.CreationTimestamp
            && Metadata.DeletionTimestamp == other.Metadata.DeletionTimestamp
            && Json.All(p => p.Key is "metadata" or "status" || JsonNode.DeepEquals(p.Value, other.Json[p.Key]))
            && other.Json.All(p => p.Key is "metadata" or "status" || Json.ContainsKey(p.Key));
    }

    public override string ToString() => Key.ToString();
}
