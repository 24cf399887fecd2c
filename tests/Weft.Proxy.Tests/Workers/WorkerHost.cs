using System.Collections.Concurrent;
using System.Net;
using Shouldly;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;

namespace Weft.Proxy.Tests.Workers;

/// <summary>A worker on a thread of its own, with ways to act on that thread. Disposing it fails the test when a fault was contained that nobody took.</summary>
internal sealed class WorkerHost : IDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Thread _thread;

    public WorkerHost(WorkerSettings? settings = null, TimeProvider? time = null)
    {
        Worker = new Worker("test", settings ?? new WorkerSettings(), time ?? TimeProvider.System, Faults.Enqueue);
        _thread = new Thread(Worker.Run) { IsBackground = true, Name = "worker under test" };
        _thread.Start();
    }

    public Worker Worker { get; }

    public ConcurrentQueue<ContainedFault> Faults { get; } = new();

    public static IPEndPoint Loopback => new(IPAddress.Loopback, 0);

    /// <summary>Runs <paramref name="action"/> on the worker's thread and waits for it.</summary>
    public T On<T>(Func<T> action)
    {
        if (Thread.CurrentThread == _thread) return action();
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Worker.Post(() =>
        {
            try { done.SetResult(action()); }
            catch (Exception e) { done.SetException(e); }
        });
        return done.Task.WaitAsync(Patience).GetAwaiter().GetResult();
    }

    public void On(Action action) => On(() => { action(); return 0; });

    public void Until(Func<bool> condition, string what)
    {
        var deadline = Environment.TickCount64 + (long)Patience.TotalMilliseconds;
        while (!On(condition))
        {
            if (Environment.TickCount64 > deadline) throw new TimeoutException("never happened: " + what);
            Thread.Sleep(2);
        }
    }

    public ListeningSocket Listen(Action<AcceptedSocket> accept, ListenOptions? options = null, IPEndPoint? at = null) =>
        On(() => Worker.Listen(at ?? Loopback, options ?? new ListenOptions(), new AcceptHandler(accept)));

    public ContainedFault TakeFault()
    {
        var deadline = Environment.TickCount64 + (long)Patience.TotalMilliseconds;
        while (true)
        {
            if (Faults.TryDequeue(out var fault)) return fault;
            if (Environment.TickCount64 > deadline) throw new TimeoutException("no fault was reported");
            Thread.Sleep(2);
        }
    }

    public void Dispose()
    {
        Worker.Stop();
        _thread.Join(Patience).ShouldBeTrue("the worker does not stop");
        Worker.Dispose();
        Faults.ShouldBeEmpty();
    }

    private sealed class AcceptHandler(Action<AcceptedSocket> accept) : IAcceptHandler
    {
        public void OnAccepted(AcceptedSocket socket) => accept(socket);
    }
}
