using System.Net;
using Weft.Proxy.Overload;
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
    private readonly Worker _worker;
    private readonly Admission _admission;
    private IHostWaiter? _waiter; // worker's thread
    private IPAddress[] _addresses = [];

    private HostLookup(Worker worker, Admission admission, IHostWaiter waiter) => (_worker, _admission, _waiter) = (worker, admission, waiter);

    /// <param name="limit">How many may be under way in this process.</param>
    /// <returns>Null where so many are. The waiter is called later, unless <see cref="Cancel"/> comes before.</returns>
    public static HostLookup? TryStart(Worker worker, Admission admission, string host, IHostWaiter waiter, out int limit)
    {
        if (!admission.TryBeginLookup(out limit)) return null;
        var lookup = new HostLookup(worker, admission, waiter);
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
            _admission.LookupEnded();
        }
        _worker.Post(this);
    }
}
