using Shouldly;
using Xunit;

namespace Weft.Resources.Tests.Schema;

public sealed class ConnectionRouteTests
{
    [Theory]
    [InlineData("v1", "TCPRoute")]
    [InlineData("v1alpha2", "TCPRoute")]
    [InlineData("v1", "TLSRoute")]
    [InlineData("v1alpha3", "TLSRoute")]
    [InlineData("v1alpha2", "TLSRoute")]
    public void Every_version_is_read_and_becomes_the_newest(string version, string kind)
    {
        var read = Read(kind, "rules: [{name: all, backendRefs: [{name: a, port: 5432, weight: 3}, {name: b, port: 5432}]}], parentRefs: [{group: \"\", kind: Service, name: a, port: 5432}]", version);
        read.Diagnostics.ShouldBeEmpty();
        var route = read.Resources.Single().ShouldBeAssignableTo<ConnectionRoute>()!;
        ((string?)route.Json["apiVersion"]).ShouldBe("gateway.networking.k8s.io/v1");
        route.RuleName.ShouldBe("all");
        route.BackendRefs.Select(b => (b.Name, b.Port, b.Weight)).ShouldBe([("a", 5432, 3), ("b", 5432, 1)]);
        route.ParentRefs.Single().IsService.ShouldBeTrue();
        ResourceKinds.FindPlural("gateway.networking.k8s.io", version, kind.ToLowerInvariant() + "s").ShouldBeSameAs(route.Kind);
    }

    [Theory]
    [InlineData("TCPRoute", "parentRefs: []", "WEFT1103", "spec.rules")]
    [InlineData("TCPRoute", "rules: []", "WEFT1106", "spec.rules")]
    [InlineData("TCPRoute", "rules: [{backendRefs: [{name: a, port: 1}]}, {backendRefs: [{name: b, port: 1}]}]", "WEFT1106", "spec.rules")]
    [InlineData("TCPRoute", "rules: [{}]", "WEFT1103", "spec.rules[0].backendRefs")]
    [InlineData("TCPRoute", "rules: [{backendRefs: []}]", "WEFT1106", "spec.rules[0].backendRefs")]
    [InlineData("TCPRoute", "rules: [{backendRefs: [{name: a}]}]", "WEFT1103", "spec.rules[0].backendRefs[0].port")]
    [InlineData("TCPRoute", "rules: [{backendRefs: [{name: a, port: 1, filters: []}]}]", "WEFT1101", "spec.rules[0].backendRefs[0].filters")]
    [InlineData("TCPRoute", "hostnames: [a.example], rules: [{backendRefs: [{name: a, port: 1}]}]", "WEFT1101", "spec.hostnames")]
    [InlineData("TLSRoute", "hostnames: [10.0.0.1], rules: [{backendRefs: [{name: a, port: 1}]}]", "WEFT1107", "spec.hostnames[0]")]
    [InlineData("TLSRoute", "hostnames: [a.example, a.example], rules: [{backendRefs: [{name: a, port: 1}]}]", "WEFT1108", "spec.hostnames[1]")]
    public void What_cannot_be_is_refused_at_its_place(string kind, string spec, string code, string path)
    {
        var found = Read(kind, spec).Diagnostics.ShouldHaveSingleItem();
        (found.Code, found.Path).ShouldBe((code, path));
    }

    [Fact]
    public void A_tls_route_keeps_its_names() =>
        ((TlsRoute)Read("TLSRoute", "hostnames: [a.example, \"*.b.example\"], rules: [{backendRefs: [{name: a, port: 1}]}]").Resources.Single()).Hostnames.ShouldBe(["a.example", "*.b.example"]);

    [Theory]
    [InlineData("ipv4: 240.240.0.0/16, ipv6: \"fd77:6566:7400::/112\"", true)]
    [InlineData("ipv4: 10.96.0.0/12", true)]
    [InlineData("ipv4: 10.96.0.1/12", false)] // bits behind the prefix
    [InlineData("ipv4: 10.96.0.0/31", false)]
    [InlineData("ipv4: 10.96.0.0", false)]
    [InlineData("ipv4: \"fd00::/112\"", false)]
    [InlineData("ipv6: 10.0.0.0/16", false)]
    [InlineData("ipv6: \"fd00::/127\"", false)]
    public void Ranges_of_virtual_addresses_are_ranges_of_their_family(string ranges, bool valid) =>
        ResourceReader.ReadYaml($"apiVersion: weft.dev/v1alpha1\nkind: Mesh\nmetadata: {{name: default}}\nspec: {{egress: Deny, virtualAddresses: {{{ranges}}}}}", "test").Diagnostics.IsEmpty.ShouldBe(valid);

    private static ReadResult Read(string kind, string spec, string version = "v1") =>
        ResourceReader.ReadYaml($"apiVersion: gateway.networking.k8s.io/{version}\nkind: {kind}\nmetadata: {{name: r}}\nspec: {{{spec}}}", "test");
}
