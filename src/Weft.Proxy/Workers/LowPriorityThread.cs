using Weft.Proxy.Transport;

namespace Weft.Proxy.Workers;

/// <summary>Starts threads for work that the data path must not feel.</summary>
internal static class LowPriorityThread
{
    /// <summary>Against a worker's 0 the scheduler gives it about a tenth of a shared core, and all of an idle one.</summary>
    private const int Niceness = 10;

    /// <summary>A background thread that gives way to the workers.</summary>
    /// <remarks><see cref="Thread.Priority"/> has no effect on Linux, where niceness belongs to the thread and may be raised by anyone.</remarks>
    public static Thread Start(string name, Action run)
    {
        var thread = new Thread(() =>
        {
            Libc.SetPriority(Libc.PriorityOfProcess, 0, Niceness); // 0: the calling thread
            run();
        }) { Name = name, IsBackground = true };
        thread.Start();
        return thread;
    }
}
