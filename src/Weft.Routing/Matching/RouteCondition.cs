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
    internal bool PathOnly => Headers.IsEmpty && Query.IsEmpty;

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
