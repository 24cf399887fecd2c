using static Weft.Resources.Schema.Kinds.RouteParts;
using static Weft.Resources.Schema.Types;

namespace Weft.Resources.Schema.Kinds;

/// <summary>
/// gateway.networking.k8s.io/v1 HTTPRoute: every field of the standard channel with the limits of its published definition.
/// What the mesh cannot do yet is right here and is answered in the route's status.
/// </summary>
internal static class HttpRouteSchema
{
    private static readonly TextType HeaderName = Text(min: 1, max: 256, TextFormat.HeaderName);
    private static readonly TextType HeaderValue = Text(min: 1, max: 4096, TextFormat.HeaderValue);
    private static readonly TextType MatchType = OneOf("Exact", "RegularExpression");

    private static readonly ObjectType PathMatch = Object(
        Optional("type", OneOf("Exact", "PathPrefix", "RegularExpression"), "How the path is compared", "\"PathPrefix\""),
        Optional("value", Text(max: 1024), "The path, prefix or expression", "\"/\"")) with
    {
        Rules = [HttpRouteRules.PathIsPossible],
    };

    private static readonly ObjectType HeaderMatch = Object(
        Optional("type", MatchType, "How the value is compared", "\"Exact\""),
        Required("name", HeaderName, "Header, compared without case"),
        Required("value", HeaderValue, "Value or expression")) with
    {
        Rules = [HttpRouteRules.ExpressionCompiles],
    };

    private static readonly ObjectType QueryMatch = Object(
        Optional("type", MatchType, "How the value is compared", "\"Exact\""),
        Required("name", HeaderName, "Query parameter"),
        Required("value", Text(min: 1, max: 1024), "Value or expression")) with
    {
        Rules = [HttpRouteRules.ExpressionCompiles],
    };

    private static readonly ObjectType Match = Object(
        Optional("path", PathMatch, "The path", """{"type":"PathPrefix","value":"/"}"""),
        Optional("headers", List(HeaderMatch, max: 16) with { KeyedBy = ["name"], KeyIgnoresCase = true }, "Headers that must all match"),
        Optional("queryParams", List(QueryMatch, max: 16) with { KeyedBy = ["name"] }, "Query parameters that must all match"),
        Optional("method", OneOf("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"), "The method"));

    private static readonly ListType HeaderList =
        List(Object(Required("name", HeaderName, "Header"), Required("value", HeaderValue, "Value")), max: 16) with { KeyedBy = ["name"], KeyIgnoresCase = true };

    private static readonly ObjectType HeaderModifier = Object(
        Optional("set", HeaderList, "Headers that get this value whatever they had"),
        Optional("add", HeaderList, "Headers that get this value besides what they had"),
        Optional("remove", List(HeaderName, max: 16) with { Unique = true, KeyIgnoresCase = true }, "Headers that go")) with
    {
        Rules = [HttpRouteRules.OneActionPerHeader],
    };

    private static readonly ObjectType PathModifier = Object(
        Required("type", OneOf("ReplaceFullPath", "ReplacePrefixMatch"), "What is replaced"),
        Optional("replaceFullPath", Text(max: 1024), "The new path"),
        Optional("replacePrefixMatch", Text(max: 1024), "What stands in for the matched prefix")) with
    {
        Rules = [HttpRouteRules.PathModifierIsWhole],
    };

    private static readonly ObjectType Redirect = Object(
        Optional("scheme", OneOf("http", "https"), "New scheme"),
        Optional("hostname", Of(TextFormat.PreciseHostname), "New host"),
        Optional("path", PathModifier, "New path"),
        Optional("port", PortNumber, "New port"),
        Optional("statusCode", Integer(301, 308), "301, 302, 303, 307 or 308", "302")) with
    {
        Rules = [HttpRouteRules.StatusRedirects],
    };

    private static readonly ObjectType Rewrite = Object(
        Optional("hostname", Of(TextFormat.PreciseHostname), "New host"),
        Optional("path", PathModifier, "New path"));

    private static readonly ObjectType Fraction = Object(
        Required("numerator", Integer(0, int.MaxValue), "Requests of the denominator that count"),
        Optional("denominator", Integer(1, int.MaxValue), "Of how many", "100"));

    private static readonly ObjectType Mirror = Object(
        Required("backendRef", Object([.. BackendFields]) with { Rules = [RouteParts.ServiceHasPort] }, "Who gets the copies"),
        Optional("percent", Integer(0, 100), "Share of requests that are copied"),
        Optional("fraction", Fraction, "Share of requests that are copied, exactly"));

    private static readonly ObjectType Cors = Object(
        Optional("allowOrigins", List(Text(min: 1, max: 253), max: 64) with { Unique = true }, "Origins that may ask"),
        Optional("allowCredentials", Flag, "Whether credentials may be sent"),
        Optional("allowMethods", List(PlainText, max: 9) with { Unique = true }, "Methods that may be used"),
        Optional("allowHeaders", List(HeaderName, max: 64) with { Unique = true, KeyIgnoresCase = true }, "Headers that may be sent"),
        Optional("exposeHeaders", List(HeaderName, max: 64) with { Unique = true, KeyIgnoresCase = true }, "Headers that scripts may read"),
        Optional("maxAge", Integer(1, int.MaxValue), "How long the answer may be kept, in seconds", "5"));

    private static readonly ObjectType ExtensionReference = Object(
        Required("group", Group, "Group of the extension"),
        Required("kind", Kind, "Kind of the extension"),
        Required("name", ObjectName, "Name of the extension"));

    private static readonly ObjectType Filter = Object(
        Required("type", OneOf([.. HttpRouteRules.FilterFields.Keys]), "What the filter does"),
        Optional("requestHeaderModifier", HeaderModifier, "Changes of the request's headers"),
        Optional("responseHeaderModifier", HeaderModifier, "Changes of the response's headers"),
        Optional("requestMirror", Mirror, "Copies of requests for another backend"),
        Optional("requestRedirect", Redirect, "Answer that sends the client elsewhere"),
        Optional("urlRewrite", Rewrite, "Changes of host and path"),
        Optional("cors", Cors, "Cross-origin answers"),
        Optional("extensionRef", ExtensionReference, "A filter of somebody else")) with
    {
        Rules = [HttpRouteRules.FilterMatchesItsType],
    };

    private static readonly ObjectType BackendReference = Object(
    [
        .. BackendFields,
        Weight,
        Optional("filters", List(Filter, max: 16), "Filters for requests to this backend only"),
    ]) with
    {
        Rules = [RouteParts.ServiceHasPort, HttpRouteRules.FiltersDoNotRepeat],
    };

    private static readonly ObjectType Timeouts = Object(
        Optional("request", Of(TextFormat.Duration), "Time for the whole request with its retries; 0s is none"),
        Optional("backendRequest", Of(TextFormat.Duration), "Time for each try; 0s is none")) with
    {
        Rules = [HttpRouteRules.TryFitsInRequest],
    };

    private static readonly ObjectType Rule = Object(
        Optional("name", SectionName, "Name of the rule, unique in the route"),
        Optional("matches", List(Match, max: 64), "Requests that the rule takes: any of these", """[{"path":{"type":"PathPrefix","value":"/"}}]"""),
        Optional("filters", List(Filter, max: 16), "Filters for every request of the rule"),
        Optional("backendRefs", List(BackendReference, max: 16), "Where the requests go"),
        Optional("timeouts", Timeouts, "How long a request may take")) with
    {
        Rules = [HttpRouteRules.FiltersDoNotRepeat, HttpRouteRules.RedirectHasNoBackend, HttpRouteRules.PrefixReplacementHasOnePrefix],
    };

    public static readonly ObjectType HttpRoute = ObjectSchema.For(Of(TextFormat.DnsSubdomain), namespaced: true,
        Required("spec", Object(
            ParentRefs,
            Optional("hostnames", List(Of(TextFormat.Hostname), max: 16) with { Unique = true }, "Hosts that a gateway takes; a mesh goes by the Service that was called"),
            Optional("rules", List(Rule, min: 1, max: 16), "Rules; the most precise match wins, whatever the order", """[{"matches":[{"path":{"type":"PathPrefix","value":"/"}}]}]""")) with
        {
            Rules = [HttpRouteRules.MatchesAreBounded, HttpRouteRules.RuleNamesDiffer],
        }, "Where requests go"));
}
