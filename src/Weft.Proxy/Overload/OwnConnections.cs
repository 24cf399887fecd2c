using System.Collections.Concurrent;
using System.Net;

namespace Weft.Proxy.Overload;

/// <summary>
/// The process's open connections to original destinations, by their own address: one that comes in again was brought back by a redirect that ought to leave the proxy alone, and would
/// go round until there are no more descriptors. For all workers.
/// </summary>
internal sealed class OwnConnections
{
    private readonly ConcurrentDictionary<IPEndPoint, IPEndPoint> _remotes = new();

    public int Count => _remotes.Count;

    public void Add(IPEndPoint local, IPEndPoint remote) => _remotes[local] = remote;

    public void Remove(IPEndPoint local) => _remotes.TryRemove(local, out _);

    /// <summary>Whether an accepted connection is one of them. Both ends must be the same: in another network namespace the address alone may be somebody else's.</summary>
    /// <param name="peer">The accepted socket's peer.</param>
    /// <param name="destination">Where it was meant to go.</param>
    public bool Contains(IPEndPoint peer, IPEndPoint destination) => _remotes.TryGetValue(peer, out var remote) && remote.Equals(destination);
}
