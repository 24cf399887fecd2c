using System.Buffers;

namespace Weft.Control.Store;

/// <summary>
/// The log file while the store is open. Owned by the committing thread: no member is safe to call from two threads.
/// <para>After a failure the log is in one of two states. <em>Torn</em>: bytes after the good length may be there; they are cut off
/// before the next append, which needs no space, so a full disk heals by itself. <em>Suspect</em>: fsync failed, and the kernel may have
/// dropped the dirty pages and marked them clean; a second fsync would lie, so nothing is trusted and the whole log is rewritten from
/// memory before the next append.</para>
/// </summary>
internal sealed class StoreLog : IDisposable
{
    private const string LogName = "resources.log";
    private const string NewLogName = "resources.log.new";
    private const string MarkName = "resources.acked";
    private const int SnapshotFrameBytes = 1 << 20;

    private enum Trust { Good, Torn, Suspect }

    private readonly IStoreFiles _files;
    private IStoreFile _log;
    private readonly IStoreFile _mark;
    private long _generation;
    private Trust _trust;

    private StoreLog(IStoreFiles files, IStoreFile log, IStoreFile mark)
    {
        _files = files;
        _log = log;
        _mark = mark;
    }

    /// <summary>Bytes of the log that are on disk.</summary>
    public long Length { get; private set; }

    /// <summary>Opens or creates the log of a folder whose lock is held.</summary>
    public static StoreLog Open(IStoreFiles files, out StoreRecovery recovery)
    {
        if (files.Exists(NewLogName)) files.Delete(NewLogName); // an unfinished rewrite: the log it was to replace is complete
        if (!files.Exists(LogName))
        {
            if (files.Exists(MarkName)) throw new StoreCorruptException(NameOf(files, LogName), 0, "the file is missing, but changes in it were acknowledged");
            using var created = WriteNewLog(files, new LogFormat.Header(Generation: 1, BaseRevision: 0, SnapshotEntries: 0), StoreState.Empty, out _);
            files.Rename(NewLogName, LogName);
            files.SyncFolder();
        }
        var log = files.Open(LogName);
        IStoreFile? mark = null;
        try
        {
            var hadMark = files.Exists(MarkName);
            mark = files.Open(MarkName);
            recovery = StoreRecovery.Replay(NameOf(files, LogName), ReadAll(log), hadMark ? AcknowledgedMark.Read(mark) : null);
            if (recovery.DiscardedBytes > 0)
            {
                log.Truncate(recovery.GoodLength);
                log.Sync();
            }
            if (!hadMark) files.SyncFolder();
            var opened = new StoreLog(files, log, mark) { Length = recovery.GoodLength, _generation = recovery.Header.Generation };
            opened.WriteMark();
            return opened;
        }
        catch
        {
            mark?.Dispose();
            log.Dispose();
            throw;
        }
    }

    /// <summary>Writes the events as one frame and returns when it is on disk.</summary>
    /// <param name="before">The state that the events apply to: what the log is rewritten from when it cannot be trusted.</param>
    /// <exception cref="IOException">Nothing was appended.</exception>
    public void Append(IReadOnlyList<StoreEvent> events, StoreState before)
    {
        Heal(before);
        var frame = new ArrayBufferWriter<byte>(4096);
        LogFormat.WriteBatch(frame, events);
        _trust = Trust.Torn;
        try
        {
            _log.Write(Length, frame.WrittenSpan);
        }
        catch
        {
            CutTail();
            throw;
        }
        try
        {
            _log.Sync();
        }
        catch
        {
            CutTail();
            _trust = Trust.Suspect;
            throw;
        }
        _trust = Trust.Good;
        Length += frame.WrittenCount;
        WriteMark();
    }

    /// <summary>Replaces the log by one that holds <paramref name="state"/> and no history. On failure before the new log has its name, the old
    /// one goes on.</summary>
    public void Rewrite(StoreState state)
    {
        var header = new LogFormat.Header(_generation + 1, state.Revision, state.Count);
        IStoreFile? written = null;
        long length;
        try
        {
            written = WriteNewLog(_files, header, state, out length);
            _files.Rename(NewLogName, LogName);
        }
        catch
        {
            written?.Dispose();
            if (_files.Exists(NewLogName)) _files.Delete(NewLogName); // a full disk wants its space back
            throw;
        }
        _log.Dispose();
        _log = written;
        Length = length;
        _generation = header.Generation;
        // Until the folder is synced a power cut may bring the old log back under this name: acknowledge nothing into the new one.
        _trust = Trust.Suspect;
        _files.SyncFolder();
        _trust = Trust.Good;
        WriteMark();
    }

    public void Dispose()
    {
        _log.Dispose();
        _mark.Dispose();
    }

    private void Heal(StoreState state)
    {
        if (_trust == Trust.Torn)
        {
            _log.Truncate(Length);
            _trust = Trust.Good;
        }
        if (_trust == Trust.Suspect) Rewrite(state);
    }

    /// <summary>Takes a refused frame off the disk at once, so that a crash before the next append does not bring it back.</summary>
    private void CutTail()
    {
        try
        {
            _log.Truncate(Length);
        }
        catch (IOException)
        {
            // Still torn: Heal tries again, and recovery cuts an unfinished frame by itself.
        }
    }

    private void WriteMark()
    {
        try
        {
            new AcknowledgedMark(_generation, Length).Write(_mark);
        }
        catch (Exception)
        {
            // An older mark is a weaker witness, not a wrong one. Whatever went wrong here, the change is on disk and counted in Length:
            // letting the failure out would refuse it, and the next change would repeat its revision.
        }
    }

    private static IStoreFile WriteNewLog(IStoreFiles files, LogFormat.Header header, StoreState state, out long length)
    {
        var file = files.Open(NewLogName);
        try
        {
            file.Truncate(0);
            var bytes = new ArrayBufferWriter<byte>(LogFormat.HeaderLength);
            LogFormat.WriteHeader(header, bytes.GetSpan(LogFormat.HeaderLength));
            bytes.Advance(LogFormat.HeaderLength);
            length = 0;
            foreach (var chunk in Chunks(state.All()))
            {
                LogFormat.WriteSnapshot(bytes, chunk);
                file.Write(length, bytes.WrittenSpan);
                length += bytes.WrittenCount;
                bytes.ResetWrittenCount();
            }
            if (bytes.WrittenCount > 0) file.Write(length, bytes.WrittenSpan); // no object at all: the header alone
            length += bytes.WrittenCount;
            file.Sync();
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static IEnumerable<List<StoreEntry>> Chunks(IEnumerable<StoreEntry> entries)
    {
        var chunk = new List<StoreEntry>();
        var bytes = 0;
        foreach (var entry in entries)
        {
            chunk.Add(entry);
            bytes += LogFormat.SizeOf(entry);
            if (bytes < SnapshotFrameBytes) continue;
            yield return chunk;
            chunk = [];
            bytes = 0;
        }
        if (chunk.Count > 0) yield return chunk;
    }

    private static byte[] ReadAll(IStoreFile file)
    {
        var bytes = new byte[file.Length];
        var read = 0;
        while (read < bytes.Length)
        {
            var n = file.Read(read, bytes.AsSpan(read));
            if (n == 0) throw new EndOfStreamException($"the file shrank from {bytes.Length} to {read} bytes while it was read");
            read += n;
        }
        return bytes;
    }

    private static string NameOf(IStoreFiles files, string name) => Path.Combine(files.Folder, name);
}
