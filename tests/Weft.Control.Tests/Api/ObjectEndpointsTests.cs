using System.Text.Json.Nodes;
using Shouldly;
using Weft.Control.Tests.Store;
using Xunit;
using static Weft.Control.Tests.Api.TestApi;

namespace Weft.Control.Tests.Api;

public sealed class ObjectEndpointsTests : IAsyncLifetime
{
    private readonly TestApi _api = new();

    public ValueTask InitializeAsync() => _api.InitializeAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact]
    public async Task Created_object_carries_what_the_server_gives_and_is_read_back()
    {
        var created = (await _api.PostAsync(Services, Service("catalog"))).ShouldSucceed(201);
        var metadata = created["metadata"]!;
        Guid.Parse((string)metadata["uid"]!).ShouldNotBe(Guid.Empty);
        ((string)metadata["creationTimestamp"]!).ShouldBe("2026-01-01T00:00:00Z");
        ((long)metadata["generation"]!).ShouldBe(1);
        long.Parse((string)metadata["resourceVersion"]!).ShouldBe(_api.Store.Current.Revision);
        var read = (await _api.GetAsync($"{Services}/catalog")).ShouldSucceed();
        JsonNode.DeepEquals(read, created).ShouldBeTrue();
    }

    [Fact]
    public async Task Second_create_of_a_name_is_AlreadyExists_and_get_of_none_is_NotFound()
    {
        (await _api.PostAsync(Services, Service("catalog"))).ShouldSucceed(201);
        var refused = (await _api.PostAsync(Services, Service("catalog"))).ShouldFail(409, "AlreadyExists");
        ((string?)refused["details"]!["name"]).ShouldBe("catalog");
        ((string?)refused["details"]!["kind"]).ShouldBe("services");
        (await _api.GetAsync($"{Services}/nothing")).ShouldFail(404, "NotFound");
        (await _api.GetAsync("/apis/example.org/v1/things")).ShouldFail(404, "NotFound");
    }

    [Fact]
    public async Task Replace_with_a_stale_resourceVersion_is_Conflict_and_without_one_wins()
    {
        var first = (await _api.PostAsync(Services, Service("catalog"))).ShouldSucceed(201);
        var changed = first.DeepClone();
        changed["spec"]!["ports"]![0]!["port"] = 8080;
        var second = (await _api.SendAsync(HttpMethod.Put, $"{Services}/catalog", changed.ToJsonString())).ShouldSucceed();
        ((long)second["metadata"]!["generation"]!).ShouldBe(2);
        ((string?)second["metadata"]!["uid"]).ShouldBe((string?)first["metadata"]!["uid"]);
        (await _api.SendAsync(HttpMethod.Put, $"{Services}/catalog", first.ToJsonString())).ShouldFail(409, "Conflict");
        (await _api.SendAsync(HttpMethod.Put, $"{Services}/catalog", Service("catalog"))).ShouldSucceed();
        (await _api.SendAsync(HttpMethod.Put, $"{Services}/nothing", Service("nothing"))).ShouldFail(404, "NotFound");
    }

    [Fact]
    public async Task Write_that_changes_nothing_makes_no_new_version()
    {
        var first = (await _api.PostAsync(Services, Service("catalog"))).ShouldSucceed(201);
        var again = (await _api.SendAsync(HttpMethod.Put, $"{Services}/catalog", Service("catalog"))).ShouldSucceed();
        JsonNode.DeepEquals(again, first).ShouldBeTrue();
    }

    [Fact]
    public async Task Labels_change_no_generation_and_spec_does()
    {
        (await _api.PostAsync(Services, Service("catalog"))).ShouldSucceed(201);
        var labelled = (await PatchAsync("catalog", """{"metadata":{"labels":{"app":"x"}}}""")).ShouldSucceed();
        ((long)labelled["metadata"]!["generation"]!).ShouldBe(1);
        var ported = (await PatchAsync("catalog", """{"spec":{"selector":{"app":"x"}}}""")).ShouldSucceed();
        ((long)ported["metadata"]!["generation"]!).ShouldBe(2);
        var removed = (await PatchAsync("catalog", """{"metadata":{"labels":null}}""")).ShouldSucceed();
        removed["metadata"]!["labels"].ShouldBeNull();
    }

    [Fact]
    public async Task Status_is_written_through_its_subresource_only()
    {
        (await _api.PostAsync(Services, Service("catalog"))).ShouldSucceed(201);
        (await PatchAsync("catalog", """{"status":{"fake":1}}""")).ShouldSucceed()["status"].ShouldBeNull();
        var written = (await PatchAsync("catalog/status", """{"status":{"ready":true},"spec":{"selector":{"app":"ignored"}}}""")).ShouldSucceed();
        ((bool)written["status"]!["ready"]!).ShouldBeTrue();
        written["spec"]!["selector"].ShouldBeNull();
        ((long)written["metadata"]!["generation"]!).ShouldBe(1);
        var replaced = (await _api.SendAsync(HttpMethod.Put, $"{Services}/catalog", Service("catalog", label: "new"))).ShouldSucceed();
        ((bool)replaced["status"]!["ready"]!).ShouldBeTrue();
    }

    [Fact]
    public async Task Invalid_object_is_refused_with_every_cause_and_changes_nothing()
    {
        var before = _api.Store.Current.Revision;
        var refused = (await _api.PostAsync(Services, """{"apiVersion":"v1","kind":"Service","metadata":{"name":"Bad_Name"},"spec":{"portz":[],"ports":[{"port":99999}]}}""")).ShouldFail(422, "Invalid");
        var causes = refused["details"]!["causes"]!.AsArray();
        causes.Count.ShouldBe(3);
        causes.Select(c => (string?)c!["field"]).ShouldBe(["metadata.name", "spec.portz", "spec.ports[0].port"], ignoreOrder: true);
        _api.Store.Current.Revision.ShouldBe(before);
        (await _api.PostAsync(Services, "{")).ShouldFail(422, "Invalid");
    }

    [Fact]
    public async Task Body_that_disagrees_with_the_path_is_BadRequest()
    {
        (await _api.PostAsync(Services, Service("catalog", ns: "shop"))).ShouldFail(400, "BadRequest");
        (await _api.SendAsync(HttpMethod.Put, $"{Services}/other", Service("catalog"))).ShouldFail(400, "BadRequest");
        (await _api.PostAsync("/apis/weft.dev/v1alpha1/meshes", Service("catalog"))).ShouldFail(400, "BadRequest");
    }

    [Fact]
    public async Task Namespace_must_exist_and_takes_everything_with_it()
    {
        var missing = (await _api.PostAsync("/api/v1/namespaces/shop/services", Service("catalog", "shop"))).ShouldFail(404, "NotFound");
        ((string?)missing["message"])!.ShouldContain("kind: Namespace");
        (await _api.PostAsync("/api/v1/namespaces", """{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}""")).ShouldSucceed(201);
        (await _api.GetAsync("/api/v1/namespaces/shop/serviceaccounts/default")).ShouldSucceed();
        (await _api.PostAsync("/api/v1/namespaces/shop/services", Service("catalog", "shop"))).ShouldSucceed(201);
        (await _api.SendAsync(HttpMethod.Delete, "/api/v1/namespaces/shop")).ShouldSucceed();
        (await _api.GetAsync("/api/v1/services")).ShouldSucceed()["items"]!.AsArray().ShouldBeEmpty();
        (await _api.SendAsync(HttpMethod.Delete, "/api/v1/namespaces/default")).ShouldFail(403, "Forbidden");
    }

    [Fact]
    public async Task Delete_honours_preconditions_and_finalizers()
    {
        var created = (await _api.PostAsync(Services, Service("catalog"))).ShouldSucceed(201);
        (await _api.SendAsync(HttpMethod.Delete, $"{Services}/catalog", """{"preconditions":{"uid":"another"}}""")).ShouldFail(409, "Conflict");
        (await PatchAsync("catalog", """{"metadata":{"finalizers":["weft.dev/drain"]}}""")).ShouldSucceed();
        var uid = (string)created["metadata"]!["uid"]!;
        var marked = (await _api.SendAsync(HttpMethod.Delete, $"{Services}/catalog", $$$"""{"preconditions":{"uid":"{{{uid}}}"}}""")).ShouldSucceed(202);
        marked["metadata"]!["deletionTimestamp"].ShouldNotBeNull();
        (await _api.GetAsync($"{Services}/catalog")).ShouldSucceed();
        (await PatchAsync("catalog", """{"metadata":{"finalizers":null}}""")).ShouldSucceed();
        (await _api.GetAsync($"{Services}/catalog")).ShouldFail(404, "NotFound");
    }

    [Fact]
    public async Task Dry_run_decides_everything_and_stores_nothing()
    {
        var before = _api.Store.Current.Revision;
        (await _api.PostAsync($"{Services}?dryRun=All", Service("catalog"))).ShouldSucceed(201);
        (await _api.PostAsync("/weft/v1/apply?dryRun=All", Service("catalog"))).ShouldSucceed();
        _api.Store.Current.Revision.ShouldBe(before);
        (await _api.PostAsync($"{Services}?dryRun=Some", Service("catalog"))).ShouldFail(400, "BadRequest");
    }

    [Fact]
    public async Task Server_side_apply_creates_and_then_merges()
    {
        const string Yaml = "apiVersion: v1\nkind: Service\nmetadata: {name: catalog}\nspec: {ports: [{port: 80}], selector: {app: catalog}}\n";
        (await _api.SendAsync(HttpMethod.Patch, $"{Services}/catalog", Yaml, "application/apply-patch+yaml")).ShouldSucceed(201);
        (await PatchAsync("catalog", """{"metadata":{"labels":{"team":"a"}}}""")).ShouldSucceed();
        var merged = (await _api.SendAsync(HttpMethod.Patch, $"{Services}/catalog", Yaml.Replace("port: 80", "port: 81"), "application/apply-patch+yaml")).ShouldSucceed();
        ((int)merged["spec"]!["ports"]![0]!["port"]!).ShouldBe(81);
        ((string?)merged["metadata"]!["labels"]!["team"]).ShouldBe("a");
        (await _api.SendAsync(HttpMethod.Patch, $"{Services}/catalog", "{}", "application/strategic-merge-patch+json")).ShouldFail(415, "UnsupportedMediaType");
    }

    [Fact]
    public async Task Concurrent_patches_without_a_version_all_land()
    {
        (await _api.PostAsync(Services, Service("catalog"))).ShouldSucceed(201);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => PatchAsync("catalog", $$"""{"metadata":{"labels":{"l{{i}}":"x"} } }""")));
        (await _api.GetAsync($"{Services}/catalog")).ShouldSucceed()["metadata"]!["labels"]!.AsObject().Count.ShouldBe(8);
    }

    [Fact]
    public async Task Full_disk_is_507_reads_go_on_and_space_heals_it()
    {
        _api.Files.Space = 0;
        var refused = (await _api.PostAsync(Services, Service("catalog"))).ShouldFail(507, "InsufficientStorage");
        ((string?)refused["message"])!.ShouldContain("disk is full");
        (await _api.GetAsync("/api/v1/namespaces/default")).ShouldSucceed();
        _api.Files.Space = long.MaxValue;
        (await _api.PostAsync(Services, Service("catalog"))).ShouldSucceed(201);
    }

    private Task<(int Code, JsonNode Json)> PatchAsync(string name, string patch) =>
        _api.SendAsync(HttpMethod.Patch, $"{Services}/{name}", patch, "application/merge-patch+json");
}
