using Shouldly;
using Weft.Control.Store;
using Xunit;
using static Weft.Control.Tests.Store.StoreTestExtensions;

namespace Weft.Control.Tests.Store;

public sealed class DiskFailureTests
{
    private readonly FaultyFiles _files = new();

    [Fact]
    public async Task Full_disk_refuses_the_write_keeps_the_rest_and_heals_when_space_returns()
    {
        for (var space = 0; space < 40; space++)
        {
            var files = new FaultyFiles();
            using (var store = ResourceStore.Open(files))
            {
                await store.PutAsync("a", "1");
                files.Space = space;
                var refused = await Should.ThrowAsync<StoreUnavailableException>(() => store.PutAsync("a", "22"));
                refused.OutOfSpace.ShouldBeTrue();
                refused.Message.ShouldContain("disk is full");
                store.LastFailure.ShouldBe(refused.Message);
                store.Text("a").ShouldBe("1");
                store.Current.Revision.ShouldBe(1);
                await Should.ThrowAsync<StoreUnavailableException>(() => store.PutAsync("a", "333"));
                files.Space = long.MaxValue;
                (await store.PutAsync("a", "4")).Revision.ShouldBe(2);
                store.LastFailure.ShouldBeNull();
            }
            using var again = ResourceStore.Open(files.Restart(PowerLoss.DropUnsynced));
            again.Text("a").ShouldBe("4");
        }
    }

    [Fact]
    public async Task Deletes_make_room_on_a_full_disk_through_a_rewrite()
    {
        var options = new StoreOptions { CompactionBytes = 1000 };
        using var store = ResourceStore.Open(_files, options);
        for (var i = 0; i < 8; i++) await store.PutAsync("a", new string('x', 60));
        _files.Space = 10;
        for (var i = 0; i < 3; i++) await Should.ThrowAsync<StoreUnavailableException>(() => store.PutAsync("a", new string('y', 60)));
        _files.Space = long.MaxValue;
        for (var i = 0; i < 20; i++) await store.PutAsync("a", new string('z', 60));
        _files[Log].Length.ShouldBeLessThan(1200);
    }

    [Fact]
    public async Task Failed_fsync_is_never_trusted_again_the_log_is_rewritten_before_the_next_acknowledgement()
    {
        using (var store = ResourceStore.Open(_files))
        {
            await store.PutAsync("a", "1");
            _files.OnSync = _ => throw new IOException("Input/output error", 5);
            (await Should.ThrowAsync<StoreUnavailableException>(() => store.PutAsync("a", "2"))).OutOfSpace.ShouldBeFalse();
            store.Text("a").ShouldBe("1");
            _files.OnSync = null;
            var journal = _files.Journal.Count;
            (await store.PutAsync("b", "3")).Revision.ShouldBe(2);
            _files.Journal.Skip(journal).ShouldBe(["write resources.log.new", "sync resources.log.new", "syncfolder", $"write {Mark}",
                $"write {Log}", $"sync {Log}", $"write {Mark}"], "everything that is acknowledged was synced by an fsync that worked");
        }
        using var again = ResourceStore.Open(_files.Restart(PowerLoss.DropUnsynced));
        again.Text("a").ShouldBe("1");
        again.Text("b").ShouldBe("3");
    }

    [Fact]
    public async Task Refused_write_does_not_come_back_after_a_crash()
    {
        using (var store = ResourceStore.Open(_files))
        {
            await store.PutAsync("a", "1");
            _files.OnSync = _ => throw new IOException("Input/output error", 5);
            await Should.ThrowAsync<StoreUnavailableException>(() => store.PutAsync("a", "refused"));
        }
        using var again = ResourceStore.Open(_files.Restart(PowerLoss.KeepUnsynced));
        again.Text("a").ShouldBe("1");
    }

    [Fact]
    public async Task Conflicts_decided_on_a_refused_batch_are_refused_too()
    {
        using var store = ResourceStore.Open(_files);
        using var gate = new ManualResetEventSlim();
        using var reached = new ManualResetEventSlim();
        _files.OnSync = _ => { reached.Set(); gate.Wait(); };
        var first = store.PutAsync("warm", "1");
        reached.Wait();
        var created = store.PutAsync("a", "1", expected: 0);
        var second = store.PutAsync("a", "1", expected: 0);
        _files.OnSync = _ => throw new IOException("Input/output error", 5);
        gate.Set();
        await first;
        await Should.ThrowAsync<StoreUnavailableException>(() => created);
        await Should.ThrowAsync<StoreUnavailableException>(() => second);
        _files.OnSync = null;
        (await store.PutAsync("a", "1", expected: 0)).Accepted.ShouldBeTrue();
    }
}
