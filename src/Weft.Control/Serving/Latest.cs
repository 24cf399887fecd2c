namespace Weft.Control.Serving;

/// <summary>The newest value of something, and a way to wait for the next. A reader that is slow skips values and never queues them.</summary>
public sealed class Latest<T>(T initial)
    where T : class
{
    private readonly Lock _lock = new(); // guards both fields together
    private T _value = initial;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public T Value => Volatile.Read(ref _value);

    public void Publish(T value)
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            Volatile.Write(ref _value, value);
            changed = _changed;
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        changed.TrySetResult();
    }

    /// <summary>Completes when the value is another one than <paramref name="seen"/>: at once when it is already.</summary>
    public Task WhenNot(T seen)
    {
        lock (_lock) return ReferenceEquals(_value, seen) ? _changed.Task : Task.CompletedTask;
    }
}
