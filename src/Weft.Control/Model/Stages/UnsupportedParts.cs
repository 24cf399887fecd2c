using Weft.Resources;
using Weft.Routing.Matching;

namespace Weft.Control.Model.Stages;

/// <summary>What a rule asks for that this version cannot do: right by the standard, so the object is accepted and its status says it.</summary>
internal static class UnsupportedParts
{
    /// <summary>Fields of a message's framing and routing, which the proxy writes itself; a route that changed them could split messages. (And one that changed
    /// what proxies say to each other, <c>x-weft-*</c>, could speak for them.)</summary>
    private static readonly string[] FramingHeaders =
        ["host", "connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

    /// <summary>In words, joined by commas; empty when all can be done.</summary>
    public static string Of(HttpRouteRule rule)
    {
        var onRule = rule.Filters.OfType<OtherFilter>().Select(f => $"filter {f.Type}");
        var onBackends = rule.BackendRefs.SelectMany(b => b.Filters)
            .Where(f => f is not (RequestHeaderFilter or ResponseHeaderFilter)).Select(f => $"filter {NameOf(f)} on a backend");
        var headers = rule.Filters.Concat(rule.BackendRefs.SelectMany(b => b.Filters)).SelectMany(Names)
            .Where(n => FramingHeaders.Contains(n, StringComparer.OrdinalIgnoreCase) || n.StartsWith("x-weft-", StringComparison.OrdinalIgnoreCase)).Select(n => $"change of header {n}");
        return string.Join(", ", onRule.Concat(onBackends).Concat(headers).Concat(rule.Matches.SelectMany(Expressions).Select(Refused)).Where(p => p.Length > 0).Distinct());
    }

    private static IEnumerable<string> Names(HttpRouteFilter filter)
    {
        var changes = filter switch
        {
            RequestHeaderFilter request => request.Changes,
            ResponseHeaderFilter response => response.Changes,
            _ => null,
        };
        return changes is null ? [] : changes.Set.Select(h => h.Key).Concat(changes.Add.Select(h => h.Key)).Concat(changes.Remove);
    }

    /// <summary>False for a match with an expression that the proxy cannot read: it takes no request, because nobody knows which it should take.</summary>
    public static bool CanMatch(HttpRouteMatch match) => Expressions(match).All(e => Refused(e).Length == 0);

    private static IEnumerable<string> Expressions(HttpRouteMatch match) =>
        match.Headers.Concat(match.QueryParams).Where(m => m.IsExpression).Select(m => m.Value)
            .Concat(match.PathType == PathMatchType.RegularExpression ? [match.Path] : []);

    /// <summary>The proxy's own engine has the last word on an expression that validation let pass.</summary>
    private static string Refused(string expression)
    {
        try
        {
            _ = RegexMatcher.Create(expression);
            return "";
        }
        catch (ArgumentException e)
        {
            return $"expression {expression} ({e.Message})";
        }
    }

    private static string NameOf(HttpRouteFilter filter) => filter switch
    {
        OtherFilter other => other.Type,
        RedirectFilter => "RequestRedirect",
        RewriteFilter => "URLRewrite",
        _ => filter.GetType().Name,
    };
}
