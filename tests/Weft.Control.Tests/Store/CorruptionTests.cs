using Shouldly;
using Weft.Control.Store;
using Xunit;
using static Weft.Control.Tests.Store.StoreTestExtensions;

namespace Weft.Control.Tests.Store;

public sealed class CorruptionTests
{
    [Fact]
    public async Task Any_flipped_bit_is_detected_and_named_by_file_and_offset()
    {
        var files = await FilledAsync();
        var log = files[Log];
        for (var at = 0; at < log.Length; at++)
        {
            var damaged = files.Copy();
            var bytes = log.ToArray();
            bytes[at] ^= (byte)(1 << (at % 8));
            damaged[Log] = bytes;
            var refused = Should.Throw<StoreCorruptException>(() => ResourceStore.Open(damaged), $"bit {at % 8} of byte {at}");
            refused.File.ShouldBe("/faulty/resources.log");
            refused.Offset.ShouldBeLessThanOrEqualTo(at);
            refused.Message.ShouldContain($"damaged at byte {refused.Offset}");
            damaged[Log].ShouldBe(bytes, "a damaged file is evidence: it is not touched");
        }
    }

    [Fact]
    public async Task Missing_tail_of_acknowledged_changes_is_detected_at_every_length()
    {
        var files = await FilledAsync();
        var log = files[Log];
        for (var cut = 1; cut <= log.Length; cut++)
        {
            var damaged = files.Copy();
            damaged[Log] = log[..^cut];
            Should.Throw<StoreCorruptException>(() => ResourceStore.Open(damaged), $"{cut} bytes cut");
        }
        files.Remove(Log);
        Should.Throw<StoreCorruptException>(() => ResourceStore.Open(files)).Message.ShouldContain("missing");
    }

    /// <summary>A backup is the log alone. Without the mark the last frame cannot be told from a torn one; everything before it can.</summary>
    [Fact]
    public async Task Without_the_mark_damage_before_the_last_frame_is_still_detected()
    {
        var files = await FilledAsync();
        var log = files[Log];
        files.Remove(Mark);
        using (var restored = ResourceStore.Open(files.Copy())) restored.Text("a").ShouldBe("value 19");
        var lastFrame = LastFrameOf(log);
        for (var at = 0; at < lastFrame; at++)
        {
            var damaged = files.Copy();
            var bytes = log.ToArray();
            bytes[at] ^= 0x10;
            damaged[Log] = bytes;
            Should.Throw<StoreCorruptException>(() => ResourceStore.Open(damaged), $"byte {at}");
        }
    }

    [Fact]
    public async Task Damaged_mark_is_no_witness_and_harms_nothing()
    {
        var files = await FilledAsync();
        for (var at = 0; at < AcknowledgedMark.Size; at++)
        {
            var damaged = files.Copy();
            var mark = files[Mark].ToArray();
            mark[at] ^= 1;
            damaged[Mark] = mark;
            using var store = ResourceStore.Open(damaged);
            store.Text("a").ShouldBe("value 19");
        }
    }

    [Fact]
    public async Task Damaged_snapshot_is_refused()
    {
        var files = new FaultyFiles();
        using (var store = ResourceStore.Open(files, new StoreOptions { CompactionBytes = 300 }))
            for (var i = 0; i < 20; i++) await store.PutAsync("a", $"value {i}");
        files.Remove(Mark);
        var log = files[Log];
        log.ShouldContain(LogFormat.SnapshotKind);
        for (var at = 0; at < 60; at++)
        {
            var damaged = files.Copy();
            damaged[Log] = log[..at];
            Should.Throw<StoreCorruptException>(() => ResourceStore.Open(damaged), $"cut at {at}");
        }
    }

    private static async Task<FaultyFiles> FilledAsync()
    {
        var files = new FaultyFiles();
        using var store = ResourceStore.Open(files);
        for (var i = 0; i < 20; i++) await store.PutAsync("a", $"value {i}");
        return files;
    }

    private static int LastFrameOf(byte[] log)
    {
        var offset = LogFormat.HeaderLength;
        while (true)
        {
            var next = offset + LogFormat.FrameOverhead + LogFormat.FrameAt(log, offset);
            if (next == log.Length) return offset;
            offset = next;
        }
    }
}
