namespace Weft.Resources;

/// <summary>The name of an object in the whole mesh.</summary>
/// <param name="Group">API group; empty for core.</param>
/// <param name="Kind">Kind, as <c>HTTPRoute</c>.</param>
/// <param name="Namespace">Namespace; empty for cluster-scoped kinds.</param>
/// <param name="Name">Name.</param>
public readonly record struct ResourceKey(string Group, string Kind, string Namespace, string Name) : IComparable<ResourceKey>
{
    /// <summary>Sorted by kind, then namespace and name, ordinal.</summary>
    public int CompareTo(ResourceKey other)
    {
        var c = string.CompareOrdinal(Kind, other.Kind);
        if (c == 0) c = string.CompareOrdinal(Group, other.Group);
        if (c == 0) c = string.CompareOrdinal(Namespace, other.Namespace);
        return c != 0 ? c : string.CompareOrdinal(Name, other.Name);
    }

    /// <summary><c>HTTPRoute default/catalog</c>, or <c>Mesh default</c> for a cluster-scoped kind.</summary>
    public override string ToString() => Namespace.Length == 0 ? $"{Kind} {Name}" : $"{Kind} {Namespace}/{Name}";
}
