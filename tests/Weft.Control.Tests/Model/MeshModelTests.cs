using System.Collections.Immutable;
using System.Diagnostics;
using Shouldly;
using Weft.Control.Model;
using Weft.Resources;
using Xunit;

namespace Weft.Control.Tests.Model;

public sealed class MeshModelTests
{
    [Fact]
    public void A_model_does_not_depend_on_the_order_of_its_resources()
    {
        var resources = Mesh(services: 5, workloadsEach: 3);
        var expected = Describe(MeshModel.Build(new ModelInputs(resources, [], 1)));
        for (var seed = 0; seed < 20; seed++)
        {
            var shuffled = resources.ToArray();
            new Random(seed).Shuffle(shuffled);
            Describe(MeshModel.Build(new ModelInputs(shuffled, [], 1))).ShouldBe(expected);
        }
    }

    [Fact]
    public void The_same_resources_again_rebuild_nothing()
    {
        var resources = Mesh(services: 20, workloadsEach: 2);
        var first = MeshModel.Build(new ModelInputs(resources, [], 1));
        first.Rebuilt.All.ShouldBeGreaterThan(0);

        // Read anew, as a store does that keeps bytes: equal content, other instances.
        var second = MeshModel.Build(new ModelInputs(Mesh(services: 20, workloadsEach: 2), [], 2), first);

        second.Rebuilt.All.ShouldBe(0);
        second.Revision.ShouldBe(2);
    }

    [Fact]
    public void One_endpoint_more_in_a_thousand_services_rebuilds_its_own_parts_only()
    {
        var resources = Mesh(services: 1000, workloadsEach: 2);
        var first = MeshModel.Build(new ModelInputs(resources, [], 1));
        var watch = Stopwatch.StartNew();

        var second = MeshModel.Build(new ModelInputs([.. resources, .. Read(Workload("s500-new", "10.9.9.9", "s500"))], [], 2), first);

        watch.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(2));
        second.Rebuilt.ShouldBe(new RebuildCounts(Settings: 0, Workloads: 1, Services: 0, Endpoints: 1, Routes: 0, RouteTables: 0, Statuses: 1));
        second.Endpoints[new ServicePortKey("s500", "default", 80)].Endpoints.Length.ShouldBe(3);
        second.Endpoints.Count(e => !ReferenceEquals(e.Value, first.Endpoints[e.Key])).ShouldBe(1);
        second.RouteTables.ShouldAllBe(t => ReferenceEquals(t.Value, first.RouteTables[t.Key]));
    }

    [Fact]
    public void A_changed_route_rebuilds_its_own_table_only()
    {
        var resources = Mesh(services: 50, workloadsEach: 1);
        var first = MeshModel.Build(new ModelInputs(resources, [], 1));
        var changed = Read(Route("s7", weight: 50)).Single();

        var second = MeshModel.Build(new ModelInputs([.. resources.Where(r => r.Key != changed.Key), changed], [], 2), first);

        second.Rebuilt.ShouldBe(new RebuildCounts(0, 0, 0, 0, Routes: 1, RouteTables: 1, Statuses: 0));
    }

    [Fact]
    public void A_label_that_no_selector_reads_moves_no_endpoint()
    {
        var resources = Mesh(services: 3, workloadsEach: 2);
        var first = MeshModel.Build(new ModelInputs(resources, [], 1));
        var key = new ServicePortKey("s1", "default", 80);
        var relabelled = Read(Workload("s1-0", "10.0.1.0", "s1", moreLabels: ", team: blue")).Single();

        var second = MeshModel.Build(new ModelInputs([.. resources.Where(r => r.Key != relabelled.Key), relabelled], [], 2), first);

        // The list is the same instance, which is what translation compares.
        (second.Endpoints[key].Endpoints == first.Endpoints[key].Endpoints).ShouldBeTrue();
    }

    [Fact]
    public void A_backend_that_appears_heals_the_route_that_names_it()
    {
        var route = Read("""
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: {name: s0}
            spec:
              parentRefs: [{group: "", kind: Service, name: s0}]
              rules: [{backendRefs: [{name: late, port: 80}]}]
            """).Single();
        ImmutableArray<ResourceObject> resources = [.. Read(Service("s0")), route];
        var first = MeshModel.Build(new ModelInputs(resources, [], 1));
        Conditions(first, route.Key).ShouldBe(["Accepted=True/Accepted", "ResolvedRefs=False/BackendNotFound"]);

        var second = MeshModel.Build(new ModelInputs([.. resources, .. Read(Service("late"))], [], 2), first);

        Conditions(second, route.Key).ShouldBe(["Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs"]);
        second.Rebuilt.RouteTables.ShouldBe(1);
    }

    [Fact]
    public void An_expired_lease_takes_its_workload_away_and_renewal_brings_it_back()
    {
        var resources = Mesh(services: 1, workloadsEach: 1);
        var key = new ServicePortKey("s0", "default", 80);
        var lease = new ResourceKey("coordination.k8s.io", "Lease", "default", "s0-0");
        var live = MeshModel.Build(new ModelInputs(resources, [], 1));

        var expired = MeshModel.Build(new ModelInputs(resources, [lease], 2), live);
        var renewed = MeshModel.Build(new ModelInputs(resources, [], 3), expired);

        (live.Endpoints[key].Endpoints.Length, expired.Endpoints[key].Endpoints.Length, renewed.Endpoints[key].Endpoints.Length).ShouldBe((1, 0, 1));
        Conditions(expired, new ResourceKey("weft.dev", "Workload", "default", "s0-0")).ShouldBe(["Ready=False/LeaseExpired"]);
    }

    [Fact]
    public void A_new_trust_domain_gives_every_workload_a_new_identity()
    {
        var resources = Mesh(services: 2, workloadsEach: 1);
        var first = MeshModel.Build(new ModelInputs(resources, [], 1));
        var mesh = Read("apiVersion: weft.dev/v1alpha1\nkind: Mesh\nmetadata: {name: default}\nspec: {trustDomain: other.example}").Single();

        var second = MeshModel.Build(new ModelInputs([.. resources, mesh], [], 2), first);

        second.Workloads.Values.ShouldAllBe(w => w.Identity.Text == "spiffe://other.example/ns/default/sa/default");
        second.Endpoints.Values.SelectMany(e => e.Endpoints).ShouldAllBe(e => e.Identity.StartsWith("spiffe://other.example/"));
    }

    [Theory]
    [InlineData("catalog.default:80", true)]
    [InlineData("catalog.default:080", false)]
    [InlineData("catalog.default:0", false)]
    [InlineData("catalog.default:65536", false)]
    [InlineData("catalog.default:+80", false)]
    [InlineData("catalog:80", false)]
    [InlineData(".default:80", false)]
    [InlineData("catalog.:80", false)]
    [InlineData("a.b.c:80", false)]
    [InlineData("catalog.default", false)]
    public void A_port_has_one_spelling(string text, bool valid) => ServicePortKey.TryParse(text, out _).ShouldBe(valid);

    private static string[] Conditions(MeshModel model, ResourceKey key)
    {
        var status = model.Status[key];
        return [.. status.Conditions.Concat(status.Parents.SelectMany(p => p.Conditions)).Select(c => $"{c.Type}={c.Status}/{c.Reason}")];
    }

    private static string Describe(MeshModel model) => string.Join("\n",
        model.Endpoints.Select(e => $"{e.Key} {string.Join(' ', e.Value.Endpoints)}")
            .Concat(model.RouteTables.Select(t => $"{t.Key} {string.Join(' ', t.Value.Producer.Select(p => p.Rule.Name))}"))
            .Concat(model.Status.Select(s => $"{s.Key} {string.Join(' ', s.Value.Conditions)} {string.Join(' ', s.Value.Parents.SelectMany(p => p.Conditions))}")));

    internal static ImmutableArray<ResourceObject> Mesh(int services, int workloadsEach) =>
        Read(string.Join("\n---\n", Enumerable.Range(0, services).SelectMany(s => Enumerable.Range(0, workloadsEach)
            .Select(w => Workload($"s{s}-{w}", $"10.{s / 250}.{s % 250}.{w}", $"s{s}")).Append(Service($"s{s}")).Append(Route($"s{s}", weight: 1)))));

    internal static ImmutableArray<ResourceObject> Read(string yaml)
    {
        var result = ResourceReader.ReadYaml(yaml, "test");
        result.Diagnostics.ShouldBeEmpty();
        return result.Resources;
    }

    internal static string Service(string name) =>
        $"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{selector: {{app: {name}}}, ports: [{{name: http, port: 80, targetPort: http}}]}}";

    internal static string Workload(string name, string address, string app, string moreLabels = "") =>
        $"apiVersion: weft.dev/v1alpha1\nkind: Workload\nmetadata: {{name: {name}, labels: {{app: {app}{moreLabels}}}}}\nspec: {{address: {address}, ports: {{http: 8080}}, sidecar: {{inbound: {{http: 15006}}}}}}";

    internal static string Route(string name, int weight) =>
        $"apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: {name}}}\nspec: {{parentRefs: [{{group: \"\", kind: Service, name: {name}}}], rules: [{{backendRefs: [{{name: {name}, port: 80, weight: {weight}}}]}}]}}";
}
