using System.Text.RegularExpressions;
using Envoy.Config.Route.V3;
using Weft.Resources;
using RegexMatcher = Envoy.Type.Matcher.V3.RegexMatcher;

namespace Weft.Control.Translation;

/// <summary>
/// Paths. xDS has no field that replaces a prefix by segments or a whole path under a prefix, but its <c>prefix_rewrite</c> replaces whatever
/// part of the path the route compared; so the comparison is chosen by what is to be replaced. Gateway API's table (HTTPPathModifier):
/// <code>
/// /foo/bar  prefix /foo  by /xyz  -> /xyz/bar       /foo  -> /xyz       /foo/  -> /xyz/
/// /foo/bar  prefix /foo  by /     -> /bar           /foo  -> /          /foo/  -> /
/// </code>
/// </summary>
internal static class PathTranslation
{
    /// <summary>One or two routes that together compare as <paramref name="match"/> says.</summary>
    public static IEnumerable<PathRoute> Of(HttpRouteMatch match, PathChange? change) => match.PathType switch
    {
        PathMatchType.Exact => [new PathRoute(new RouteMatch { Path = match.Path }, Whole(change))],
        PathMatchType.RegularExpression => [new PathRoute(Expression(match.Path), Whole(change))],
        _ when change is null => [new PathRoute(Prefix(match.Path), "")],
        _ when change.ReplacesPrefix => ReplacePrefix(match.Path.TrimEnd('/'), change.Value.TrimEnd('/')),
        _ => [new PathRoute(WholePathUnder(match.Path.TrimEnd('/')), Whole(change))],
    };

    private static IEnumerable<PathRoute> ReplacePrefix(string prefix, string replacement) => (prefix, replacement) switch
    {
        ("", "") => [new PathRoute(Prefix("/"), "")],
        // The prefix / is compared with its slash, so the replacement brings one.
        ("", _) => [new PathRoute(Prefix("/"), replacement + "/")],
        // What stays after /foo begins with a slash or is nothing, and neither alone may follow another slash or stand for a path.
        (_, "") => [new PathRoute(new RouteMatch { Path = prefix }, "/"), new PathRoute(new RouteMatch { Prefix = prefix + "/" }, "/")],
        _ => [new PathRoute(Prefix(prefix), replacement)],
    };

    /// <summary>Compares by whole segments; a slash at the end means nothing.</summary>
    private static RouteMatch Prefix(string path) =>
        path.TrimEnd('/') is { Length: > 0 } prefix ? new RouteMatch { PathSeparatedPrefix = prefix } : new RouteMatch { Prefix = "/" };

    /// <summary>The same comparison as <see cref="Prefix"/>, as an expression, because only of an expression the whole path is replaced.</summary>
    private static RouteMatch WholePathUnder(string prefix) => Expression(prefix.Length == 0 ? "/.*" : Regex.Escape(prefix) + "(/.*)?");

    private static RouteMatch Expression(string expression) => new() { SafeRegex = new RegexMatcher { Regex = expression } };

    /// <summary>The new path, or nothing: an empty replacement means no rewrite, and no path is empty.</summary>
    private static string Whole(PathChange? change) => change switch
    {
        null => "",
        { Value: "" } => "/",
        _ => change.Value,
    };
}

/// <summary>A comparison, and what replaces the part of the path that it compares; empty for nothing.</summary>
internal readonly record struct PathRoute(RouteMatch Match, string Replacement);
