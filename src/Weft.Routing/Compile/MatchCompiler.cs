using System.Collections.Immutable;
using Envoy.Config.Route.V3;
using Weft.Routing.Matching;
using HeaderMatcher = Weft.Routing.Matching.HeaderMatcher;
using ProtoHeaderMatcher = Envoy.Config.Route.V3.HeaderMatcher;
using ProtoRegex = Envoy.Type.Matcher.V3.RegexMatcher;
using ProtoString = Envoy.Type.Matcher.V3.StringMatcher;
using Specifier = Envoy.Config.Route.V3.HeaderMatcher.HeaderMatchSpecifierOneofCase;

namespace Weft.Routing.Compile;

/// <summary>RouteMatch and the matchers that it is made of.</summary>
internal static class MatchCompiler
{
    public static RouteCondition? Compile(RouteMatch? match, FieldPath at, Compilation into)
    {
        if (match is null)
        {
            into.Refuse(at, "a match is needed");
            return null;
        }
        if (match.DynamicMetadata.Count > 0) into.Refuse(at.Field("dynamic_metadata"), "is for a route with connect_matcher alone");
        var path = Path(match, at, into);
        var headers = ImmutableArray.CreateBuilder<HeaderMatcher>(match.Headers.Count);
        for (var i = 0; i < match.Headers.Count; i++)
        {
            if (Header(match.Headers[i], at.Field("headers", i), into) is { } header) headers.Add(header);
        }
        var query = ImmutableArray.CreateBuilder<QueryMatcher>(match.QueryParameters.Count);
        for (var i = 0; i < match.QueryParameters.Count; i++)
        {
            if (Query(match.QueryParameters[i], at.Field("query_parameters", i), into) is { } parameter) query.Add(parameter);
        }
        return path is null ? null : new RouteCondition(path, headers.ToImmutable(), query.ToImmutable());
    }

    /// <summary>A StringMatcher; null when it is refused.</summary>
    public static StringMatcher? Text(ProtoString matcher, FieldPath at, Compilation into)
    {
        switch (matcher.MatchPatternCase)
        {
            case ProtoString.MatchPatternOneofCase.Exact:
                return StringMatcher.Of(StringMatchKind.Exact, matcher.Exact, matcher.IgnoreCase);
            case ProtoString.MatchPatternOneofCase.Prefix when matcher.Prefix.Length > 0:
                return StringMatcher.Of(StringMatchKind.Prefix, matcher.Prefix, matcher.IgnoreCase);
            case ProtoString.MatchPatternOneofCase.Suffix when matcher.Suffix.Length > 0:
                return StringMatcher.Of(StringMatchKind.Suffix, matcher.Suffix, matcher.IgnoreCase);
            case ProtoString.MatchPatternOneofCase.Contains when matcher.Contains.Length > 0:
                return StringMatcher.Of(StringMatchKind.Contains, matcher.Contains, matcher.IgnoreCase);
            case ProtoString.MatchPatternOneofCase.SafeRegex:
                return Regex(matcher.SafeRegex, at.Field("safe_regex"), into) is { } regex ? StringMatcher.Of(regex) : null;
            default:
                into.Refuse(at, "one of exact, prefix, suffix, contains (not empty) and safe_regex is needed");
                return null;
        }
    }

    private static PathMatcher? Path(RouteMatch match, FieldPath at, Compilation into)
    {
        var ignoreCase = match.CaseSensitive is false;
        switch (match.PathSpecifierCase)
        {
            case RouteMatch.PathSpecifierOneofCase.Prefix:
                return PathMatcher.Of(PathMatchKind.Prefix, match.Prefix, ignoreCase);
            case RouteMatch.PathSpecifierOneofCase.Path:
                return PathMatcher.Of(PathMatchKind.Exact, match.Path, ignoreCase);
            case RouteMatch.PathSpecifierOneofCase.PathSeparatedPrefix:
                var prefix = match.PathSeparatedPrefix;
                if (prefix.Length > 1 && prefix[^1] != '/' && !prefix.AsSpan().ContainsAny('?', '#'))
                    return PathMatcher.Of(PathMatchKind.SegmentPrefix, prefix, ignoreCase);
                into.Refuse(at.Field("path_separated_prefix"), $"\"{prefix}\" must have two characters or more, must not end in a slash and not contain ? or #");
                return null;
            case RouteMatch.PathSpecifierOneofCase.SafeRegex:
                return Regex(match.SafeRegex, at.Field("safe_regex"), into) is null ? null : PathMatcher.Of(PathMatchKind.Regex, match.SafeRegex.Regex);
            default:
                if (match.PathSpecifierCase == RouteMatch.PathSpecifierOneofCase.None) into.Refuse(at, "one of prefix, path, path_separated_prefix and safe_regex is needed");
                return null; // the others stand on the refused list
        }
    }

    /// <summary>A condition on a header field; null when it is refused.</summary>
    public static HeaderMatcher? Header(ProtoHeaderMatcher matcher, FieldPath at, Compilation into)
    {
        var name = matcher.Name.ToLowerInvariant();
        if (!Values.IsToken(name) && name is not (":method" or ":path" or ":scheme" or ":authority"))
        {
            into.Refuse(at.Field("name"), $"\"{matcher.Name}\" is not a header name");
            return null;
        }
        StringMatcher? value = null;
        (long, long)? range = null;
        var present = true;
        switch (matcher.HeaderMatchSpecifierCase)
        {
            case Specifier.None:
                break;
            case Specifier.PresentMatch:
                present = matcher.PresentMatch;
                break;
            case Specifier.RangeMatch:
                range = (matcher.RangeMatch.Start, matcher.RangeMatch.End);
                break;
            default:
                value = Text(Modern(matcher), at.Field(FieldName(matcher.HeaderMatchSpecifierCase)), into);
                if (value is null) return null;
                break;
        }
        return new HeaderMatcher(name)
        {
            Value = value,
            Range = range,
            Present = present,
            Invert = matcher.InvertMatch,
            MissingIsEmpty = matcher.TreatMissingHeaderAsEmpty,
        };
    }

    /// <summary>The forms from before string_match mean the same.</summary>
    private static ProtoString Modern(ProtoHeaderMatcher matcher) => matcher.HeaderMatchSpecifierCase switch
    {
        Specifier.ExactMatch => new ProtoString { Exact = matcher.ExactMatch },
        Specifier.PrefixMatch => new ProtoString { Prefix = matcher.PrefixMatch },
        Specifier.SuffixMatch => new ProtoString { Suffix = matcher.SuffixMatch },
        Specifier.ContainsMatch => new ProtoString { Contains = matcher.ContainsMatch },
        Specifier.SafeRegexMatch => new ProtoString { SafeRegex = matcher.SafeRegexMatch },
        _ => matcher.StringMatch,
    };

    private static string FieldName(Specifier specifier) => specifier switch
    {
        Specifier.ExactMatch => "exact_match",
        Specifier.PrefixMatch => "prefix_match",
        Specifier.SuffixMatch => "suffix_match",
        Specifier.ContainsMatch => "contains_match",
        Specifier.SafeRegexMatch => "safe_regex_match",
        _ => "string_match",
    };

    private static QueryMatcher? Query(QueryParameterMatcher matcher, FieldPath at, Compilation into)
    {
        if (matcher.Name.Length == 0) into.Refuse(at.Field("name"), "a name is needed");
        switch (matcher.QueryParameterMatchSpecifierCase)
        {
            case QueryParameterMatcher.QueryParameterMatchSpecifierOneofCase.StringMatch:
                return Text(matcher.StringMatch, at.Field("string_match"), into) is { } value ? new QueryMatcher(matcher.Name, value, present: true) : null;
            case QueryParameterMatcher.QueryParameterMatchSpecifierOneofCase.PresentMatch:
                return new QueryMatcher(matcher.Name, null, matcher.PresentMatch);
            default:
                return new QueryMatcher(matcher.Name, null, present: true);
        }
    }

    private static RegexMatcher? Regex(ProtoRegex matcher, FieldPath at, Compilation into)
    {
        if (matcher.Regex.Length == 0)
        {
            into.Refuse(at.Field("regex"), "an expression is needed");
            return null;
        }
        try
        {
            return RegexMatcher.Create(matcher.Regex);
        }
        catch (ArgumentException e)
        {
            into.Refuse(at.Field("regex"), $"\"{matcher.Regex}\": {e.Message}");
            return null;
        }
    }
}
