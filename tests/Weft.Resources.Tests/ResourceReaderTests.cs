using System.Text;
using System.Text.Json.Nodes;
using Shouldly;
using Weft.Resources;
using Xunit;

namespace Weft.Resources.Tests;

public sealed class ResourceReaderTests
{
    [Fact]
    public void Yaml_with_several_documents_gives_typed_objects_in_order()
    {
        var result = ResourceReader.ReadYaml("""
            apiVersion: v1
            kind: Service
            metadata: {name: catalog, labels: {team: shop}}
            spec:
              selector: {app: catalog}
              ports: [{name: http, port: 80, targetPort: web}]
            ---
            # only a comment
            ---
            apiVersion: weft.dev/v1alpha1
            kind: Workload
            metadata: {name: catalog-1, namespace: shop}
            spec: {address: 10.0.0.1, ports: {web: 8080}}
            """, "mesh.yaml");

        result.Diagnostics.ShouldBeEmpty();
        var service = result.Resources[0].ShouldBeOfType<Service>();
        service.Key.ToString().ShouldBe("Service default/catalog");
        service.Ports[0].ShouldBe(new ServicePort("http", 80, new PortTarget(0, "web"), "TCP", ""));
        var workload = result.Resources[1].ShouldBeOfType<Workload>();
        workload.Metadata.Namespace.ShouldBe("shop");
        (workload.ServiceAccount, workload.Weight, workload.Health, workload.Ports["web"]).ShouldBe(("default", 1, WorkloadHealth.Healthy, 8080));
    }

    [Fact]
    public void Ten_mistakes_are_ten_findings_each_at_its_line()
    {
        var result = ResourceReader.ReadYaml("""
            apiVersion: v1
            kind: Service
            metadata:
              name: Catalog
            spec:
              selecter: {app: catalog}
              ports:
                - name: http
                  port: "80"
                - name: http-admin-interface
                  port: 70000
                  protocol: tcp
            ---
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: {name: catalog}
            spec:
              parentRefs: [{group: "", kind: Service}]
              rules:
                - timeouts: {request: 5 seconds}
                  backendRefs:
                    - name: catalog
                      port: 80
                      weight: many
            ---
            apiVersion: weft.dev/v1alpha1
            kind: Worklod
            metadata: {name: w}
            """, "broken.yaml");

        result.Resources.ShouldBeEmpty();
        result.Diagnostics.Select(d => $"{d.Line} {d.Code} {d.Path}").ShouldBe(
        [
            "4 WEFT1107 metadata.name",
            "6 WEFT1101 spec.selecter",
            "9 WEFT1102 spec.ports[0].port",
            "10 WEFT1107 spec.ports[1].name",
            "11 WEFT1105 spec.ports[1].port",
            "12 WEFT1104 spec.ports[1].protocol",
            "18 WEFT1103 spec.parentRefs[0].name",
            "20 WEFT1107 spec.rules[0].timeouts.request",
            "24 WEFT1102 spec.rules[0].backendRefs[0].weight",
            "27 WEFT1011 ",
        ]);
        result.Diagnostics[1].ToString().ShouldBe("broken.yaml:6:3: error WEFT1101: unknown field \"selecter\" (Service default/Catalog, spec.selecter). did you mean selector?");
        result.Diagnostics[2].Fix.ShouldBe("remove the quotes: port: 80");
        result.Diagnostics[5].Fix.ShouldStartWith("did you mean TCP?");
        result.Diagnostics[9].Fix.ShouldContain("kind: Workload");
    }

    [Fact]
    public void A_document_that_cannot_be_parsed_hides_no_mistake_of_the_others()
    {
        var result = ResourceReader.ReadYaml("kind: [\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: BAD}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: good}\n", "f");

        result.Diagnostics.Select(d => (d.Code, d.Line)).ShouldBe([("WEFT1001", 2), ("WEFT1107", 5)]);
        result.Resources.Single().Metadata.Name.ShouldBe("good");
    }

    [Fact]
    public void A_list_is_its_items()
    {
        var result = ResourceReader.ReadYaml("""
            {"apiVersion": "v1", "kind": "List", "items": [
              {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}},
              {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "b_"}}]}
            """, "f");

        result.Resources.Single().Metadata.Name.ShouldBe("a");
        result.Diagnostics.Single().Line.ShouldBe(3);
    }

    [Fact]
    public void The_same_object_twice_is_refused()
    {
        var result = ResourceReader.ReadYaml("{apiVersion: v1, kind: Namespace, metadata: {name: a}}\n---\n{apiVersion: v1, kind: Namespace, metadata: {name: a}}\n", "f");

        result.Resources.Length.ShouldBe(1);
        result.Diagnostics.Single().Code.ShouldBe("WEFT1203");
    }

    [Fact]
    public void A_namespace_on_a_cluster_scoped_kind_is_refused()
    {
        var result = ResourceReader.ReadYaml("apiVersion: weft.dev/v1alpha1\nkind: Mesh\nmetadata:\n  name: default\n  namespace: shop\n", "f");

        (result.Diagnostics.Single().Code, result.Diagnostics.Single().Line).ShouldBe(("WEFT1202", 5));
    }

    [Fact]
    public void Json_reports_the_same_as_yaml_with_its_own_lines()
    {
        var result = ResourceReader.ReadJson(Encoding.UTF8.GetBytes("{\"apiVersion\": \"v1\",\n \"kind\": \"Namespace\",\n \"metadata\": {\"name\": \"é\", \"lables\": {}}}"), "f");

        result.Diagnostics.Select(d => (d.Code, d.Line, d.Column)).ShouldBe([("WEFT1107", 3, 23), ("WEFT1101", 3, 28)]);
    }

    [Fact]
    public void A_tree_in_memory_is_read_without_positions()
    {
        var json = JsonNode.Parse("""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a","lables":{},"labels":{"x":1}}}""")!;

        var result = ResourceReader.ReadJson(json, "request");

        result.Diagnostics.Select(d => (d.Code, d.Path, d.Line)).ShouldBe([("WEFT1101", "metadata.lables", 0), ("WEFT1102", "metadata.labels[x]", 0)]);
    }

    [Fact]
    public void What_the_typed_part_does_not_show_stays_in_the_json()
    {
        var result = ResourceReader.ReadYaml("""
            apiVersion: v1
            kind: Service
            metadata:
              name: catalog
              creationTimestamp: null
              managedFields: [{manager: kubectl, fieldsV1: {"f:spec": {}}}]
              finalizers: [a/b]
            spec:
              ports: [{port: 80}]
              sessionAffinity: None
            status: {loadBalancer: {}}
            """, "f");

        result.Diagnostics.ShouldBeEmpty();
        CanonicalJson.ToText(result.Resources[0].Json).ShouldBe(
            """{"apiVersion":"v1","kind":"Service","metadata":{"finalizers":["a/b"],"managedFields":[{"fieldsV1":{"f:spec":{}},"manager":"kubectl"}],"name":"catalog","namespace":"default"},"spec":{"ports":[{"port":80,"protocol":"TCP"}],"sessionAffinity":"None","type":"ClusterIP"},"status":{"loadBalancer":{}}}""");
    }

    [Fact]
    public void Reading_what_was_written_gives_the_same_object()
    {
        var first = ResourceReader.ReadYaml("apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\nspec: {parentRefs: [{group: '', kind: Service, name: s}], rules: [{backendRefs: [{name: s, port: 80}]}]}\n", "f").Resources.Single();

        var second = ResourceReader.ReadJson(CanonicalJson.ToBytes(first.Json), "f").Resources.Single();

        second.SameIntent(first).ShouldBeTrue();
        CanonicalJson.ToText(second.Json).ShouldBe(CanonicalJson.ToText(first.Json));
    }

    [Fact]
    public void Same_intent_sees_labels_and_spec_and_not_the_stores_bookkeeping()
    {
        var plain = Read("metadata: {name: s, resourceVersion: '1'}", "80");
        Read("metadata: {name: s, resourceVersion: '2', generation: 5}", "80").SameIntent(plain).ShouldBeTrue();
        Read("metadata: {name: s, labels: {a: b}}", "80").SameIntent(plain).ShouldBeFalse();
        Read("metadata: {name: s}", "81").SameIntent(plain).ShouldBeFalse();

        static ResourceObject Read(string metadata, string port) =>
            ResourceReader.ReadYaml($"apiVersion: v1\nkind: Service\n{metadata}\nspec: {{ports: [{{port: {port}}}]}}\n", "f").Resources.Single();
    }
}
