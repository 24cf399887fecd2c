using System.Collections.Concurrent;

namespace Weft.Proxy.Configuration;

/// <summary>
/// The one thread that compiles and publishes configuration. A thread of its own, and not a nicer one than the workers: see
/// docs/decisions/0006-thread-priority.md.
/// </summary>
/// <param name="time">The clock of deadlines.</param>
/// <param name="report">Told of an exception in a piece of work; the thread goes on with the next.</param>
internal sealed class ConfigThread(TimeProvider time, Action<Exception> report) : IDisposable
{
    private static readonly TimeSpan LongestSleep = TimeSpan.FromSeconds(60);

    private readonly BlockingCollection<Action> _work = [];
    private Thread? _thread;

    /// <summary>Called at the start, after each batch of work, and at <see cref="NextDeadline"/>.</summary>
    public Action? Turn { get; set; }

    /// <summary>When <see cref="Turn"/> is to be called though no work has come; null for never.</summary>
    public Func<DateTimeOffset?>? NextDeadline { get; set; }

    public void Start()
    {
        _thread = new Thread(Run) { Name = "configuration", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Hands over work. Safe on any thread; ignored after disposal.</summary>
    public void Post(Action work)
    {
        try
        {
            _work.Add(work);
        }
        catch (InvalidOperationException)
        {
            // The process is ending; whoever posts late has nothing to wait for.
        }
    }

    /// <summary>Runs <paramref name="read"/> on the thread and gives its answer.</summary>
    public Task<T> AskAsync<T>(Func<T> read)
    {
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(() =>
        {
            try
            {
                answer.SetResult(read());
            }
            catch (Exception e)
            {
                answer.SetException(e);
            }
        });
        return answer.Task;
    }

    public void Dispose()
    {
        _work.CompleteAdding();
        _thread?.Join(TimeSpan.FromSeconds(5));
        if (_thread is not { IsAlive: true }) _work.Dispose();
    }

    private void Run()
    {
        if (Turn is { } first) Contain(first);
        while (!_work.IsCompleted)
        {
            if (_work.TryTake(out var work, Sleep()))
            {
                Contain(work);
                // A burst of updates becomes one version, not one each.
                while (_work.TryTake(out work)) Contain(work);
            }
            if (Turn is { } turn) Contain(turn);
        }
    }

    private TimeSpan Sleep()
    {
        if (NextDeadline?.Invoke() is not { } deadline) return LongestSleep;
        var left = deadline - time.GetUtcNow();
        return left <= TimeSpan.Zero ? TimeSpan.Zero : left < LongestSleep ? left + TimeSpan.FromMilliseconds(1) : LongestSleep;
    }

    private void Contain(Action work)
    {
        try
        {
            work();
        }
        catch (Exception e)
        {
            report(e);
        }
    }
}
