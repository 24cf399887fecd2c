namespace Weft.Control.Store;

/// <summary>What was found when the store was opened.</summary>
/// <param name="Events">Changes after the log's snapshot, oldest first: watches may resume from before a restart.</param>
/// <param name="DiscardedBytes">Bytes of an unfinished, never acknowledged write that were cut off the end; normally 0.</param>
public sealed record StoreRecovery(StoreState State, IReadOnlyList<StoreEvent> Events, long DiscardedBytes)
{
    internal LogFormat.Header Header { get; init; }

    /// <summary>End of the last good frame: where the next one goes.</summary>
    internal int GoodLength { get; init; }

    /// <summary>Replays a log. Pure: the caller reads the files and cuts the tail.</summary>
    /// <param name="file">Name for messages.</param>
    /// <exception cref="StoreCorruptException">Something that was acknowledged is missing or damaged.</exception>
    internal static StoreRecovery Replay(string file, ReadOnlyMemory<byte> log, AcknowledgedMark? mark)
    {
        var header = LogFormat.ReadHeader(log.Span) ?? throw new StoreCorruptException(file, 0, "the header is not that of a resource log");
        var offset = LogFormat.HeaderLength;
        var state = ReadSnapshot(file, log, header, ref offset);
        var events = new List<StoreEvent>();
        while (offset < log.Length)
        {
            var length = LogFormat.FrameAt(log.Span, offset);
            if (length < 0) break;
            var payload = log.Slice(offset + LogFormat.FrameOverhead, length);
            if (payload.Span[0] != LogFormat.BatchKind) throw new StoreCorruptException(file, offset, "a snapshot follows a change");
            var (first, writes) = LogFormat.ReadBatch(payload);
            if (first != state.Revision + 1)
                throw new StoreCorruptException(file, offset, $"revision {first} follows {state.Revision}: what was between them is missing");
            foreach (var write in writes)
            {
                var change = state.Change(write) ?? throw new StoreCorruptException(file, offset, $"{write.Key} is deleted but was never created");
                state = state.Apply(change);
                events.Add(change);
            }
            offset += LogFormat.FrameOverhead + length;
        }
        RefuseLoss(file, log.Span, offset, header, mark);
        return new StoreRecovery(state, events, log.Length - offset) { Header = header, GoodLength = offset };
    }

    private static StoreState ReadSnapshot(string file, ReadOnlyMemory<byte> log, LogFormat.Header header, ref int offset)
    {
        // A log gets its name only after its snapshot is on disk, so nothing here can be an unfinished write.
        var entries = new List<StoreEntry>();
        while (entries.Count < header.SnapshotEntries)
        {
            var length = LogFormat.FrameAt(log.Span, offset);
            if (length < 0) throw new StoreCorruptException(file, offset, "the snapshot fails its checksum");
            var payload = log.Slice(offset + LogFormat.FrameOverhead, length);
            if (payload.Span[0] != LogFormat.SnapshotKind) throw new StoreCorruptException(file, offset, "the snapshot ends early");
            entries.AddRange(LogFormat.ReadSnapshot(payload));
            offset += LogFormat.FrameOverhead + length;
        }
        return StoreState.FromSnapshot(header.BaseRevision, entries);
    }

    private static void RefuseLoss(string file, ReadOnlySpan<byte> log, int good, LogFormat.Header header, AcknowledgedMark? mark)
    {
        if (mark is { } m && m.Generation == header.Generation && good < m.Length)
            throw new StoreCorruptException(file, good, log.Length < m.Length
                ? $"the file ends at {log.Length}, but {m.Length} bytes of it were acknowledged; restore a backup, or delete the .acked file beside it to go on without the rest"
                : "an acknowledged change fails its checksum; restore a backup, or cut the file here and delete the .acked file beside it to go on without the rest");
        // Without a mark (restored from a backup, or power was cut): a good frame after the bad one proves that the bad one was once whole.
        for (var next = good + 1; next <= log.Length - LogFormat.FrameOverhead; next++)
            if (LogFormat.FrameAt(log, next) > 0 && log[next + LogFormat.FrameOverhead] == LogFormat.BatchKind)
                throw new StoreCorruptException(file, good, $"a change fails its checksum, and a good one follows it at byte {next}");
    }
}
