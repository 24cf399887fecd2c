using System.Collections.Concurrent;
using System.Diagnostics;

namespace Weft.Cli.Processes;

/// <summary>A child that ends with this process.</summary>
public sealed class ChildProcess : IDisposable
{
    private readonly Process _process;

    private ChildProcess(Process process)
    {
        _process = process;
        Id = process.Id;
        Exited = WaitAsync();
    }

    public int Id { get; }

    /// <summary>Its exit code; 128 + N when signal N ended it.</summary>
    public Task<int> Exited { get; }

    /// <summary>Starts <paramref name="file"/> with these arguments and variables on top of this process's own (null removes one).</summary>
    public static Task<ChildProcess> StartAsync(
        string file, IEnumerable<string> arguments, ChildTraits traits, IReadOnlyDictionary<string, string?>? variables = null)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { UseShellExecute = false };
        foreach (var argument in ChildStub.Arguments(traits, file, arguments)) start.ArgumentList.Add(argument);
        foreach (var (name, value) in variables ?? new Dictionary<string, string?>())
        {
            if (value is null) start.Environment.Remove(name); else start.Environment[name] = value;
        }
        return Forking.Run(() => new ChildProcess(Process.Start(start)!));
    }

    /// <summary>Sends a signal; false when the process has ended.</summary>
    public bool Signal(int signal)
    {
        // Until its end is collected the number cannot be given to another process, so this cannot hit a stranger.
        return !Exited.IsCompleted && Libc.Kill(Id, signal) == 0;
    }

    /// <summary>Asks it to end, and ends it when it has not after <paramref name="patience"/>.</summary>
    public async Task<int> StopAsync(TimeSpan patience, TimeProvider time)
    {
        Signal(Libc.SIGTERM);
        try
        {
            return await Exited.WaitAsync(patience, time);
        }
        catch (TimeoutException)
        {
            Signal(Libc.SIGKILL);
            return await Exited;
        }
    }

    public void Dispose() => _process.Dispose();

    private async Task<int> WaitAsync()
    {
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    /// <summary>
    /// The one thread that starts children. The kernel sends the death signal when the thread that forked ends, not the process
    /// (prctl(2)): a child that was started from the thread pool would be killed minutes later, when the pool lets that thread go.
    /// </summary>
    private static class Forking
    {
        private static readonly BlockingCollection<Action> Work = Begin();

        public static Task<T> Run<T>(Func<T> start)
        {
            var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
            Work.Add(() =>
            {
                try
                {
                    done.SetResult(start());
                }
                catch (Exception e)
                {
                    done.SetException(e);
                }
            });
            return done.Task;
        }

        private static BlockingCollection<Action> Begin()
        {
            var work = new BlockingCollection<Action>();
            new Thread(() =>
            {
                foreach (var action in work.GetConsumingEnumerable()) action();
            })
            { IsBackground = true, Name = "fork" }.Start();
            return work;
        }
    }
}
