using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>The part of <c>metadata</c> that Weft itself reads; ownerReferences, finalizers and managedFields stay in the object's JSON.</summary>
public sealed record ResourceMetadata
{
    public required string Name { get; init; }

    /// <summary>Empty for cluster-scoped kinds.</summary>
    public string Namespace { get; init; } = "";

    /// <summary>Given by the store when the object is created; empty before.</summary>
    public string Uid { get; init; } = "";

    /// <summary>Opaque version of the stored object; empty before it is stored.</summary>
    public string ResourceVersion { get; init; } = "";

    /// <summary>Counts changes of the spec, from 1; 0 before the object is stored.</summary>
    public long Generation { get; init; }

    public ImmutableSortedDictionary<string, string> Labels { get; init; } = NoEntries;

    public ImmutableSortedDictionary<string, string> Annotations { get; init; } = NoEntries;

    /// <summary>When the store first saw the object; decides which of two conflicting objects is the older.</summary>
    public DateTimeOffset? CreationTimestamp { get; init; }

    public DateTimeOffset? DeletionTimestamp { get; init; }

    private static readonly ImmutableSortedDictionary<string, string> NoEntries = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    internal static ResourceMetadata From(JsonObject json) => new()
    {
        Name = json.Text("name") ?? "",
        Namespace = json.Text("namespace") ?? "",
        Uid = json.Text("uid") ?? "",
        ResourceVersion = json.Text("resourceVersion") ?? "",
        Generation = json.Long("generation") ?? 0,
        Labels = json.TextMap("labels"),
        Annotations = json.TextMap("annotations"),
        CreationTimestamp = json.Time("creationTimestamp"),
        DeletionTimestamp = json.Time("deletionTimestamp"),
    };
}
