using System.Text.Json.Nodes;
using Shouldly;
using Weft.Control.Api;
using Weft.Control.Serving;
using Weft.Control.Store;
using Weft.Control.Tests.Store;
using Weft.Resources;
using Weft.TestSupport;
using Xunit;

namespace Weft.Control.Tests.Serving;

public sealed class LeaseTrackerTests : IDisposable
{
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);
    private readonly ManualTime _time = new();
    private readonly ResourceStore _store = ResourceStore.Open(new FaultyFiles());
    private readonly LeaseTracker _tracker;

    public LeaseTrackerTests() => _tracker = new LeaseTracker(_time, 2 * s_second);

    public void Dispose() => _store.Dispose();

    [Fact]
    public void Lease_lives_its_duration_after_it_was_last_seen_renewed()
    {
        Renew();
        Look();
        for (var i = 0; i < 9; i++) Pass(s_second);
        _tracker.Expired.ShouldBeEmpty();
        Pass(s_second).ShouldBeTrue();
        _tracker.Expired.Single().Name.ShouldBe("web-1");
        Renew();
        Look().ShouldBeTrue();
        _tracker.Expired.ShouldBeEmpty();
    }

    [Fact]
    public void Lease_that_ended_before_the_start_has_its_whole_duration_again()
    {
        Renew();
        _time.Advance(TimeSpan.FromHours(1));
        var started = new LeaseTracker(_time, 2 * s_second);
        started.Update(_store.Current, canRenew: true);
        started.Expired.ShouldBeEmpty();
        for (var i = 0; i < 10; i++) { _time.Advance(s_second); started.Update(_store.Current, canRenew: true); }
        started.Expired.Count.ShouldBe(1);
    }

    [Fact]
    public void Time_in_which_the_process_did_not_run_does_not_count()
    {
        Renew();
        Look();
        Pass(TimeSpan.FromMinutes(30)).ShouldBeFalse("the machine slept: nobody could renew");
        Renew();
        Look().ShouldBeFalse();
    }

    [Fact]
    public void Time_in_which_the_store_refuses_writes_does_not_count()
    {
        Renew();
        Look();
        for (var i = 0; i < 60; i++) Pass(s_second, canRenew: false).ShouldBeFalse();
        for (var i = 0; i < 9; i++) Pass(s_second).ShouldBeFalse();
        Pass(s_second).ShouldBeTrue();
    }

    [Fact]
    public void Clock_of_the_holder_is_not_believed()
    {
        Renew(_time.GetUtcNow() - TimeSpan.FromDays(1));
        Look();
        Pass(s_second).ShouldBeFalse();
    }

    [Fact]
    public void How_long_a_lease_has_been_over_counts_as_its_duration_does()
    {
        var minute = TimeSpan.FromSeconds(60);
        Renew();
        Look();
        for (var i = 0; i < 69; i++) Pass(s_second);
        _tracker.EndedFor(minute).ShouldBeEmpty();
        Pass(TimeSpan.FromHours(8)); // asleep: one look counts two seconds at most
        _tracker.EndedFor(minute).Single().Metadata.Name.ShouldBe("web-1");
        Renew();
        Look();
        _tracker.EndedFor(TimeSpan.Zero).ShouldBeEmpty();
        for (var i = 0; i < 10; i++) Pass(s_second);
        for (var i = 0; i < 300; i++) Pass(s_second, canRenew: false);
        _tracker.EndedFor(s_second).ShouldBeEmpty("the store refuses renewals");
        _tracker.EndedFor(TimeSpan.Zero).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Deleted_lease_is_no_expired_one()
    {
        Renew();
        Look();
        for (var i = 0; i < 10; i++) Pass(s_second);
        _tracker.Expired.Count.ShouldBe(1);
        await _store.CommitAsync(new StoreTransaction(StoreWrite.Delete(StoredObjects.KeyOf(ResourceKinds.Lease, "default", "web-1"))));
        Look().ShouldBeTrue();
        _tracker.Expired.ShouldBeEmpty();
    }

    private bool Look() => _tracker.Update(_store.Current, canRenew: true);

    private bool Pass(TimeSpan time, bool canRenew = true)
    {
        _time.Advance(time);
        return _tracker.Update(_store.Current, canRenew);
    }

    private void Renew(DateTimeOffset? at = null)
    {
        var json = new JsonObject
        {
            ["apiVersion"] = "coordination.k8s.io/v1", ["kind"] = "Lease", ["metadata"] = new JsonObject { ["name"] = "web-1", ["namespace"] = "default" },
            ["spec"] = new JsonObject
            {
                ["holderIdentity"] = "web-1", ["leaseDurationSeconds"] = 10,
                ["renewTime"] = (at ?? _time.GetUtcNow()).ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'"),
            },
        };
        _store.CommitAsync(new StoreTransaction(StoreWrite.Put(StoredObjects.KeyOf(ResourceKinds.Lease, "default", "web-1"), StoredObjects.Bytes(json)))).GetAwaiter().GetResult();
    }
}
