using Shouldly;
using Weft.Control.Api;
using Weft.Control.Serving;
using Weft.Control.Store;
using Weft.Control.Tests.Store;
using Weft.Resources;
using Xunit;

namespace Weft.Control.Tests.Serving;

public sealed class AbandonedRunsTests
{
    private const string Run = "labels: {weft.dev/managed-by: weft-run}";

    [Fact]
    public async Task What_a_killed_run_left_goes_and_what_others_wrote_stays()
    {
        var serving = new ServingOptions { LeaseCheckInterval = TimeSpan.FromMilliseconds(50), AbandonedAfter = TimeSpan.FromSeconds(1) };
        await using var control = new TestControl { Configure = o => o with { Serving = serving } };
        await control.InitializeAsync();
        await control.ApplyAsync(string.Join("\n---\n",
            Workload("killed", Run), Lease("killed", Run, seconds: 1),
            Workload("alive", Run), Lease("alive", Run, seconds: 3600),
            Workload("by-hand", ""), Lease("by-hand", "", seconds: 1),
            Workload("adopted", ""), Lease("adopted", Run, seconds: 1), // somebody took the label off: without its Lease it would live for ever
            Lease("alone", Run, seconds: 1)));
        await TestProxy.UntilAsync(() => Names(control.Control.Objects.Store.Current) == "adopted alive by-hand / adopted alive by-hand", "the removal of what was abandoned");
        ((string?)(await control.GetAsync("/apis/weft.dev/v1alpha1/namespaces/default/workloads/by-hand"))["status"]!["conditions"]![0]!["reason"]).ShouldBe("LeaseExpired");
    }

    [Fact]
    public async Task Lease_that_was_renewed_since_it_was_found_abandoned_saves_both()
    {
        using var store = ResourceStore.Open(new FaultyFiles());
        var objects = new ObjectService(store, TimeProvider.System);
        await objects.InitializeAsync();
        await objects.CreateAsync(Parse(Workload("web-1", Run)), dryRun: false);
        var lease = (Lease)await objects.CreateAsync(Parse(Lease("web-1", Run, seconds: 1)), dryRun: false);
        var removal = AbandonedRuns.Removal(store.Current, lease).ShouldNotBeNull();

        await objects.ChangeAsync(ResourceKinds.Lease, "default", "web-1", null, o => ObjectRules.Replaced(o!, Parse(Lease("web-1", Run, seconds: 2))), dryRun: false);

        AbandonedRuns.Removal(store.Current, lease).ShouldBeNull();
        (await store.CommitAsync(removal)).Accepted.ShouldBeFalse();
        store.Current.Find(ResourceKinds.Workload, "default", "web-1").ShouldNotBeNull();
    }

    private static string Names(StoreState state)
    {
        return $"{Of(ResourceKinds.Workload)} / {Of(ResourceKinds.Lease)}";

        string Of(ResourceKind kind) => string.Join(' ', state.List(kind, "default").Select(o => o.Metadata.Name));
    }

    private static string Workload(string name, string labels) =>
        $"apiVersion: weft.dev/v1alpha1\nkind: Workload\nmetadata: {{name: {name}, {labels}}}\nspec: {{address: 127.0.0.1, ports: {{http: 8080}}}}";

    private static string Lease(string name, string labels, int seconds) =>
        $"apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {{name: {name}, {labels}}}\nspec: {{holderIdentity: {name}, leaseDurationSeconds: {seconds}, renewTime: '2026-01-01T00:00:00.000000Z'}}";

    private static ResourceObject Parse(string yaml) => ResourceReader.ReadYaml(yaml, "test").Resources.ShouldHaveSingleItem();
}
