using Shouldly;
using Weft.Control.Store;
using Xunit;
using static Weft.Control.Tests.Store.StoreTestExtensions;

namespace Weft.Control.Tests.Store;

public sealed class ResourceStoreTests
{
    private readonly FaultyFiles _files = new();

    [Fact]
    public async Task Reopened_store_has_the_same_objects_revisions_and_history()
    {
        using (var store = ResourceStore.Open(_files))
        {
            await store.PutAsync("a", "1");
            await store.PutAsync("b", "1");
            await store.PutAsync("a", "2");
            await store.DeleteAsync("b");
        }
        using var again = ResourceStore.Open(_files);
        again.Current.Revision.ShouldBe(4);
        again.Current.Find(Key("a")).ShouldNotBeNull().CreateRevision.ShouldBe(1);
        again.Current.Find(Key("a"))!.ModRevision.ShouldBe(3);
        again.Text("b").ShouldBeNull();
        again.History.Read(0).Select(e => e.Text()).ShouldBe(["1 Added a=1", "2 Added b=1", "3 Modified a=2", "4 Deleted b=1"]);
        again.Recovery.DiscardedBytes.ShouldBe(0);
    }

    [Fact]
    public async Task Transaction_with_one_wrong_expectation_changes_nothing()
    {
        using var store = ResourceStore.Open(_files);
        await store.PutAsync("a", "1");
        var result = await store.CommitAsync(new StoreTransaction(
            StoreWrite.Put(Key("b"), "1"u8.ToArray(), 0), StoreWrite.Put(Key("a"), "2"u8.ToArray(), 7)));
        result.Accepted.ShouldBeFalse();
        result.Conflict!.Key.ShouldBe(Key("a"));
        result.Conflict.Actual!.ModRevision.ShouldBe(1);
        store.Text("a").ShouldBe("1");
        store.Text("b").ShouldBeNull();
        store.Current.Revision.ShouldBe(1);
    }

    [Fact]
    public async Task Create_of_what_exists_and_requirement_of_what_does_not_are_conflicts()
    {
        using var store = ResourceStore.Open(_files);
        (await store.PutAsync("a", "1", expected: 0)).Accepted.ShouldBeTrue();
        (await store.PutAsync("a", "1", expected: 0)).Accepted.ShouldBeFalse();
        var missing = new StoreKey("", "namespaces", "", "shop");
        var result = await store.CommitAsync(new StoreTransaction([StoreWrite.Put(Key("b"), "1"u8.ToArray(), null)], [missing]));
        result.Conflict!.Key.ShouldBe(missing);
    }

    [Fact]
    public async Task Lists_are_in_order_of_namespace_and_name_and_continue_after_a_position()
    {
        using var store = ResourceStore.Open(_files);
        foreach (var (ns, name) in new[] { ("b", "x"), ("a", "z"), ("a", "y") })
            await store.CommitAsync(new StoreTransaction(StoreWrite.Put(new StoreKey("", "services", ns, name), "1"u8.ToArray(), null)));
        var services = new StoreCollection("", "services");
        store.Current.List(services).Select(e => e.Key.Namespace + e.Key.Name).ShouldBe(["ay", "az", "bx"]);
        store.Current.List(services, "a", new StorePosition("a", "y")).Select(e => e.Key.Name).ShouldBe(["z"]);
    }

    [Fact]
    public async Task Writers_that_wait_for_the_disk_share_one_fsync()
    {
        using var store = ResourceStore.Open(_files);
        await store.PutAsync("warm", "1");
        using var gate = new ManualResetEventSlim();
        _files.OnSync = _ => gate.Wait();
        var first = store.PutAsync("first", "1");
        while (_files.Journal.Count(j => j == $"write {Log}") < 2) await Task.Delay(1);
        var before = _files.Syncs;
        var rest = Enumerable.Range(0, 100).Select(i => store.PutAsync($"w{i}", "1")).ToArray();
        gate.Set();
        await first;
        var revisions = (await Task.WhenAll(rest)).Select(r => r.Revision).ToArray();
        (_files.Syncs - before).ShouldBe(2);
        revisions.ShouldBe(Enumerable.Range(3, 100).Select(i => (long)i));
    }

    [Fact]
    public async Task Full_queue_refuses_and_names_the_setting()
    {
        using var store = ResourceStore.Open(_files, new StoreOptions { MaxQueuedTransactions = 1 });
        using var gate = new ManualResetEventSlim();
        _files.OnSync = _ => gate.Wait();
        var taken = store.PutAsync("a", "1");
        while (!_files.Journal.Contains($"write {Log}", StringComparer.Ordinal) || _files.Journal[^1] != $"write {Log}") await Task.Delay(1);
        var queued = store.PutAsync("b", "1");
        (await Should.ThrowAsync<StoreUnavailableException>(() => store.PutAsync("c", "1"))).Message.ShouldContain("MaxQueuedTransactions");
        gate.Set();
        await Task.WhenAll(taken, queued);
    }

    [Fact]
    public async Task Log_is_rewritten_when_it_is_mostly_history_and_keeps_every_object_and_revision()
    {
        var options = new StoreOptions { CompactionBytes = 2000 };
        long longest = 0;
        using (var store = ResourceStore.Open(_files, options))
        {
            await store.PutAsync("kept", "old");
            for (var i = 0; i < 500; i++)
            {
                await store.PutAsync("a", $"value {i}");
                longest = Math.Max(longest, _files[Log].Length);
            }
        }
        longest.ShouldBeLessThan(2200);
        using var again = ResourceStore.Open(_files, options);
        again.Current.Revision.ShouldBe(501);
        again.Text("a").ShouldBe("value 499");
        again.Current.Find(Key("kept"))!.ModRevision.ShouldBe(1);
        Should.Throw<HistoryGoneException>(() => again.History.Read(1));
    }

    [Fact]
    public async Task Object_or_store_over_its_limit_is_refused_by_the_setting_s_name()
    {
        using var store = ResourceStore.Open(_files, new StoreOptions { MaxObjectBytes = 100, MaxStoreBytes = 200 });
        (await Should.ThrowAsync<StoreUnavailableException>(() => store.PutAsync("a", new string('x', 101)))).Message.ShouldContain("MaxObjectBytes is 100");
        await store.PutAsync("a", new string('x', 90));
        var refused = await Should.ThrowAsync<StoreUnavailableException>(() => store.PutAsync("b", new string('x', 90)));
        refused.OutOfSpace.ShouldBeTrue();
        refused.Message.ShouldContain("MaxStoreBytes is 200");
        await store.PutAsync("a", "small");
        await store.PutAsync("b", "small");
    }

    [Fact]
    public async Task Closed_store_refuses_writes_and_has_committed_those_before()
    {
        var store = ResourceStore.Open(_files);
        var pending = Enumerable.Range(0, 20).Select(i => store.PutAsync($"w{i}", "1")).ToArray();
        store.Dispose();
        foreach (var write in pending) (await write).Accepted.ShouldBeTrue();
        Should.Throw<StoreUnavailableException>(() => { _ = store.PutAsync("late", "1"); });
    }
}
