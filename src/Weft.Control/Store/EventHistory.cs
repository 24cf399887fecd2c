namespace Weft.Control.Store;

/// <summary>
/// The last events in order, for watches. Each watcher keeps only the revision it has seen and reads from here, so a slow one costs no memory:
/// it falls behind the oldest kept event and is told to list again.
/// </summary>
public sealed class EventHistory
{
    private readonly Lock _lock = new(); // guards everything below
    private readonly StoreEvent[] _ring;
    private long _floor;   // revision before the oldest kept event
    private long _last;    // revision of the newest event
    private TaskCompletionSource _changed = NewSignal();

    internal EventHistory(int capacity, long revision)
    {
        _ring = new StoreEvent[capacity];
        _floor = _last = revision;
    }

    /// <summary>Adds events; their revisions follow on from the last one without a gap.</summary>
    internal void Publish(IReadOnlyList<StoreEvent> events)
    {
        TaskCompletionSource signal;
        lock (_lock)
        {
            foreach (var e in events)
            {
                if (e.Revision != _last + 1) throw new InvalidOperationException($"event {e.Revision} follows {_last}");
                _ring[e.Revision % _ring.Length] = e;
                _last = e.Revision;
            }
            _floor = Math.Max(_floor, _last - _ring.Length);
            signal = _changed;
            _changed = NewSignal();
        }
        signal.TrySetResult();
    }

    /// <summary>Events after <paramref name="revision"/>, oldest first, at most <paramref name="limit"/>; empty when there are none yet.</summary>
    /// <exception cref="HistoryGoneException">The next event is no longer kept.</exception>
    public IReadOnlyList<StoreEvent> Read(long revision, int limit = 1000)
    {
        lock (_lock)
        {
            if (revision < _floor) throw new HistoryGoneException(revision, _floor);
            var count = (int)Math.Clamp(_last - revision, 0, limit);
            var events = new StoreEvent[count];
            for (var i = 0; i < count; i++) events[i] = _ring[(revision + 1 + i) % _ring.Length];
            return events;
        }
    }

    /// <summary>Completes when there is an event after <paramref name="revision"/>: at once when there is one already.</summary>
    public Task WaitAsync(long revision, CancellationToken cancel)
    {
        lock (_lock)
            return _last > revision ? Task.CompletedTask : _changed.Task.WaitAsync(cancel);
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
