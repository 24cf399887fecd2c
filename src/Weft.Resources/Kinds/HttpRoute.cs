using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>gateway.networking.k8s.io/v1 HTTPRoute: where the requests to a Service go.</summary>
public sealed class HttpRoute : ResourceObject
{
    internal HttpRoute(JsonObject json) : base(ResourceKinds.HttpRoute, json)
    {
        var spec = json.Object("spec");
        ParentRefs = spec.List("parentRefs", ParentRef.From);
        Hostnames = spec.TextList("hostnames");
        Rules = spec.List("rules", HttpRouteRule.From);
    }

    public ImmutableArray<ParentRef> ParentRefs { get; }

    /// <summary>Hosts that a gateway takes; ignored in a mesh, where the Service that was called decides (GAMMA).</summary>
    public ImmutableArray<string> Hostnames { get; }

    public ImmutableArray<HttpRouteRule> Rules { get; }
}

/// <summary>What a route attaches to. <see cref="Json"/> is the reference as written, which status repeats.</summary>
public sealed record ParentRef(string Group, string Kind, string Namespace, string Name, string SectionName, int? Port, JsonObject Json)
{
    /// <summary>True for a Service: group empty, or <c>core</c> as older documents write it.</summary>
    public bool IsService => Group is "" or "core" && Kind == "Service";

    internal static ParentRef From(JsonObject json) => new(
        json.Text("group") ?? "gateway.networking.k8s.io", json.Text("kind") ?? "Gateway", json.Text("namespace") ?? "", json.Text("name") ?? "",
        json.Text("sectionName") ?? "", json.Int("port"), json);
}

/// <summary>Requests that any of <see cref="Matches"/> takes go through <see cref="Filters"/> to <see cref="BackendRefs"/>.</summary>
public sealed record HttpRouteRule(
    string Name, ImmutableArray<HttpRouteMatch> Matches, ImmutableArray<HttpRouteFilter> Filters, ImmutableArray<HttpBackendRef> BackendRefs,
    GatewayDuration? RequestTimeout, GatewayDuration? BackendRequestTimeout)
{
    internal static HttpRouteRule From(JsonObject json)
    {
        var timeouts = json.Object("timeouts");
        return new HttpRouteRule(
            json.Text("name") ?? "", json.List("matches", HttpRouteMatch.From), json.List("filters", HttpRouteFilter.From),
            json.List("backendRefs", HttpBackendRef.From), timeouts.Duration("request"), timeouts.Duration("backendRequest"));
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

/// <summary>Where requests go.</summary>
/// <param name="Group">Empty for core.</param>
/// <param name="Kind">Kind; <c>Service</c> when not told.</param>
/// <param name="Namespace">Empty for the route's own.</param>
/// <param name="Name">Name.</param>
/// <param name="Port">Port of the Service; null only for other kinds.</param>
/// <param name="Weight">Share of the rule's requests, 0 to 1,000,000; default 1.</param>
/// <param name="Filters">Filters for requests to this backend only.</param>
public sealed record HttpBackendRef(string Group, string Kind, string Namespace, string Name, int? Port, int Weight, ImmutableArray<HttpRouteFilter> Filters)
{
    internal static HttpBackendRef From(JsonObject json) => new(
        json.Text("group") ?? "", json.Text("kind") ?? "Service", json.Text("namespace") ?? "", json.Text("name") ?? "", json.Int("port"),
        json.Int("weight") ?? 1, json.List("filters", HttpRouteFilter.From));
}
