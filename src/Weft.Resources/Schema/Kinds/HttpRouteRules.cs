using System.Text.RegularExpressions;
using Weft.Resources.Documents;

namespace Weft.Resources.Schema.Kinds;

/// <summary>The rules that hold between fields of an HTTPRoute; each is a validation expression of the published definition.</summary>
internal static class HttpRouteRules
{
    /// <summary>Filter types and the field that carries each.</summary>
    public static readonly SortedDictionary<string, string> FilterFields = new(StringComparer.Ordinal)
    {
        ["CORS"] = "cors",
        ["ExtensionRef"] = "extensionRef",
        ["RequestHeaderModifier"] = "requestHeaderModifier",
        ["RequestMirror"] = "requestMirror",
        ["RequestRedirect"] = "requestRedirect",
        ["ResponseHeaderModifier"] = "responseHeaderModifier",
        ["URLRewrite"] = "urlRewrite",
    };

    public static void PathIsPossible(RuleScope scope)
    {
        var value = scope.Node.Text("value") ?? "/";
        if (scope.Node.Text("type") == "RegularExpression")
        {
            CheckExpression(scope, value);
            return;
        }
        var problem = PathProblem(value);
        if (problem is not null) scope.Report(DiagnosticRule.Format, "value", $"\"{ScalarNode.Shorten(value)}\" {problem}", "write an absolute path such as /orders/v2");
    }

    public static void ExpressionCompiles(RuleScope scope)
    {
        if (scope.Node.Text("type") == "RegularExpression") CheckExpression(scope, scope.Node.Text("value")!);
    }

    public static void OneActionPerHeader(RuleScope scope)
    {
        var actions = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var named = scope.Items("set").Select(n => ("set", n.Text("name")!, (DocumentNode)n))
            .Concat(scope.Items("add").Select(n => ("add", n.Text("name")!, (DocumentNode)n)))
            .Concat(scope.Node["remove"] is ListNode list ? list.Items.OfType<ScalarNode>().Select(n => ("remove", n.Text, (DocumentNode)n)) : []);
        foreach (var (action, header, node) in named)
        {
            if (!actions.TryAdd(header, action) && actions[header] != action)
                scope.At(node, DiagnosticRule.Contradiction, action, $"{header} stands under {actions[header]} already", "keep one action per header");
        }
    }

    public static void PathModifierIsWhole(RuleScope scope)
    {
        var full = scope.Node.Text("type") == "ReplaceFullPath";
        var (wanted, other) = full ? ("replaceFullPath", "replacePrefixMatch") : ("replacePrefixMatch", "replaceFullPath");
        if (!scope.Has(wanted)) scope.Report(DiagnosticRule.Missing, wanted, $"{wanted} is required by the type", $"add {wanted}");
        if (scope.Has(other)) scope.Contradiction(other, $"{other} does not go with type {scope.Node.Text("type")}", $"remove {other}");
        var value = scope.Node.Text(wanted);
        if (value is { Length: > 0 } && !TextFormat.AbsolutePath.Check(value)) scope.Report(DiagnosticRule.Format, wanted, $"\"{ScalarNode.Shorten(value)}\" is not a path", TextFormat.AbsolutePath.Rule);
    }

    public static void StatusRedirects(RuleScope scope)
    {
        if (scope.Node["statusCode"] is ScalarNode code && code.Text is not ("301" or "302" or "303" or "307" or "308"))
            scope.Report(DiagnosticRule.NotAllowedValue, "statusCode", $"{code.Text} is no redirect", "write 301, 302, 303, 307 or 308");
    }

    public static void FilterMatchesItsType(RuleScope scope)
    {
        var type = scope.Node.Text("type")!;
        foreach (var (name, field) in FilterFields)
        {
            if (name == type && !scope.Has(field)) scope.Report(DiagnosticRule.Missing, field, $"{field} is required by the type", $"add {field}");
            if (name != type && scope.Has(field)) scope.Contradiction(field, $"{field} does not go with type {type}", $"remove {field}, or write type: {name}");
        }
        if (scope.Node["requestMirror"] is MapNode mirror && mirror.Entry("percent") is { } percent && mirror.Entry("fraction") is not null)
            scope.At(percent.Value, DiagnosticRule.Contradiction, "requestMirror.percent", "percent and fraction say the same thing", "remove one of the two");
    }

    public static void FiltersDoNotRepeat(RuleScope scope)
    {
        var seen = new HashSet<string>();
        var i = 0;
        foreach (var filter in scope.Items("filters"))
        {
            var type = filter.Text("type")!;
            if (type is not ("RequestMirror" or "ExtensionRef") && !seen.Add(type))
                scope.At(filter, DiagnosticRule.Contradiction, $"filters[{i}]", $"a second {type} filter", "put both into one filter");
            i++;
        }
        if (seen.Contains("RequestRedirect") && seen.Contains("URLRewrite"))
            scope.Contradiction("filters", "a redirect is answered by the proxy, so there is nothing to rewrite", "keep RequestRedirect or URLRewrite");
    }

    public static void RedirectHasNoBackend(RuleScope scope)
    {
        if (scope.Node["backendRefs"] is ListNode { Items.Length: > 0 } && scope.Items("filters").Any(f => f.Text("type") == "RequestRedirect"))
            scope.Contradiction("backendRefs", "a redirect is answered by the proxy, so nothing goes to a backend", "remove backendRefs, or the redirect");
    }

    public static void PrefixReplacementHasOnePrefix(RuleScope scope)
    {
        var backendFilters = scope.Items("backendRefs").SelectMany(b => b["filters"] is ListNode list ? list.Items.OfType<MapNode>() : []);
        var replaces = scope.Items("filters").Concat(backendFilters).Any(f => PathOf(f)?.Text("type") == "ReplacePrefixMatch");
        if (!replaces) return;
        var matches = scope.Items("matches").ToList();
        var prefix = matches.Count == 0 || (matches.Count == 1 && (matches[0]["path"] as MapNode)?.Text("type") is null or "PathPrefix");
        if (!prefix) scope.Contradiction("filters", "ReplacePrefixMatch needs exactly one match, of type PathPrefix: it replaces what that matched", "split the rule, or use ReplaceFullPath");

        static MapNode? PathOf(MapNode filter) => ((filter["urlRewrite"] ?? filter["requestRedirect"]) as MapNode)?["path"] as MapNode;
    }

    public static void TryFitsInRequest(RuleScope scope)
    {
        if (scope.Node.Text("request") is not { } request || scope.Node.Text("backendRequest") is not { } attempt) return;
        var whole = GatewayDuration.Parse(request);
        if (whole.Value > TimeSpan.Zero && GatewayDuration.Parse(attempt).CompareTo(whole) > 0)
            scope.Contradiction("backendRequest", $"one try may take {attempt}, longer than the whole request's {request}", "lower backendRequest, or raise request");
    }

    public static void MatchesAreBounded(RuleScope scope)
    {
        var total = scope.Items("rules").Sum(r => r["matches"] is ListNode list ? list.Items.Length : 0);
        if (total > 128) scope.Report(DiagnosticRule.Length, "rules", $"the rules have {total} matches; at most 128 are allowed", "split the route");
    }

    public static void RuleNamesDiffer(RuleScope scope)
    {
        var names = new HashSet<string>();
        var i = 0;
        foreach (var rule in scope.Items("rules"))
        {
            if (rule.Text("name") is { } name && !names.Add(name))
                scope.At(rule, DiagnosticRule.DuplicateItem, $"rules[{i}].name", $"another rule is called {name} already", "give each rule a name of its own");
            i++;
        }
    }

    private static void CheckExpression(RuleScope scope, string expression)
    {
        try
        {
            // The engine without backtracking refuses what takes time without bound, as RE2 does in other meshes.
            _ = new Regex(expression, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            scope.Report(DiagnosticRule.Format, "value", $"\"{ScalarNode.Shorten(expression)}\" is not a usable regular expression: {e.Message}", "use RE2 syntax: no look-around, no back references");
        }
    }

    private static string? PathProblem(string path) => path switch
    {
        _ when !path.StartsWith('/') => "does not start with '/'",
        _ when path.Contains("//", StringComparison.Ordinal) => "holds an empty segment (//)",
        _ when Dots.IsMatch(path) => "holds a dot segment (/./ or /../)",
        _ when path.Contains("%2f", StringComparison.OrdinalIgnoreCase) => "holds an encoded slash (%2F)",
        _ when !PathCharacters.IsMatch(path) => "holds a character that no path has",
        _ => null,
    };

    private static readonly Regex Dots = new(@"/\.\.?(/|$)", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);

    private static readonly Regex PathCharacters = new(@"^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
}
