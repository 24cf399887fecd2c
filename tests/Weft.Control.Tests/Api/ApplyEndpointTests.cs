using Shouldly;
using Weft.Control.Tests.Store;
using Xunit;

namespace Weft.Control.Tests.Api;

public sealed class ApplyEndpointTests : IAsyncLifetime
{
    private const string Shop = """
        apiVersion: v1
        kind: Service
        metadata: {name: catalog, namespace: shop, labels: {team: a}}
        spec: {ports: [{port: 80}], selector: {app: catalog}}
        ---
        apiVersion: v1
        kind: Namespace
        metadata: {name: shop}
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: catalog, namespace: shop}
        spec:
          parentRefs: [{group: "", kind: Service, name: catalog}]
          rules: [{backendRefs: [{name: catalog, port: 80}]}]
        """;

    private readonly TestApi _api = new();

    public ValueTask InitializeAsync() => _api.InitializeAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact]
    public async Task Documents_are_applied_in_one_transaction_and_applied_again_are_unchanged()
    {
        var first = (await ApplyAsync(Shop)).ShouldSucceed();
        Actions(first).ShouldBe("created created created");
        ((long)first["revision"]!).ShouldBe(_api.Store.Current.Revision);
        (await _api.GetAsync("/api/v1/namespaces/shop/serviceaccounts/default")).ShouldSucceed();
        var before = _api.Store.Current.Revision;
        Actions((await ApplyAsync(Shop)).ShouldSucceed()).ShouldBe("unchanged unchanged unchanged");
        _api.Store.Current.Revision.ShouldBe(before);
        Actions((await ApplyAsync(Shop.Replace("port: 80}],", "port: 80, name: http}],", StringComparison.Ordinal))).ShouldSucceed()).ShouldBe("configured unchanged unchanged");
    }

    [Fact]
    public async Task Object_becomes_what_its_document_says_and_keeps_status_and_finalizers()
    {
        (await ApplyAsync(Shop)).ShouldSucceed();
        const string Catalog = "/api/v1/namespaces/shop/services/catalog";
        await _api.SendAsync(HttpMethod.Patch, Catalog, """{"metadata":{"finalizers":["x/y"],"labels":{"extra":"1"}}}""", "application/merge-patch+json");
        await _api.SendAsync(HttpMethod.Patch, $"{Catalog}/status", """{"status":{"ready":true}}""", "application/merge-patch+json");
        Actions((await ApplyAsync(Shop)).ShouldSucceed()).ShouldStartWith("configured");
        var catalog = (await _api.GetAsync(Catalog)).ShouldSucceed();
        catalog["metadata"]!["labels"]!.ToJsonString().ShouldBe("""{"team":"a"}""");
        catalog["metadata"]!["finalizers"]!.ToJsonString().ShouldBe("""["x/y"]""");
        catalog["status"].ShouldNotBeNull();
    }

    [Fact]
    public async Task One_bad_document_changes_nothing_and_every_mistake_is_reported_with_its_line()
    {
        var before = _api.Store.Current.Revision;
        var bad = Shop.Replace("spec: {ports: [{port: 80}], selector", "spec: {ports: [{port: 0, prot: x}], selectr", StringComparison.Ordinal);
        var refused = (await ApplyAsync(bad, "?fileName=shop.yaml")).ShouldFail(422, "Invalid");
        var diagnostics = refused["details"]!["diagnostics"]!.AsArray();
        diagnostics.Count.ShouldBe(3);
        foreach (var d in diagnostics)
        {
            ((string?)d!["file"]).ShouldBe("shop.yaml");
            ((int)d["line"]!).ShouldBe(4);
            ((string?)d["fix"]).ShouldNotBeNull();
        }
        refused["details"]!["causes"]!.AsArray().Count.ShouldBe(3);
        _api.Store.Current.Revision.ShouldBe(before);
    }

    [Fact]
    public async Task Namespace_that_is_nowhere_refuses_all()
    {
        var before = _api.Store.Current.Revision;
        var refused = (await ApplyAsync(TestApi.Service("a") + "\n---\n" + TestApi.Service("b", "nowhere"))).ShouldFail(404, "NotFound");
        ((string?)refused["message"])!.ShouldContain("\"nowhere\"");
        _api.Store.Current.Revision.ShouldBe(before);
    }

    [Fact]
    public async Task Power_cut_in_the_middle_applies_all_or_nothing()
    {
        _api.Files.CutPowerAfter(300);
        (await ApplyAsync(Shop)).ShouldFail(503, "ServiceUnavailable");
        using var after = Control.Store.ResourceStore.Open(_api.Files.Restart(PowerLoss.KeepUnsynced));
        after.Current.List(new Control.Store.StoreCollection("", "services")).ShouldBeEmpty();
        after.Current.Count.ShouldBe(4);
    }

    private Task<(int Code, System.Text.Json.Nodes.JsonNode Json)> ApplyAsync(string yaml, string query = "") =>
        _api.PostAsync("/weft/v1/apply" + query, yaml, "application/yaml");

    private static string Actions(System.Text.Json.Nodes.JsonNode result) => string.Join(' ', result["objects"]!.AsArray().Select(o => (string?)o!["action"]));
}
