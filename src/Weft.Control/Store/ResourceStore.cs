using System.Collections.Concurrent;

namespace Weft.Control.Store;

/// <summary>
/// The embedded store: a folder with one append-only log. Every accepted write is on disk (fsync) before it is acknowledged; writers that
/// arrive while the disk is busy share the next fsync. Reads never wait: they take <see cref="Current"/>, which is immutable.
/// <para>One thread owns the log and decides every transaction in the order of arrival. A transaction becomes visible, to readers and to watches,
/// only after its fsync: nobody can act on a change that a power cut would take back.</para>
/// </summary>
public sealed class ResourceStore : IDisposable
{
    private const int DiskFull = 28;    // ENOSPC: the HResult of an IOException on Unix is its errno
    private const int QuotaReached = 122; // EDQUOT

    private readonly StoreOptions _options;
    private readonly IDisposable _lock;
    private readonly StoreLog _log;
    private readonly BlockingCollection<Waiting> _queue;
    private readonly Thread _committer;
    private StoreState _current;
    private long _retryCompactionAt;
    private string? _lastFailure;
    private int _disposed;

    private ResourceStore(IDisposable held, StoreLog log, StoreRecovery recovery, StoreOptions options)
    {
        _options = options;
        _lock = held;
        _log = log;
        _current = recovery.State;
        Recovery = recovery;
        History = new EventHistory(options.HistoryEvents, recovery.State.Revision - recovery.Events.Count);
        History.Publish(recovery.Events);
        _queue = new BlockingCollection<Waiting>(options.MaxQueuedTransactions);
        _committer = new Thread(CommitLoop) { IsBackground = true, Name = "weft store" };
        _committer.Start();
    }

    /// <summary>Opens the folder, creating what is missing and repairing an unfinished last write.</summary>
    /// <exception cref="StoreLockedException">Another process has it open.</exception>
    /// <exception cref="StoreCorruptException">Acknowledged data is damaged or missing.</exception>
    public static ResourceStore Open(IStoreFiles files, StoreOptions? options = null)
    {
        var held = files.Lock();
        try
        {
            return new ResourceStore(held, StoreLog.Open(files, out var recovery), recovery, options ?? new StoreOptions());
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>What was found when the store was opened.</summary>
    public StoreRecovery Recovery { get; }

    /// <summary>Everything that is acknowledged, as one consistent picture.</summary>
    public StoreState Current => Volatile.Read(ref _current);

    /// <summary>Events for watches.</summary>
    public EventHistory History { get; }

    /// <summary>Why the last write was refused by the disk; null while writes succeed.</summary>
    public string? LastFailure => Volatile.Read(ref _lastFailure);

    /// <summary>Bytes of the log on disk.</summary>
    public long LogBytes => _log.Length;

    /// <summary>Applies all writes or none. Completes when the change is on disk, or with the condition that did not hold.</summary>
    /// <exception cref="StoreUnavailableException">The disk refused; nothing changed.</exception>
    public Task<CommitResult> CommitAsync(StoreTransaction transaction)
    {
        foreach (var write in transaction.Writes)
            if (write.Value.Length > _options.MaxObjectBytes)
                throw new StoreUnavailableException($"{write.Key} has {write.Value.Length} bytes; MaxObjectBytes is {_options.MaxObjectBytes}") { OutOfSpace = true };
        var waiting = new Waiting(transaction);
        try
        {
            if (!_queue.TryAdd(waiting))
                throw new StoreUnavailableException($"{_options.MaxQueuedTransactions} writes already wait for the disk (MaxQueuedTransactions)");
        }
        catch (InvalidOperationException e)
        {
            throw new StoreUnavailableException("the store is closed", e);
        }
        return waiting.Done.Task;
    }

    /// <summary>Commits what is queued, then closes the files and gives the folder free.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        _queue.CompleteAdding();
        _committer.Join();
        _log.Dispose();
        _lock.Dispose();
        _queue.Dispose();
    }

    private void CommitLoop()
    {
        var batch = new List<Waiting>();
        foreach (var first in _queue.GetConsumingEnumerable())
        {
            batch.Clear();
            batch.Add(first);
            var bytes = first.Bytes;
            while (bytes < _options.MaxBatchBytes && _queue.TryTake(out var next))
            {
                batch.Add(next);
                bytes += next.Bytes;
            }
            Commit(batch);
            Compact();
        }
    }

    private void Commit(List<Waiting> batch)
    {
        var before = _current;
        try
        {
            var draft = before;
            var events = new List<StoreEvent>();
            foreach (var waiting in batch) waiting.Result = Decide(waiting.Transaction, ref draft, events);
            if (draft.Bytes > _options.MaxStoreBytes && draft.Bytes > before.Bytes)
                throw new StoreUnavailableException($"the objects would take {draft.Bytes} bytes; MaxStoreBytes is {_options.MaxStoreBytes}") { OutOfSpace = true };
            if (events.Count > 0) _log.Append(events, before);
            Volatile.Write(ref _current, draft);
            Volatile.Write(ref _lastFailure, null);
            History.Publish(events);
            foreach (var waiting in batch) waiting.Done.SetResult(waiting.Result!);
        }
        catch (Exception e)
        {
            // Also the conflicts fail: they were decided on a draft that does not exist.
            var failure = e as StoreUnavailableException ?? Unavailable(e);
            Volatile.Write(ref _lastFailure, failure.Message);
            foreach (var waiting in batch) waiting.Done.TrySetException(failure);
        }
    }

    private static CommitResult Decide(StoreTransaction transaction, ref StoreState draft, List<StoreEvent> events)
    {
        foreach (var required in transaction.Requires)
            if (draft.Find(required) is null) return new CommitResult(draft.Revision, [], new StoreConflict(required, null, null));
        foreach (var write in transaction.Writes)
        {
            var actual = draft.Find(write.Key);
            if (write.Expected is { } expected && expected != (actual?.ModRevision ?? 0))
                return new CommitResult(draft.Revision, [], new StoreConflict(write.Key, expected, actual));
        }
        var entries = new StoreEntry?[transaction.Writes.Count];
        for (var i = 0; i < entries.Length; i++)
        {
            if (draft.Change(transaction.Writes[i]) is not { } change) continue;
            draft = draft.Apply(change);
            events.Add(change);
            entries[i] = change.Entry;
        }
        return new CommitResult(draft.Revision, entries, null);
    }

    private void Compact()
    {
        if (_log.Length < Math.Max(_options.CompactionBytes, Math.Max(_retryCompactionAt, _current.Bytes * _options.CompactionFactor))) return;
        try
        {
            _log.Rewrite(_current);
            _retryCompactionAt = 0;
        }
        catch (Exception)
        {
            // The old log goes on, whatever stopped the new one: a rewrite is housekeeping and must not end the thread that commits.
            // Try again after some growth, not at every write: on a full disk each attempt costs a whole copy.
            _retryCompactionAt = _log.Length + (_options.CompactionBytes / 4);
        }
    }

    private static StoreUnavailableException Unavailable(Exception e) => e.HResult is DiskFull or QuotaReached
        ? new StoreUnavailableException($"the disk is full: the change is refused and nothing was lost; free space and try again ({e.Message})", e) { OutOfSpace = true }
        : new StoreUnavailableException($"the disk refused the change: {e.Message}", e);

    private sealed class Waiting(StoreTransaction transaction)
    {
        public StoreTransaction Transaction { get; } = transaction;

        public TaskCompletionSource<CommitResult> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public CommitResult? Result { get; set; }

        public int Bytes { get; } = transaction.Writes.Sum(LogFormat.SizeOf);
    }
}
