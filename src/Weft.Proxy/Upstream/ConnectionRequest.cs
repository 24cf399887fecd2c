using Weft.Proxy.ProxyProtocol;
using Weft.Routing.Clusters;
using Weft.Routing.Protocols;

namespace Weft.Proxy.Upstream;

/// <summary>One exchange's wish for a connection, and its place in a line while it waits. It belongs to the exchange and is used again: waiting allocates nothing.</summary>
internal sealed class ConnectionRequest(IConnectionWaiter waiter)
{
    internal ConnectionRequest? Previous;
    internal ConnectionRequest? Next;
    internal WaitingLine? Line;
    private ClusterState? _pending;

    public IConnectionWaiter Waiter { get; } = waiter;

    /// <summary>What must be spoken; <see cref="UpstreamProtocol.Downstream"/> has been decided by now.</summary>
    public UpstreamProtocol Protocol { get; set; }

    /// <summary>Whom the connection must be announced for, and serve alone; null where any will do.</summary>
    public ConnectionEnds? Announced { get; set; }

    /// <summary>Takes a place among the cluster's pending requests, once. False: its limit is reached.</summary>
    public bool TryPend(ClusterState cluster, int limit)
    {
        if (_pending is not null) return true;
        if (!cluster.PendingRequests.TryAcquire(limit)) return false;
        _pending = cluster;
        return true;
    }

    /// <summary>The exchange has what it waited for, or waits no more.</summary>
    public void StopWaiting()
    {
        Line?.Remove(this);
        _pending?.PendingRequests.Release();
        _pending = null;
    }
}

/// <summary>Requests in the order in which they came. Entering, leaving from the front and leaving from the middle are all O(1).</summary>
internal sealed class WaitingLine
{
    private ConnectionRequest? _last;

    public ConnectionRequest? First { get; private set; }

    public int Count { get; private set; }

    public void Add(ConnectionRequest request)
    {
        if (request.Line is not null) throw new InvalidOperationException("the request stands in a line already");
        request.Line = this;
        request.Previous = _last;
        request.Next = null;
        if (_last is null) First = request;
        else _last.Next = request;
        _last = request;
        Count++;
    }

    public void Remove(ConnectionRequest request)
    {
        if (request.Previous is null) First = request.Next;
        else request.Previous.Next = request.Next;
        if (request.Next is null) _last = request.Previous;
        else request.Next.Previous = request.Previous;
        request.Previous = request.Next = null;
        request.Line = null;
        Count--;
    }
}
