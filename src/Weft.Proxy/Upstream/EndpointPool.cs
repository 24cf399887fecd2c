using Weft.Proxy.Configuration;
using Weft.Proxy.Http1;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Security;
using Weft.Proxy.Workers;
using Weft.Routing.Clusters;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Upstream;

/// <summary>
/// One worker's HTTP/1 connections to one endpoint. Idle ones are reused last in, first out, so that the surplus ages and goes. The cluster's limits
/// (connections, pending requests) are process-wide cells; a request over the connection limit waits here until one comes free.
/// </summary>
internal sealed class EndpointPool(WorkerContext context, string clusterName) : ITimerHandler
{
    /// <summary>How often idle connections are looked through.</summary>
    private const long SweepMs = 1000;

    private readonly List<Http1ClientConnection> _idle = [];
    private readonly LinkedList<IConnectionWaiter> _waiting = new();
    private readonly HashSet<Http1ClientConnection> _opening = [];
    private TimerNode? _sweep;
    private BoundCluster _cluster = null!;
    private Endpoint _endpoint = null!;
    private TransportBinding _transport = TransportBinding.Plaintext;
    private EndpointSet? _seen;
    private Http1Limits _limits = Http1Limits.Default;
    private int _open;

    public WorkerContext Context => context;

    public EndpointState Endpoint => _endpoint.State;

    public Http1Limits Limits => _limits;

    public Cluster Cluster => _cluster.Cluster;

    public bool IsEmpty => _open == 0 && _waiting.Count == 0;

    public void Acquire(BoundCluster cluster, Endpoint endpoint, TransportBinding transport, IConnectionWaiter waiter)
    {
        Follow(cluster, endpoint, transport);
        if (TakeIdle() is { } idle)
        {
            idle.Lend(waiter);
            return;
        }
        var limits = cluster.Cluster.CircuitBreakers;
        if (TryTakePlace(cluster))
        {
            Open(waiter);
            return;
        }
        if (!cluster.State.PendingRequests.TryAcquire(limits.MaxPendingRequests))
        {
            waiter.OnNoConnection(Fault.CircuitOpen, $"cluster '{cluster.Cluster.Name}' has {limits.MaxPendingRequests} requests waiting for a connection, its limit max_pending_requests");
            return;
        }
        _waiting.AddLast(waiter);
    }

    public bool StopWaiting(IConnectionWaiter waiter)
    {
        if (_waiting.Remove(waiter))
        {
            _cluster.State.PendingRequests.Release();
            return true;
        }
        foreach (var connection in _opening)
        {
            if (connection.Abandon(waiter)) return true;
        }
        return false;
    }

    /// <summary>The connection has opened.</summary>
    public void Opened(Http1ClientConnection connection) => _opening.Remove(connection);

    /// <summary>The connection is whole and free: to the next who waits, or onto the shelf.</summary>
    public void Return(Http1ClientConnection connection)
    {
        if (_waiting.First is { } first)
        {
            _waiting.RemoveFirst();
            _cluster.State.PendingRequests.Release();
            connection.Lend(first.Value);
            return;
        }
        _idle.Add(connection);
        if (_sweep is not { IsScheduled: true }) context.Worker.Timers.Schedule(_sweep ??= new TimerNode(this), SweepMs);
    }

    /// <summary>The connection has ended, whatever it was doing.</summary>
    public void Closed(Http1ClientConnection connection, ClusterState state)
    {
        _open--;
        _opening.Remove(connection);
        _idle.Remove(connection);
        state.Connections.Release();
        Endpoint.ConnectionClosed();
        if (_waiting.First is not { } first) return;
        // The place that came free is the one that they wait for.
        if (!TryTakePlace(_cluster)) return;
        _waiting.RemoveFirst();
        _cluster.State.PendingRequests.Release();
        Open(first.Value);
    }

    /// <summary>Whether a connection made under <paramref name="tls"/> may still be used.</summary>
    public bool IsCurrent(ClientTls? tls) => ReferenceEquals(tls, _transport.Context);

    public bool StillWanted(ProxyConfig config)
    {
        var current = config.Clusters.Find(clusterName);
        if (current is null) return false;
        if (ReferenceEquals(current.Endpoints, _seen)) return true;
        _seen = current.Endpoints;
        foreach (var endpoint in current.Endpoints.Endpoints)
        {
            if (!ReferenceEquals(endpoint.State, _endpoint.State)) continue;
            Follow(current, endpoint, current.Tls[current.Cluster.TransportFor(endpoint)]);
            return true;
        }
        return false;
    }

    /// <summary>Closes what is idle; busy connections close when they are returned, because <see cref="IsCurrent"/> or their age says so.</summary>
    public void Retire()
    {
        while (_idle.Count > 0) _idle[^1].Close();
    }

    public void OnTimer(TimerNode node)
    {
        var now = context.Worker.NowMs;
        for (var i = _idle.Count - 1; i >= 0; i--)
        {
            if (i < _idle.Count && _idle[i].IsExpired(now)) _idle[i].Close();
        }
        if (_idle.Count > 0) context.Worker.Timers.Schedule(node, SweepMs);
    }

    private void Follow(BoundCluster cluster, Endpoint endpoint, TransportBinding transport)
    {
        if (!ReferenceEquals(cluster, _cluster))
        {
            _limits = new Http1Limits { MaxHeadBytes = cluster.Cluster.MaxResponseHeadersBytes, MaxFields = cluster.Cluster.MaxResponseHeadersCount };
            _cluster = cluster;
            _seen = cluster.Endpoints;
        }
        _endpoint = endpoint;
        if (ReferenceEquals(transport, _transport)) return;
        var changed = !ReferenceEquals(transport.Context, _transport.Context);
        _transport = transport;
        if (changed) Retire(); // a new certificate is for new connections
    }

    private Http1ClientConnection? TakeIdle()
    {
        var now = context.Worker.NowMs;
        while (_idle.Count > 0)
        {
            var connection = _idle[^1];
            if (connection.IsExpired(now) || !IsCurrent(connection.Tls))
            {
                connection.Close();
                continue;
            }
            _idle.RemoveAt(_idle.Count - 1);
            return connection;
        }
        return null;
    }

    /// <summary>A place for one more connection. An endpoint without any gets its first also beyond the cluster's limit, as with Envoy: places held by idle
    /// connections to other endpoints would otherwise keep it from ever being reached.</summary>
    private bool TryTakePlace(BoundCluster cluster) =>
        cluster.State.Connections.TryAcquire(_open == 0 ? int.MaxValue : cluster.Cluster.CircuitBreakers.MaxConnections);

    private void Open(IConnectionWaiter waiter)
    {
        _open++;
        Endpoint.ConnectionOpened();
        var connection = new Http1ClientConnection(this, _cluster, _endpoint, _transport, waiter);
        _opening.Add(connection);
        connection.Connect();
    }
}
