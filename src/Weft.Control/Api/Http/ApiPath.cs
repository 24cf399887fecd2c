using Weft.Resources;

namespace Weft.Control.Api;

/// <summary>What the path of a resource request names.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Namespace">Namespace; null for all of them or for a cluster-scoped kind.</param>
/// <param name="Name">Object; null for the collection.</param>
/// <param name="Subresource"><c>status</c>, <c>token</c>, or empty.</param>
public sealed record ApiPath(ResourceKind Kind, string? Namespace, string? Name, string Subresource)
{
    /// <summary>Reads <c>/api/v1/...</c> and <c>/apis/GROUP/VERSION/...</c>; null when the path names nothing that is served.</summary>
    /// <param name="path">The path, unescaped already (but for an escaped slash, which no name has).</param>
    public static ApiPath? Parse(string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var (group, version, rest) = parts switch
        {
            ["api", var v, ..] => ("", v, parts[2..]),
            ["apis", var g, var v, ..] => (g, v, parts[3..]),
            _ => ("", "", []),
        };
        // "namespaces" is a kind and a prefix: /namespaces/NS is the object, /namespaces/NS/PLURAL a collection in it.
        return rest switch
        {
            ["namespaces", var ns, var plural, ..] when Find(group, version, plural) is { Namespaced: true } kind => Build(kind, ns, rest[3..]),
            [var plural, .. var names] when Find(group, version, plural) is { } kind => kind.Namespaced && names.Length > 0 ? null : Build(kind, null, names),
            _ => null,
        };
    }

    private static ResourceKind? Find(string group, string version, string plural) => ResourceKinds.FindPlural(group, version, plural);

    private static ApiPath? Build(ResourceKind kind, string? ns, string[] names) => names switch
    {
        [] => new ApiPath(kind, ns, null, ""),
        [var name] => new ApiPath(kind, ns, name, ""),
        [var name, "status"] when kind != ResourceKinds.Lease && kind != ResourceKinds.ServiceAccount => new ApiPath(kind, ns, name, "status"),
        [var name, "token"] when kind == ResourceKinds.ServiceAccount => new ApiPath(kind, ns, name, "token"),
        _ => null,
    };
}
