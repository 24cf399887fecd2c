using Weft.Routing.Headers;
using Weft.Routing.Matching;

namespace Weft.Routing.Routes;

/// <summary>What a request must be like, and what then happens to it. Immutable.</summary>
public sealed class Route
{
    /// <summary>As configured; may be empty.</summary>
    public required string Name { get; init; }

    public required RouteCondition Match { get; init; }

    public required RouteAction Action { get; init; }

    /// <summary>Of this route, its virtual host and its table together. A forwarded request uses its cluster's (<see cref="WeightedCluster.RequestHeaders"/>), which
    /// contain these.</summary>
    public HeaderMutations RequestHeaders { get; init; } = HeaderMutations.None;

    /// <summary>The same for responses; redirects and direct responses use these.</summary>
    public HeaderMutations ResponseHeaders { get; init; } = HeaderMutations.None;
}
