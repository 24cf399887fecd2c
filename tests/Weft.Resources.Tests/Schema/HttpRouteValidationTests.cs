using Shouldly;
using Weft.Resources;
using Xunit;

namespace Weft.Resources.Tests.Schema;

/// <summary>The validation expressions of the published HTTPRoute.</summary>
public sealed class HttpRouteValidationTests
{
    [Theory]
    [InlineData("matches: [{path: {type: Exact, value: orders}}]", "WEFT1107 spec.rules[0].matches[0].path.value")]
    [InlineData("matches: [{path: {value: /a//b}}]", "WEFT1107 spec.rules[0].matches[0].path.value")]
    [InlineData("matches: [{path: {value: /a/../b}}]", "WEFT1107 spec.rules[0].matches[0].path.value")]
    [InlineData("matches: [{path: {value: /a%2fb}}]", "WEFT1107 spec.rules[0].matches[0].path.value")]
    [InlineData("matches: [{path: {value: '/a?b'}}]", "WEFT1107 spec.rules[0].matches[0].path.value")]
    [InlineData("matches: [{path: {type: RegularExpression, value: '(a'}}]", "WEFT1107 spec.rules[0].matches[0].path.value")]
    [InlineData("matches: [{path: {type: RegularExpression, value: '(?=a)b'}}]", "WEFT1107 spec.rules[0].matches[0].path.value")]
    [InlineData("matches: [{path: {type: Prefix, value: /a}}]", "WEFT1104 spec.rules[0].matches[0].path.type")]
    [InlineData("matches: [{method: get}]", "WEFT1104 spec.rules[0].matches[0].method")]
    [InlineData("matches: [{headers: [{name: X-A, value: a}, {name: x-a, value: b}]}]", "WEFT1108 spec.rules[0].matches[0].headers[1]")]
    [InlineData("matches: [{headers: [{name: 'x a', value: a}]}]", "WEFT1107 spec.rules[0].matches[0].headers[0].name")]
    [InlineData("backendRefs: [{name: a}]", "WEFT1103 spec.rules[0].backendRefs[0].port")]
    [InlineData("backendRefs: [{name: a, port: 80, weight: -1}]", "WEFT1105 spec.rules[0].backendRefs[0].weight")]
    [InlineData("backendRefs: [{name: a, port: 80, wieght: 1}]", "WEFT1101 spec.rules[0].backendRefs[0].wieght")]
    [InlineData("filters: [{type: RequestRedirect, requestRedirect: {}}], backendRefs: [{name: a, port: 80}]", "WEFT1201 spec.rules[0].backendRefs")]
    [InlineData("filters: [{type: RequestRedirect, requestRedirect: {statusCode: 304}}]", "WEFT1104 spec.rules[0].filters[0].requestRedirect.statusCode")]
    [InlineData("filters: [{type: URLRewrite, urlRewrite: {hostname: 10.0.0.1}}]", "WEFT1107 spec.rules[0].filters[0].urlRewrite.hostname")]
    [InlineData("filters: [{type: URLRewrite}]", "WEFT1103 spec.rules[0].filters[0].urlRewrite")]
    [InlineData("filters: [{type: URLRewrite, urlRewrite: {}, cors: {}}]", "WEFT1201 spec.rules[0].filters[0].cors")]
    [InlineData("filters: [{type: URLRewrite, urlRewrite: {}}, {type: URLRewrite, urlRewrite: {}}]", "WEFT1201 spec.rules[0].filters[1]")]
    [InlineData("filters: [{type: URLRewrite, urlRewrite: {}}, {type: RequestRedirect, requestRedirect: {}}]", "WEFT1201 spec.rules[0].filters")]
    [InlineData("filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath}}}]", "WEFT1103 spec.rules[0].filters[0].urlRewrite.path.replaceFullPath")]
    [InlineData("filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replacePrefixMatch: /a, replaceFullPath: /b}}}]", "WEFT1201 spec.rules[0].filters[0].urlRewrite.path.replacePrefixMatch")]
    [InlineData("matches: [{path: {type: Exact, value: /a}}], filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /b}}}]", "WEFT1201 spec.rules[0].filters")]
    [InlineData("filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: A, value: b}], remove: [a]}}]", "WEFT1201 spec.rules[0].filters[0].requestHeaderModifier.remove")]
    [InlineData("filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: A, value: \"b\\r\\nc: d\"}]}}]", "WEFT1107 spec.rules[0].filters[0].requestHeaderModifier.set[0].value")]
    [InlineData("filters: [{type: RequestMirror, requestMirror: {backendRef: {name: a, port: 80}, percent: 1, fraction: {numerator: 1}}}]", "WEFT1201 spec.rules[0].filters[0].requestMirror.percent")]
    [InlineData("timeouts: {request: 1s, backendRequest: 2s}", "WEFT1201 spec.rules[0].timeouts.backendRequest")]
    [InlineData("retry: {attempts: 3}", "WEFT1101 spec.rules[0].retry")]
    public void A_rule_that_cannot_be_is_refused(string rule, string finding) =>
        Read($"rules: [{{{rule}}}]").Diagnostics.Select(d => $"{d.Code} {d.Path}").ShouldBe([finding]);

    [Theory]
    [InlineData("timeouts: {request: 0s, backendRequest: 2s}")]
    [InlineData("backendRefs: [{group: example.com, kind: Bucket, name: a}]")]
    [InlineData("filters: [{type: RequestMirror, requestMirror: {backendRef: {name: a, port: 80}}}, {type: RequestMirror, requestMirror: {backendRef: {name: b, port: 80}}}]")]
    [InlineData("filters: [{type: CORS, cors: {allowOrigins: [\"*\"]}}, {type: ExtensionRef, extensionRef: {group: a, kind: B, name: c}}]")]
    [InlineData("matches: [{path: {type: RegularExpression, value: '/v[0-9]+(/.*)?'}}]")]
    public void What_the_standard_allows_is_accepted(string rule) => Read($"rules: [{{{rule}}}]").Diagnostics.ShouldBeEmpty();

    [Fact]
    public void Matches_over_all_rules_are_bounded()
    {
        var rule = "{matches: [" + string.Join(", ", Enumerable.Repeat("{method: GET}", 64)) + "]}";

        Read($"rules: [{rule}, {rule}]").Diagnostics.ShouldBeEmpty();
        Read($"rules: [{rule}, {rule}, {{matches: [{{method: GET}}]}}]").Diagnostics.Single().Code.ShouldBe("WEFT1106");
    }

    [Fact]
    public void Defaults_are_those_of_the_standard()
    {
        var route = (HttpRoute)Read("rules: [{backendRefs: [{name: a, port: 80}]}], parentRefs: [{name: g}]").Resources.Single();

        (route.ParentRefs[0].Group, route.ParentRefs[0].Kind, route.ParentRefs[0].IsService).ShouldBe(("gateway.networking.k8s.io", "Gateway", false));
        (route.Rules[0].Matches[0].PathType, route.Rules[0].Matches[0].Path).ShouldBe((PathMatchType.PathPrefix, "/"));
        (route.Rules[0].BackendRefs[0].Kind, route.Rules[0].BackendRefs[0].Weight).ShouldBe(("Service", 1));
    }

    private static ReadResult Read(string spec) =>
        ResourceReader.ReadYaml($"apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: r}}\nspec: {{{spec}}}\n", "f");
}
