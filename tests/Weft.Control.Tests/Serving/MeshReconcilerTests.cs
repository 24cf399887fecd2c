using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Weft.Control.Api;
using Weft.Control.Serving;
using Weft.Control.Store;
using Weft.Control.Tests.Store;
using Weft.Resources;
using Xunit;

namespace Weft.Control.Tests.Serving;

public sealed class MeshReconcilerTests : IAsyncLifetime
{
    private readonly ResourceStore _store = ResourceStore.Open(new FaultyFiles());
    private readonly CancellationTokenSource _stop = new();
    private readonly ObjectService _objects;
    private readonly MeshReconciler _reconciler;
    private Task _running = Task.CompletedTask;

    public MeshReconcilerTests()
    {
        _objects = new ObjectService(_store, TimeProvider.System);
        _objects.InitializeAsync().GetAwaiter().GetResult();
        _reconciler = new MeshReconciler(_store, new VerdictBoard(TimeProvider.System), new ServingOptions { LeaseCheckInterval = TimeSpan.FromMilliseconds(50) }, TimeProvider.System, NullLoggerFactory.Instance);
    }

    public ValueTask InitializeAsync()
    {
        _running = _reconciler.RunAsync(_stop.Token);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => _running);
        _store.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public async Task Change_is_in_the_published_mesh_under_the_store_s_revision()
    {
        var created = await _objects.CreateAsync(Service("catalog"), dryRun: false);
        await CoveredAsync();
        _reconciler.Models.Value.Services.Count.ShouldBe(1);
        _reconciler.Models.Value.Revision.ShouldBe(long.Parse(created.Metadata.ResourceVersion));
    }

    [Fact]
    public async Task Burst_is_built_a_few_times_and_wholly()
    {
        await Task.WhenAll(Enumerable.Range(0, 500).Select(i => _objects.CreateAsync(Service($"s{i}"), dryRun: false)));
        await CoveredAsync();
        _reconciler.Models.Value.Services.Count.ShouldBe(500);
        _reconciler.Builds.ShouldBeLessThan(100);
    }

    [Fact]
    public async Task Status_and_renewed_leases_build_nothing_and_are_covered()
    {
        await _objects.CreateAsync(Service("catalog"), dryRun: false);
        await _objects.CreateAsync(Lease("2026-01-01T00:00:00.000000Z"), dryRun: false);
        await CoveredAsync();
        var model = _reconciler.Models.Value;
        for (var i = 0; i < 20; i++)
        {
            var number = i;
            await _objects.ChangeAsync(ResourceKinds.Service, "default", "catalog", null, o => ObjectRules.WithStatus(o!, new JsonObject { ["n"] = number }), dryRun: false);
            await _objects.ChangeAsync(ResourceKinds.Lease, "default", "web-1", null, o => ObjectRules.Replaced(o!, Lease($"2026-01-01T00:00:{number:00}.000000Z")), dryRun: false);
        }
        await CoveredAsync();
        _reconciler.Models.Value.ShouldBeSameAs(model);
    }

    [Fact]
    public async Task Expired_lease_takes_the_workload_out_though_nothing_was_written()
    {
        await _objects.CreateAsync(Service("catalog"), dryRun: false);
        await _objects.CreateAsync(Parse("""{"apiVersion":"weft.dev/v1alpha1","kind":"Workload","metadata":{"name":"web-1","labels":{"app":"x"}},"spec":{"address":"127.0.0.1","ports":{"http":8080}}}"""), dryRun: false);
        await _objects.CreateAsync(Lease("2026-01-01T00:00:00.000000Z"), dryRun: false);
        await CoveredAsync();
        _reconciler.Models.Value.Workloads.Values.Single().Live.ShouldBeTrue();
        var revision = _reconciler.Models.Value.Revision;
        await TestProxy.UntilAsync(() => !_reconciler.Models.Value.Workloads.Values.Single().Live, "the expiry");
        _reconciler.Models.Value.Revision.ShouldBeGreaterThan(revision);
    }

    private Task CoveredAsync() => TestProxy.UntilAsync(() => _reconciler.Mesh.Value.Covered == _store.Current.Revision, "the revision");

    private static ResourceObject Service(string name) =>
        Parse($$"""{"apiVersion":"v1","kind":"Service","metadata":{"name":"{{name}}"},"spec":{"ports":[{"port":80}],"selector":{"app":"x"} } }""");

    private static ResourceObject Lease(string renewed) =>
        Parse($$"""{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"web-1"},"spec":{"holderIdentity":"w","leaseDurationSeconds":1,"renewTime":"{{renewed}}"} }""");

    private static ResourceObject Parse(string json) => ResourceReader.ReadJson(System.Text.Encoding.UTF8.GetBytes(json), "test").Resources.ShouldHaveSingleItem();
}
