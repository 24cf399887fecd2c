using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Weft.Control.Store;
using Weft.Resources;

namespace Weft.Control.Api;

/// <summary>Objects as they rest in the store: which key, which bytes, and back. An entry is parsed once and the result shared, for it is immutable.</summary>
public static class StoredObjects
{
    private static readonly ConditionalWeakTable<StoreEntry, ResourceObject> s_typed = [];
    private static readonly Dictionary<StoreCollection, ResourceKind> s_kinds = ResourceKinds.All.ToDictionary(CollectionOf);

    public static StoreCollection CollectionOf(ResourceKind kind) => new(kind.Group, kind.Plural);

    public static StoreKey KeyOf(ResourceKind kind, string ns, string name) => new(kind.Group, kind.Plural, ns, name);

    public static StoreKey KeyOf(ResourceObject o) => KeyOf(o.Kind, o.Metadata.Namespace, o.Metadata.Name);

    /// <summary>The kind of a collection; null for what Weft keeps for itself (join tokens), which no API serves.</summary>
    public static ResourceKind? KindOf(StoreCollection collection) => s_kinds.GetValueOrDefault(collection);

    /// <summary>The typed object with its resourceVersion.</summary>
    public static ResourceObject Typed(StoreEntry entry) => s_typed.GetValue(entry, static e => Parse(e, e.ModRevision));

    /// <summary>The last object of a delete under the revision of the delete, as watches show it.</summary>
    public static ResourceObject TypedAt(StoreEntry entry, long revision) => entry.ModRevision == revision ? Typed(entry) : Parse(entry, revision);

    /// <summary>The bytes to store: canonical, without the resourceVersion, which is the store's own revision.</summary>
    public static byte[] Bytes(JsonObject json)
    {
        if (json["metadata"]!.AsObject().ContainsKey("resourceVersion"))
        {
            json = (JsonObject)json.DeepClone();
            json["metadata"]!.AsObject().Remove("resourceVersion");
        }
        return CanonicalJson.ToBytes(json);
    }

    /// <summary>All objects of one kind in order; of one namespace where one is given.</summary>
    public static IEnumerable<ResourceObject> List(this StoreState state, ResourceKind kind, string? ns = null) =>
        state.List(CollectionOf(kind), ns).Select(Typed);

    public static ResourceObject? Find(this StoreState state, ResourceKind kind, string ns, string name) =>
        state.Find(KeyOf(kind, ns, name)) is { } entry ? Typed(entry) : null;

    private static ResourceObject Parse(StoreEntry entry, long revision)
    {
        var json = JsonNode.Parse(entry.Value.Span)!.AsObject();
        json["metadata"]!["resourceVersion"] = revision.ToString(CultureInfo.InvariantCulture);
        var kind = KindOf(entry.Key.Collection) ?? throw new InvalidOperationException($"{entry.Key} is not an object of the API");
        return kind.Create(json);
    }
}
