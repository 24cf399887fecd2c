using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>gateway.networking.k8s.io/v1 HTTPRoute: where the requests to a Service go.</summary>
public sealed class HttpRoute : RouteObject
{
    internal HttpRoute(JsonObject json) : base(ResourceKinds.HttpRoute, json)
    {
        var spec = json.Object("spec");
        Hostnames = spec.TextList("hostnames");
        Rules = spec.List("rules", HttpRouteRule.From);
    }

    /// <summary>Hosts that a gateway takes; ignored in a mesh, where the Service that was called decides (GAMMA).</summary>
    public ImmutableArray<string> Hostnames { get; }

    public ImmutableArray<HttpRouteRule> Rules { get; }
}

/// <summary>Requests that any of <see cref="Matches"/> takes go through <see cref="Filters"/> to <see cref="BackendRefs"/>.</summary>
public sealed record HttpRouteRule(
    string Name, ImmutableArray<HttpRouteMatch> Matches, ImmutableArray<HttpRouteFilter> Filters, ImmutableArray<BackendRef> BackendRefs,
    GatewayDuration? RequestTimeout, GatewayDuration? BackendRequestTimeout)
{
    internal static HttpRouteRule From(JsonObject json)
    {
        var timeouts = json.Object("timeouts");
        return new HttpRouteRule(
            json.Text("name") ?? "", json.List("matches", HttpRouteMatch.From), json.List("filters", HttpRouteFilter.From),
            json.List("backendRefs", BackendRef.From), timeouts.Duration("request"), timeouts.Duration("backendRequest"));
    }
}

public enum PathMatchType
{
    Exact,

    /// <summary>By whole segments: <c>/abc</c> takes <c>/abc</c> and <c>/abc/def</c>, not <c>/abcd</c>.</summary>
    PathPrefix,
    RegularExpression,
}

/// <summary>A value that is compared for equality or against a regular expression.</summary>
public sealed record ValueMatch(string Name, string Value, bool IsExpression)
{
    internal static ValueMatch From(JsonObject json) => new(json.Text("name") ?? "", json.Text("value") ?? "", json.Text("type") == "RegularExpression");
}

/// <summary>Conditions that must all hold.</summary>
/// <param name="PathType">How <paramref name="Path"/> is compared.</param>
/// <param name="Path">Path, prefix or expression.</param>
/// <param name="Method">Method; empty for any.</param>
/// <param name="Headers">Headers, names compared without case.</param>
/// <param name="QueryParams">Query parameters.</param>
public sealed record HttpRouteMatch(
    PathMatchType PathType, string Path, string Method, ImmutableArray<ValueMatch> Headers, ImmutableArray<ValueMatch> QueryParams)
{
    internal static HttpRouteMatch From(JsonObject json)
    {
        var path = json.Object("path");
        return new HttpRouteMatch(
            path.Text("type") is { } type ? Enum.Parse<PathMatchType>(type) : PathMatchType.PathPrefix, path.Text("value") ?? "/",
            json.Text("method") ?? "", json.List("headers", ValueMatch.From), json.List("queryParams", ValueMatch.From));
    }
}
