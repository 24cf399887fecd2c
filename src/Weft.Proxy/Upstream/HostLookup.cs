using System.Net;
using Weft.Proxy.Workers;

namespace Weft.Proxy.Upstream;

/// <summary>Waits for the addresses of a host, always called on its worker.</summary>
internal interface IHostWaiter
{
    /// <param name="addresses">In the resolver's order; empty where the name has none, or the resolver failed.</param>
    void OnHost(IPAddress[] addresses);
}

/// <summary>
/// Asks the system's resolver for one host's addresses, on a thread of the pool, because it blocks, and comes back to the worker through its mailbox.
/// </summary>
internal sealed class HostLookup : IWorkItem
{
    /// <summary>The resolver holds a thread for each; more would only wait for one. A limit of the process.</summary>
    public const int MaxAtOnce = 64;

    private static int _running;

    private readonly Worker _worker;
    private IHostWaiter? _waiter; // worker's thread
    private IPAddress[] _addresses = [];

    private HostLookup(Worker worker, IHostWaiter waiter) => (_worker, _waiter) = (worker, waiter);

    /// <returns>Null where <see cref="MaxAtOnce"/> are under way. The waiter is called later, unless <see cref="Cancel"/> comes before.</returns>
    public static HostLookup? TryStart(Worker worker, string host, IHostWaiter waiter)
    {
        if (Interlocked.Increment(ref _running) > MaxAtOnce)
        {
            Interlocked.Decrement(ref _running);
            return null;
        }
        var lookup = new HostLookup(worker, waiter);
        _ = Task.Run(() => lookup.AskAsync(host));
        return lookup;
    }

    public void Cancel() => _waiter = null;

    void IWorkItem.Run(Worker worker) => _waiter?.OnHost(_addresses);

    private async Task AskAsync(string host)
    {
        try
        {
            _addresses = await Dns.GetHostAddressesAsync(host).ConfigureAwait(false);
        }
        catch (Exception e) when (e is System.Net.Sockets.SocketException or ArgumentException)
        {
            // no such name, no resolver, or a name longer than 255 characters: no addresses
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
        _worker.Post(this);
    }
}
