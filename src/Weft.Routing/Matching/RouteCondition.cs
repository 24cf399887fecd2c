using System.Collections.Immutable;
using Weft.Routing.Requests;

namespace Weft.Routing.Matching;

/// <summary>All that a route asks of a request (envoy.config.route.v3.RouteMatch); every part must hold. Immutable.</summary>
public sealed class RouteCondition(PathMatcher path, ImmutableArray<HeaderMatcher> headers, ImmutableArray<QueryMatcher> query)
{
    public PathMatcher Path { get; } = path;

    public ImmutableArray<HeaderMatcher> Headers { get; } = headers;

    public ImmutableArray<QueryMatcher> Query { get; } = query;

    /// <summary>True when the path alone decides.</summary>
    internal bool PathOnly { get; } = headers.IsEmpty && query.IsEmpty;

    /// <summary>True when an index over paths can tell whether <see cref="Path"/> holds. Kept here: asking the path for it, for each candidate of a large table, is a cache miss each.</summary>
    internal bool IsPathIndexed { get; } = !path.IgnoreCase && path.Kind != PathMatchKind.Regex;

    public bool Matches(in RequestHead head) => Path.Matches(head.PathOnly) && MatchesBesidePath(head);

    internal bool MatchesBesidePath(in RequestHead head)
    {
        foreach (var header in Headers)
        {
            if (!header.Matches(head)) return false;
        }
        if (Query.IsEmpty) return true;
        var written = head.Path[head.PathOnly.Length..];
        foreach (var parameter in Query)
        {
            if (!parameter.Matches(written)) return false;
        }
        return true;
    }
}
