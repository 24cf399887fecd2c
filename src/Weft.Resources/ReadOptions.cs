namespace Weft.Resources;

/// <summary>What a reader assumes and how much it will hold.</summary>
public sealed record ReadOptions
{
    public static ReadOptions Default { get; } = new();

    /// <summary>Namespace of namespaced objects that name none. Default <c>default</c>.</summary>
    public string DefaultNamespace { get; init; } = "default";

    /// <summary>Longest text accepted, in characters. Default 3 Mi, what a Kubernetes API server accepts as one request.</summary>
    public int MaxTextLength { get; init; } = 3 * 1024 * 1024;

    /// <summary>Most values (mappings, lists, scalars) in one text after aliases are expanded. Default 200,000.</summary>
    public int MaxValues { get; init; } = 200_000;

    /// <summary>Deepest nesting of mappings and lists. Default 64.</summary>
    public int MaxDepth { get; init; } = 64;
}
