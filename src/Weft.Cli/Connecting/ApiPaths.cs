using Weft.Resources;

namespace Weft.Cli.Connecting;

/// <summary>Paths of the resource API, as Kubernetes lays them out.</summary>
public static class ApiPaths
{
    /// <summary>The collection of a kind: in <paramref name="ns"/>, or everywhere when that is null or the kind has no namespace.</summary>
    public static string Collection(ResourceKind kind, string? ns)
    {
        var root = kind.Group.Length == 0 ? $"/api/{kind.Version}" : $"/apis/{kind.Group}/{kind.Version}";
        return kind.Namespaced && ns is not null ? $"{root}/namespaces/{Uri.EscapeDataString(ns)}/{kind.Plural}" : $"{root}/{kind.Plural}";
    }

    /// <summary>Those of a collection that a label selector matches, as <c>app=catalog</c>.</summary>
    public static string Selected(ResourceKind kind, string? ns, string selector) => $"{Collection(kind, ns)}?labelSelector={Uri.EscapeDataString(selector)}";

    public static string Object(ResourceKind kind, string ns, string name) => $"{Collection(kind, ns)}/{Uri.EscapeDataString(name)}";
}
