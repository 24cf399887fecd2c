using System.Collections.Concurrent;
using Weft.Proxy.Transport;

namespace Weft.Proxy.Workers;

/// <summary>Something to run on a worker's thread.</summary>
internal interface IWorkItem
{
    void Run(Worker worker);
}

/// <summary>
/// Work from other threads. The eventfd is written only when the worker sleeps, and never read: edge-triggered, each write is an event of its own, so
/// a post costs a system call only when there is someone to wake.
/// </summary>
internal sealed class Mailbox : IEventSource, IDisposable
{
    private readonly ConcurrentQueue<object> _items = new(); // IWorkItem or Action
    private readonly int _fd;
    private int _sleeping;

    public Mailbox()
    {
        _fd = Libc.EventFd(0, Libc.EventFdNonBlock | Libc.EventFdCloseOnExec);
        if (_fd < 0) throw Errno.Exception("eventfd");
    }

    public int Fd => _fd;

    public int Count => _items.Count;

    /// <summary>From any thread.</summary>
    public void Post(object item)
    {
        _items.Enqueue(item);
        WakeIfSleeping();
    }

    public bool TryTake(out object? item) => _items.TryDequeue(out item);

    /// <summary>Announces sleep; answers false when work came in before.</summary>
    public bool TrySleep()
    {
        // A full fence between the announcement and the look at the queue; the producer has one between its enqueue and its look at the flag.
        Interlocked.Exchange(ref _sleeping, 1);
        if (_items.IsEmpty) return true;
        Awake();
        return false;
    }

    public void Awake() => Volatile.Write(ref _sleeping, 0);

    public void WakeIfSleeping()
    {
        if (Interlocked.Exchange(ref _sleeping, 0) == 0) return;
        Socket.Signal(_fd);
    }

    public void OnEvents(ReadyEvents events) { } // waking up was the purpose

    public void Contain(Exception exception) { }

    public string Describe() => "mailbox";

    public void CloseQuietly() { } // the worker disposes it: closing here too would close a descriptor that is somebody else's by then

    public void Dispose() => Socket.Close(_fd);
}
