using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Control.Model.Stages;

/// <summary>
/// The order of Gateway API across all rules of all routes of a port (HTTPRouteRule.matches): exact path, then longest prefix, then a method, then
/// most headers, then most query parameters, then the oldest route, then its name, then the order written. The standard leaves regular expressions
/// to the implementation: here they stand between exact paths and prefixes, because whoever writes one means something narrower than a prefix.
/// Hostnames take no part: in a mesh the Service that was called decides (GAMMA).
/// </summary>
internal static class RulePrecedence
{
    public static ImmutableArray<MeshRouteEntry> Order(IEnumerable<MeshRoute> routes) =>
    [
        .. routes.SelectMany(r => r.Rules.SelectMany(rule => rule.Source.Matches.Where(UnsupportedParts.CanMatch).Select(m => (Route: r, Entry: new MeshRouteEntry(m, rule)))))
            .OrderBy(e => e.Entry.Match.PathType switch { PathMatchType.Exact => 0, PathMatchType.RegularExpression => 1, _ => 2 })
            .ThenByDescending(e => e.Entry.Match.PathType == PathMatchType.PathPrefix ? PrefixLength(e.Entry.Match.Path) : 0)
            .ThenBy(e => e.Entry.Match.Method.Length == 0)
            .ThenByDescending(e => e.Entry.Match.Headers.Length)
            .ThenByDescending(e => e.Entry.Match.QueryParams.Length)
            // An object that the store has not dated yet is the youngest.
            .ThenBy(e => e.Route.Source.Metadata.CreationTimestamp ?? DateTimeOffset.MaxValue)
            .ThenBy(e => $"{e.Route.Source.Metadata.Namespace}/{e.Route.Source.Metadata.Name}", StringComparer.Ordinal)
            .ThenBy(e => e.Entry.Rule.Index)
            // Stable, so that matches of one rule stay as written.
            .Select(e => e.Entry),
    ];

    /// <summary>A slash at the end of a prefix means nothing (<c>/abc/</c> is <c>/abc</c>), so it does not count.</summary>
    private static int PrefixLength(string path) => path.TrimEnd('/').Length;
}
