using System.Net;
using System.Text.Json.Nodes;
using Shouldly;
using Weft.Control.Api;
using Weft.Control.Store;
using Weft.Resources;
using Weft.TestSupport;
using Xunit;
using static Weft.Control.Tests.Api.TestApi;

namespace Weft.Control.Tests.Api;

/// <summary>Virtual addresses of Services, as Kubernetes' API server gives and guards them.</summary>
public sealed class VirtualAddressTests : IAsyncLifetime
{
    private readonly TestApi _api = new();

    public ValueTask InitializeAsync() => _api.InitializeAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact]
    public async Task A_new_service_is_given_an_address_of_the_range_in_every_field_that_speaks_of_it()
    {
        var spec = (await CreateAsync("catalog")).ShouldSucceed(201)["spec"]!;
        IPNetwork.Parse("240.240.0.0/16").Contains(IPAddress.Parse((string)spec["clusterIP"]!)).ShouldBeTrue();
        spec["clusterIPs"]!.ToJsonString().ShouldBe($"[\"{spec["clusterIP"]}\"]");
        spec["ipFamilies"]!.ToJsonString().ShouldBe("[\"IPv4\"]");
        ((string?)spec["ipFamilyPolicy"]).ShouldBe("SingleStack");
    }

    [Fact]
    public async Task The_same_name_has_the_same_address_in_another_mesh_and_after_a_deletion()
    {
        var first = await AddressAsync("catalog");
        await using var other = new TestApi();
        await other.InitializeAsync();
        (await other.PostAsync(Services, Service("before"))).ShouldSucceed(201);
        Address((await other.PostAsync(Services, Service("catalog"))).ShouldSucceed(201)).ShouldBe(first);

        (await _api.SendAsync(HttpMethod.Delete, $"{Services}/catalog")).ShouldSucceed();
        (await AddressAsync("catalog")).ShouldBe(first);
    }

    [Fact]
    public async Task Both_families_are_given_on_request_and_one_can_be_given_up_and_taken_up_later()
    {
        var spec = (await CreateAsync("catalog", """ "ipFamilyPolicy":"PreferDualStack", "ipFamilies":["IPv6"], """)).ShouldSucceed(201)["spec"]!;
        var addresses = spec["clusterIPs"]!.AsArray().Select(a => (string)a!).ToList();
        IPNetwork.Parse("fd77:6566:7400::/112").Contains(IPAddress.Parse(addresses[0])).ShouldBeTrue();
        IPNetwork.Parse("240.240.0.0/16").Contains(IPAddress.Parse(addresses[1])).ShouldBeTrue();
        spec["ipFamilies"]!.ToJsonString().ShouldBe("[\"IPv6\",\"IPv4\"]");

        var single = (await PatchAsync("catalog", """{"spec":{"ipFamilyPolicy":"SingleStack"}}""")).ShouldSucceed()["spec"]!;
        single["clusterIPs"]!.ToJsonString().ShouldBe($"[\"{addresses[0]}\"]");
        single["ipFamilies"]!.ToJsonString().ShouldBe("[\"IPv6\"]");
        var again = (await PatchAsync("catalog", """{"spec":{"ipFamilyPolicy":"RequireDualStack"}}""")).ShouldSucceed()["spec"]!;
        again["clusterIPs"]!.AsArray().Select(a => (string)a!).ShouldBe(addresses);
    }

    [Fact]
    public async Task None_stays_none_and_an_external_name_has_no_address()
    {
        var headless = (await CreateAsync("headless", """ "clusterIP":"None", """)).ShouldSucceed(201)["spec"]!;
        ((string?)headless["clusterIP"], headless["clusterIPs"]!.ToJsonString()).ShouldBe(("None", "[\"None\"]"));
        var external = (await _api.PostAsync(Services, """{"apiVersion":"v1","kind":"Service","metadata":{"name":"out"},"spec":{"type":"ExternalName","externalName":"example.org"}}""")).ShouldSucceed(201)["spec"]!;
        external["clusterIP"].ShouldBeNull();
        external["ipFamilies"].ShouldBeNull();

        // Of a Service that becomes an alias the address goes, and one that becomes a Service gets one.
        (await CreateAsync("turning")).ShouldSucceed(201);
        var gone = (await PatchAsync("turning", """{"spec":{"type":"ExternalName","externalName":"example.org"}}""")).ShouldSucceed()["spec"]!;
        gone["clusterIP"].ShouldBeNull();
        (await PatchAsync("turning", """{"spec":{"type":"ClusterIP","externalName":null}}""")).ShouldSucceed()["spec"]!["clusterIP"].ShouldNotBeNull();
    }

    [Fact]
    public async Task An_address_that_is_written_is_honoured_when_it_is_free_and_refused_with_the_reason_when_not()
    {
        var created = (await CreateAsync("first", """ "clusterIP":"240.240.3.7", """)).ShouldSucceed(201);
        Address(created).ShouldBe("240.240.3.7");

        Refused(await CreateAsync("second", """ "clusterIP":"240.240.3.7", """), "spec.clusterIP").ShouldContain("given to another Service");
        Refused(await CreateAsync("second", """ "clusterIP":"10.0.0.1", """), "spec.clusterIP").ShouldContain("240.240.0.0/16");
        Refused(await CreateAsync("second", """ "clusterIP":"240.240.0.0", """), "spec.clusterIP").ShouldContain("outside");
        Refused(await CreateAsync("second", """ "clusterIP":"240.240.3.8", "clusterIPs":["240.240.3.9"], """), "spec.clusterIPs").ShouldContain("the first of clusterIPs");
        Refused(await CreateAsync("second", """ "clusterIP":"240.240.3.8", "ipFamilies":["IPv6"], """), "spec.clusterIPs").ShouldContain("IPv6");
        // What a refused request had taken is free again.
        Address((await CreateAsync("second", """ "clusterIP":"240.240.3.8", """)).ShouldSucceed(201)).ShouldBe("240.240.3.8");
    }

    [Fact]
    public async Task An_address_cannot_be_changed_and_a_write_that_does_not_speak_of_it_keeps_it_and_makes_no_version()
    {
        var created = (await CreateAsync("catalog")).ShouldSucceed(201);
        Refused(await PatchAsync("catalog", """{"spec":{"clusterIP":"240.240.1.1","clusterIPs":["240.240.1.1"]}}"""), "spec.clusterIP").ShouldContain("for as long as the Service lives");
        Refused(await PatchAsync("catalog", """{"spec":{"clusterIP":"None","clusterIPs":["None"]}}"""), "spec.clusterIP").ShouldContain(Address(created));

        var replaced = (await _api.SendAsync(HttpMethod.Put, $"{Services}/catalog", Service("catalog"))).ShouldSucceed();
        JsonNode.DeepEquals(replaced, created).ShouldBeTrue();
        var applied = (await _api.PostAsync("/weft/v1/apply", Service("catalog"))).ShouldSucceed();
        ((string?)applied["objects"]![0]!["action"]).ShouldBe("unchanged");
        var changed = (await _api.SendAsync(HttpMethod.Put, $"{Services}/catalog", Service("catalog").Replace("\"port\":80", "\"port\":81"))).ShouldSucceed();
        Address(changed).ShouldBe(Address(created));
        ((long)changed["metadata"]!["generation"]!).ShouldBe(2);
    }

    [Fact]
    public async Task Concurrent_creates_by_every_way_get_addresses_of_their_own()
    {
        // A range of 30 for 30 Services: nearly every start is taken by somebody on his way to the disk.
        (await SetRangeAsync("240.240.9.0/27")).ShouldSucceed();
        var ways = await Task.WhenAll(Enumerable.Range(0, 30).Select(async i => (i % 3) switch
        {
            0 => (await CreateAsync($"s{i}")).Code,
            1 => (await _api.PostAsync("/weft/v1/apply", Service($"s{i}"))).Code,
            _ => (await _api.SendAsync(HttpMethod.Patch, $"{Services}/s{i}", Service($"s{i}"), "application/apply-patch+yaml")).Code,
        }));
        ways.ShouldAllBe(code => code == 200 || code == 201);
        var given = All().Select(s => s.VirtualAddresses.Single()).ToList();
        given.ShouldBeUnique();
        given.Count.ShouldBe(30);

        var full = (await CreateAsync("one-too-many")).ShouldFail(507, "InsufficientStorage");
        ((string?)full["message"])!.ShouldContain("no virtual address is free in 240.240.9.0/27");
        (await _api.SendAsync(HttpMethod.Delete, $"{Services}/s7")).ShouldSucceed();
        (await CreateAsync("one-too-many")).ShouldSucceed(201);
    }

    [Fact]
    public async Task A_range_that_comes_with_the_services_is_theirs_and_those_before_keep_what_they_have()
    {
        var before = await AddressAsync("before");
        (await _api.PostAsync("/weft/v1/apply", $$"""
            {"apiVersion":"v1","kind":"List","items":[{{Service("after")}},{{Service("before")}},
            {"apiVersion":"weft.dev/v1alpha1","kind":"Mesh","metadata":{"name":"default"},"spec":{"virtualAddresses":{"ipv4":"198.18.0.0/24"} } }]}
            """)).ShouldSucceed();
        All().Single(s => s.Metadata.Name == "after").VirtualAddresses.Single().ShouldStartWith("198.18.0.");
        All().Single(s => s.Metadata.Name == "before").VirtualAddresses.ShouldBe([before]);
        (await SetRangeAsync("198.18.0.1/24")).ShouldFail(422, "Invalid");
    }

    [Fact]
    public async Task A_dry_run_shows_an_address_and_keeps_none()
    {
        var dry = (await _api.PostAsync($"{Services}?dryRun=All", Service("catalog"))).ShouldSucceed(201);
        var address = Address(dry);
        (await CreateAsync("other", $""" "clusterIP":"{address}", """)).ShouldSucceed(201);
    }

    [Fact]
    public async Task Services_from_before_there_were_addresses_get_theirs_at_the_start_and_keep_them()
    {
        // As an older version stored them.
        var key = StoredObjects.KeyOf(ResourceKinds.Service, "default", "old");
        var json = (JsonObject)JsonNode.Parse(Service("old"))!;
        await _api.Store.CommitAsync(new StoreTransaction(StoreWrite.Put(key, CanonicalJson.ToBytes(json))));
        var objects = new ObjectService(_api.Store, TimeProvider.System);

        (await objects.InitializeAsync()).ShouldBeNull();

        var given = All().Single().VirtualAddresses.Single();
        var revision = _api.Store.Current.Revision;
        (await new ObjectService(_api.Store, TimeProvider.System).InitializeAsync()).ShouldBeNull();
        _api.Store.Current.Revision.ShouldBe(revision);
        Refused(await CreateAsync("thief", $""" "clusterIP":"{given}", """), "spec.clusterIP").ShouldContain("given to another Service");
    }

    private IEnumerable<Service> All() => _api.Store.Current.List(ResourceKinds.Service).Cast<Service>();

    private async Task<string> AddressAsync(string name) => Address((await CreateAsync(name)).ShouldSucceed(201));

    private static string Address(JsonNode service) => (string)service["spec"]!["clusterIP"]!;

    private static string Refused((int Code, JsonNode Json) answer, string field)
    {
        var refused = answer.ShouldFail(422, "Invalid");
        ((string?)refused["details"]!["causes"]![0]!["field"]).ShouldBe(field);
        return (string)refused["message"]!;
    }

    private Task<(int Code, JsonNode Json)> CreateAsync(string name, string fields = "") =>
        _api.PostAsync(Services, $$$"""{"apiVersion":"v1","kind":"Service","metadata":{"name":"{{{name}}}","namespace":"default"},"spec":{ {{{fields}}} "ports":[{"port":80}]}}""");

    private Task<(int Code, JsonNode Json)> PatchAsync(string name, string patch) => _api.SendAsync(HttpMethod.Patch, $"{Services}/{name}", patch, "application/merge-patch+json");

    private Task<(int Code, JsonNode Json)> SetRangeAsync(string ipv4) => _api.PostAsync("/weft/v1/apply", $$$"""
        {"apiVersion":"weft.dev/v1alpha1","kind":"Mesh","metadata":{"name":"default"},"spec":{"virtualAddresses":{"ipv4":"{{{ipv4}}}"} } }
        """);
}
