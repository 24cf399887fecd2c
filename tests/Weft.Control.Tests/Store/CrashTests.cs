using System.Text;
using Shouldly;
using Weft.Control.Store;
using Xunit;
using static Weft.Control.Tests.Store.StoreTestExtensions;

namespace Weft.Control.Tests.Store;

/// <summary>The power goes off at every step of a run of writes; what was acknowledged must be there, nothing half.</summary>
public sealed class CrashTests
{
    private const int Writes = 7;
    private static readonly StoreOptions s_smallLog = new() { CompactionBytes = 300 };

    [Theory]
    [InlineData(PowerLoss.DropUnsynced)]
    [InlineData(PowerLoss.KeepUnsynced)]
    public async Task Power_cut_at_every_step_loses_nothing_acknowledged(PowerLoss loss)
    {
        var whole = new FaultyFiles();
        (await RunAsync(whole)).ShouldBe(Writes);
        whole.Steps.ShouldBeGreaterThan(800);
        for (long step = 0; step < whole.Steps; step++)
        {
            var files = new FaultyFiles();
            files.CutPowerAfter(step);
            var acknowledged = await RunAsync(files);
            CheckAfterRestart(files.Restart(loss), acknowledged, $"power cut after step {step}");
        }
    }

    /// <summary>The check above would be worth nothing if it passed without fsync.</summary>
    [Fact]
    public async Task Without_fsync_the_same_run_loses_acknowledged_writes()
    {
        var files = new FaultyFiles { SyncWorks = false };
        (await RunAsync(files)).ShouldBe(Writes);
        Should.Throw<Exception>(() => CheckAfterRestart(files.Restart(PowerLoss.DropUnsynced), Writes, "no fsync"));

        var forgotten = new FaultyFiles { FolderSyncWorks = false };
        (await RunAsync(forgotten)).ShouldBe(Writes);
        Should.Throw<Exception>(() => CheckAfterRestart(forgotten.Restart(PowerLoss.DropUnsynced), Writes, "no fsync of the folder"));
    }

    [Fact]
    public async Task Fsync_comes_between_the_write_and_the_acknowledgement()
    {
        var files = new FaultyFiles();
        using var store = ResourceStore.Open(files);
        using var reached = new SemaphoreSlim(0);
        using var gate = new SemaphoreSlim(0);
        files.OnSync = _ => { reached.Release(); gate.Wait(); };
        for (var i = 0; i < 5; i++)
        {
            var write = store.PutAsync("a", $"{i}");
            await reached.WaitAsync();
            files.Journal[^1].ShouldBe($"write {Log}");
            write.IsCompleted.ShouldBeFalse();
            store.Current.Revision.ShouldBe(i, "not visible before it is durable");
            store.History.Read(i).ShouldBeEmpty();
            gate.Release();
            (await write).Revision.ShouldBe(i + 1);
        }
    }

    [Fact]
    public async Task Torn_last_frame_is_cut_at_every_byte_and_the_next_write_follows_on()
    {
        var files = new FaultyFiles();
        using (var store = ResourceStore.Open(files))
            for (var i = 0; i < 3; i++) await store.PutAsync("a", $"{i}");
        var good = files[Log].Length;
        var mark = files[Mark];
        using (var store = ResourceStore.Open(files)) await store.PutAsync("a", "torn");
        var log = files[Log];
        for (var length = good; length < log.Length; length++)
        {
            var torn = new FaultyFiles { [Log] = log[..length], [Mark] = mark };
            using (var store = ResourceStore.Open(torn))
            {
                store.Recovery.DiscardedBytes.ShouldBe(length - good);
                store.Text("a").ShouldBe("2");
                (await store.PutAsync("a", "next")).Revision.ShouldBe(4);
            }
            using var again = ResourceStore.Open(torn);
            again.Text("a").ShouldBe("next");
        }
    }

    [Fact]
    public async Task Tail_of_zeros_is_cut_like_a_torn_one()
    {
        var files = new FaultyFiles();
        using (var store = ResourceStore.Open(files)) await store.PutAsync("a", "1");
        files[Log] = [.. files[Log], .. new byte[5000]];
        using var again = ResourceStore.Open(files);
        again.Recovery.DiscardedBytes.ShouldBe(5000);
        again.Text("a").ShouldBe("1");
    }

    /// <summary>Writes numbered values, one after the other, and returns how many were acknowledged.</summary>
    private static async Task<int> RunAsync(FaultyFiles files)
    {
        var acknowledged = 0;
        try
        {
            using var store = ResourceStore.Open(files, s_smallLog);
            for (var i = 1; i <= Writes; i++)
            {
                // Two objects in one transaction: half of it must never be seen.
                await store.CommitAsync(new StoreTransaction(
                    StoreWrite.Put(Key("left"), Encoding.UTF8.GetBytes($"value {i}"), null), StoreWrite.Put(Key("right"), Encoding.UTF8.GetBytes($"value {i}"), null)));
                acknowledged = i;
            }
        }
        catch (Exception e) when (e is PowerCutException or StoreUnavailableException)
        {
            // the run ends where the power went off
        }
        return acknowledged;
    }

    private static void CheckAfterRestart(FaultyFiles files, int acknowledged, string when)
    {
        using var store = ResourceStore.Open(files, s_smallLog);
        store.Text("left").ShouldBe(store.Text("right"), when);
        store.Current.Revision.ShouldBeGreaterThanOrEqualTo(acknowledged * 2, when);
        store.Current.Revision.ShouldBeLessThanOrEqualTo((acknowledged + 1) * 2, when);
        if (store.Current.Revision > 0) store.Text("left").ShouldBe($"value {store.Current.Revision / 2}", when);
        store.PutAsync("after", "1").GetAwaiter().GetResult().Accepted.ShouldBeTrue(when);
    }
}
