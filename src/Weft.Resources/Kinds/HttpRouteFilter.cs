using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>What happens to a request on its way. A closed family.</summary>
public abstract record HttpRouteFilter
{
    internal static HttpRouteFilter From(JsonObject json) => json.Text("type") switch
    {
        "RequestHeaderModifier" => new RequestHeaderFilter(HeaderChanges.From(json.Object("requestHeaderModifier"))),
        "ResponseHeaderModifier" => new ResponseHeaderFilter(HeaderChanges.From(json.Object("responseHeaderModifier"))),
        "RequestRedirect" => RedirectFilter.From(json.Object("requestRedirect")),
        "URLRewrite" => RewriteFilter.From(json.Object("urlRewrite")),
        var type => new OtherFilter(type ?? ""),
    };
}

public sealed record RequestHeaderFilter(HeaderChanges Changes) : HttpRouteFilter;

public sealed record ResponseHeaderFilter(HeaderChanges Changes) : HttpRouteFilter;

/// <summary>A filter that the standard knows and this version does not apply: RequestMirror, CORS or ExtensionRef.</summary>
public sealed record OtherFilter(string Type) : HttpRouteFilter;

/// <summary>Answer that sends the client elsewhere; null keeps that part of the address.</summary>
public sealed record RedirectFilter(string? Scheme, string? Hostname, PathChange? Path, int? Port, int StatusCode) : HttpRouteFilter
{
    internal static new RedirectFilter From(JsonObject json) =>
        new(json.Text("scheme"), json.Text("hostname"), PathChange.From(json["path"]), json.Int("port"), json.Int("statusCode") ?? 302);
}

/// <summary>Change of host and path before the request goes on; null keeps that part.</summary>
public sealed record RewriteFilter(string? Hostname, PathChange? Path) : HttpRouteFilter
{
    internal static new RewriteFilter From(JsonObject json) => new(json.Text("hostname"), PathChange.From(json["path"]));
}

/// <summary>A new path.</summary>
/// <param name="ReplacesPrefix">True when <paramref name="Value"/> stands in for the matched prefix, false for the whole path.</param>
/// <param name="Value">The path or prefix; may be empty.</param>
public sealed record PathChange(bool ReplacesPrefix, string Value)
{
    internal static PathChange? From(JsonNode? node)
    {
        if (node is not JsonObject json) return null;
        var prefix = json.Text("type") == "ReplacePrefixMatch";
        return new PathChange(prefix, json.Text(prefix ? "replacePrefixMatch" : "replaceFullPath") ?? "");
    }
}

/// <summary>Changes of headers, one action per name.</summary>
public sealed record HeaderChanges(ImmutableArray<KeyValuePair<string, string>> Set, ImmutableArray<KeyValuePair<string, string>> Add, ImmutableArray<string> Remove)
{
    internal static HeaderChanges From(JsonObject json) => new(json.List("set", Pair), json.List("add", Pair), json.TextList("remove"));

    private static KeyValuePair<string, string> Pair(JsonObject json) => new(json.Text("name") ?? "", json.Text("value") ?? "");
}
