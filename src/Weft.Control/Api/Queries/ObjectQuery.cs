using Weft.Resources;

namespace Weft.Control.Api;

/// <summary>Which objects of a kind a list or watch shows.</summary>
/// <param name="Namespace">Only this namespace; null for all.</param>
public sealed record ObjectQuery(ResourceKind Kind, string? Namespace, LabelSelector Labels)
{
    /// <summary>Only the object of this name (<c>fieldSelector=metadata.name=...</c>); null for all.</summary>
    public string? Name { get; init; }

    public bool Matches(ResourceObject o) =>
        (Namespace is null || o.Metadata.Namespace == Namespace) && (Name is null || o.Metadata.Name == Name) && Labels.Matches(o.Metadata.Labels);

    /// <summary>Reads the selectors. Of field selectors <c>metadata.name</c> and <c>metadata.namespace</c> with <c>=</c> are served.</summary>
    /// <exception cref="ApiException">BadRequest.</exception>
    public static ObjectQuery Parse(ApiPath path, string? labelSelector, string? fieldSelector)
    {
        var query = new ObjectQuery(path.Kind, path.Namespace, LabelSelector.Parse(labelSelector));
        foreach (var part in (fieldSelector ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            query = part.Split('=', StringSplitOptions.RemoveEmptyEntries) switch
            {
                ["metadata.name", var name] => query with { Name = name },
                ["metadata.namespace", var ns] => query with { Namespace = ns },
                _ => throw new ApiException(ApiStatus.BadRequest($"fieldSelector: \"{part}\" is not supported; metadata.name=NAME and metadata.namespace=NS are")),
            };
        }
        return query;
    }
}
