using System.Text.Json.Nodes;
using Shouldly;
using Weft.Resources;
using Xunit;

namespace Weft.Resources.Tests.Schema;

public sealed class KindValidationTests
{
    [Theory]
    [InlineData("apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {}", "WEFT1103 spec.ports")]
    [InlineData("apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80}, {port: 81, name: b}]}", "WEFT1103 spec.ports[0].name")]
    [InlineData("apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80, name: a}, {port: 80, name: b}]}", "WEFT1108 spec.ports[1].port")]
    [InlineData("apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80, name: a}, {port: 81, name: a}]}", "WEFT1108 spec.ports[1].name")]
    [InlineData("apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {type: ExternalName}", "WEFT1103 spec.externalName")]
    [InlineData("apiVersion: v1\nkind: Service\nmetadata: {name: 1s}\nspec: {ports: [{port: 80}]}", "WEFT1107 metadata.name")]
    [InlineData("apiVersion: v1\nkind: Service\nmetadata: {name: s, labels: {'a b': c}}\nspec: {ports: [{port: 80}]}", "WEFT1107 metadata.labels[a b]")]
    [InlineData("apiVersion: v1\nkind: Service\nmetadata: {}\nspec: {ports: [{port: 80}]}", "WEFT1103 metadata.name")]
    [InlineData("apiVersion: v1\nkind: Service\nmetadata: {name: s}", "WEFT1103 spec")]
    [InlineData("apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: null", "WEFT1103 spec")]
    [InlineData("kind: Service\nmetadata: {name: s}", "WEFT1103 apiVersion")]
    [InlineData("apiVersion: v2\nkind: Service\nmetadata: {name: s}", "WEFT1011 ")]
    [InlineData("just text", "WEFT1010 ")]
    [InlineData("apiVersion: weft.dev/v1alpha1\nkind: Workload\nmetadata: {name: w}\nspec: {address: 10.0.0}", "WEFT1107 spec.address")]
    [InlineData("apiVersion: weft.dev/v1alpha1\nkind: Workload\nmetadata: {name: w}\nspec: {address: '[::1]'}", "WEFT1107 spec.address")]
    [InlineData("apiVersion: weft.dev/v1alpha1\nkind: Workload\nmetadata: {name: w}\nspec: {address: ::1, health: healthy}", "WEFT1104 spec.health")]
    [InlineData("apiVersion: weft.dev/v1alpha1\nkind: Workload\nmetadata: {name: w}\nspec: {address: ::1, ports: {http: 80}, sidecar: {inbound: {htp: 1}}}", "WEFT1201 spec.sidecar.inbound[htp]")]
    [InlineData("apiVersion: weft.dev/v1alpha1\nkind: Workload\nmetadata: {name: w}\nspec: {address: ::1, ports: {http: 80}, sidecar: {inbound: {http: 9}, adminPort: 9}}", "WEFT1201 spec.sidecar.adminPort")]
    [InlineData("apiVersion: weft.dev/v1alpha1\nkind: Mesh\nmetadata: {name: main}", "WEFT1104 metadata.name")]
    [InlineData("apiVersion: weft.dev/v1alpha1\nkind: Mesh\nmetadata: {name: default}\nspec: {trustDomain: Weft.Local}", "WEFT1107 spec.trustDomain")]
    [InlineData("apiVersion: weft.dev/v1alpha1\nkind: Mesh\nmetadata: {name: default}\nspec: {mtls: strict}", "WEFT1104 spec.mtls")]
    [InlineData("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: e}\naddressType: IPv4\nendpoints: [{addresses: ['::1']}]", "WEFT1201 endpoints[0].addresses[0]")]
    [InlineData("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: e}\naddressType: IPv4\nendpoints: [{addresses: []}]", "WEFT1106 endpoints[0].addresses")]
    [InlineData("apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: l}\nspec: {renewTime: yesterday}", "WEFT1107 spec.renewTime")]
    public void An_object_that_cannot_be_is_refused(string text, string finding) =>
        ResourceReader.ReadYaml(text, "f").Diagnostics.Select(d => $"{d.Code} {d.Path}").ShouldBe([finding]);

    [Theory]
    [InlineData("apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\nspec: {rules: [{timeouts: {request: 10}}]}", "a duration has a unit: 10s")]
    [InlineData("apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\nspec: {rules: [{timeouts: {request: 1.5}}]}", "numbers with units h, m, s, ms and no fractions, as 1h30m, 10s or 500ms (GEP-2257)")]
    [InlineData("apiVersion: weft.dev/v1alpha1\nkind: Mesh\nmetadata: {name: default}\nspec: {mtls: true}", "write one of Permissive, Strict")]
    [InlineData("apiVersion: weft.dev/v1alpha1\nkind: Workload\nmetadata: {name: w}\nspec: {address: '::1', version: 2}", "put it in quotes: \"2\"")]
    public void What_is_advised_for_a_value_that_is_no_text_is_text_that_is_taken(string text, string fix) =>
        ResourceReader.ReadYaml(text, "f").Diagnostics.Select(d => (d.Code, d.Fix)).ShouldBe([("WEFT1102", fix)]);

    [Theory]
    [InlineData("Healthy", true, null, null, "Healthy")] // no status yet: what it says
    [InlineData("Unhealthy", true, null, null, "Unhealthy")]
    [InlineData("Healthy", true, "True", "TakesRequests", "Healthy")]
    [InlineData("Healthy", true, "False", "LeaseExpired", "LeaseExpired")]
    [InlineData("Healthy", true, "False", "NotSelected", "NotSelected")]
    [InlineData("Healthy", false, "False", "NotSelected", "Healthy")] // a pure client
    [InlineData("Healthy", false, "False", "LeaseExpired", "LeaseExpired")]
    public void A_workload_is_as_healthy_as_the_mesh_finds_it(string says, bool hasPort, string? ready, string? reason, string health)
    {
        var json = new JsonObject
        {
            ["apiVersion"] = "weft.dev/v1alpha1", ["kind"] = "Workload", ["metadata"] = new JsonObject { ["name"] = "w" },
            ["spec"] = new JsonObject { ["address"] = "::1", ["health"] = says, ["ports"] = hasPort ? new JsonObject { ["http"] = 80 } : new JsonObject() },
        };
        if (ready is not null)
            json["status"] = new JsonObject { ["conditions"] = new JsonArray(new JsonObject { ["type"] = "Ready", ["status"] = ready, ["reason"] = reason }) };
        ((Workload)ResourceKinds.Workload.Create(json)).HealthInMesh.ShouldBe(health);
    }

    [Fact]
    public void A_lease_knows_when_it_ends()
    {
        var lease = (Lease)ResourceReader.ReadYaml("apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: l}\nspec: {renewTime: '2026-01-01T00:00:00.123456Z', leaseDurationSeconds: 10}", "f").Resources.Single();

        lease.Expiry.ShouldBe(new DateTimeOffset(2026, 1, 1, 0, 0, 10, TimeSpan.Zero).AddMicroseconds(123456));
    }

    [Fact]
    public void A_mesh_that_says_nothing_has_the_published_defaults()
    {
        var mesh = (Mesh)ResourceReader.ReadYaml("apiVersion: weft.dev/v1alpha1\nkind: Mesh\nmetadata: {name: default}\n", "f").Resources.Single();

        (mesh.TrustDomain, mesh.Mtls).ShouldBe(("weft.local", MtlsMode.Permissive));
        // The schema's defaults and the typed record's are two statements of one thing.
        mesh.Defaults.ShouldBe(new MeshDefaults());
    }

    [Fact]
    public void Every_rule_has_its_own_code_and_words()
    {
        DiagnosticRule.All.Select(r => r.Code).ShouldBeUnique();
        DiagnosticRule.All.ShouldAllBe(r => r.Code.StartsWith("WEFT1") && r.Title.Length > 0 && r.Explanation.Length > 0);
        DiagnosticRule.All.Length.ShouldBe(typeof(DiagnosticRule).GetFields().Count(f => f.FieldType == typeof(DiagnosticRule)));
    }

    [Fact]
    public void Every_kind_is_found_by_each_of_its_names()
    {
        foreach (var kind in ResourceKinds.All)
        {
            ResourceKinds.Find(kind.ApiVersion, kind.Kind).ShouldBeSameAs(kind);
            ResourceKinds.FindPlural(kind.Group, kind.Version, kind.Plural).ShouldBeSameAs(kind);
            foreach (var name in kind.ShortNames.Append(kind.Plural).Append(kind.Singular).Append(kind.Kind))
                ResourceKinds.FindName(name).ShouldBeSameAs(kind);
        }
        ResourceKinds.FindName("httproutes.gateway.networking.k8s.io").ShouldBeSameAs(ResourceKinds.HttpRoute);
        ResourceKinds.FindName("pods").ShouldBeNull();
    }
}
