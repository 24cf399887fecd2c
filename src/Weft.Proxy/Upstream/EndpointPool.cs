using Weft.Proxy.Configuration;
using Weft.Proxy.Http1;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Security;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;
using Weft.Routing.Clusters;
using Weft.Routing.Protocols;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Upstream;

/// <summary>
/// One worker's connections to one endpoint, of whatever protocol. A request gets, in this order: capacity of an open connection (the one used last first, so that
/// the surplus ages and goes); a place in the line of a connection that is opening and will have room for several; a connection of its own, within the cluster's
/// limit; a place in the pool's line. The cluster's limits (connections, pending requests) are process-wide cells.
/// </summary>
internal sealed class EndpointPool(WorkerContext context, string clusterName) : ITimerHandler
{
    /// <summary>How often idle connections are looked through.</summary>
    private const long SweepMs = 1000;

    private readonly List<ClientConnection> _ready = [];
    private readonly List<PoolConnector> _opening = [];
    private readonly WaitingLine _waiting = new();
    private TimerNode? _sweep;
    private BoundCluster _cluster = null!;
    private Endpoint _endpoint = null!;
    private TransportBinding _transport = TransportBinding.Plaintext;
    private EndpointSet? _seen;
    private IdleCloseEstimate _idleClose;
    private int _openHttp1;
    private int _openHttp2;
    private int _retiredHttp2; // of those that are open
    private bool _agreesOnHttp1;
    private bool _abandoned;

    public WorkerContext Context => context;

    public EndpointState Endpoint => _endpoint.State;

    /// <summary>Limits on the heads of HTTP/1 responses.</summary>
    public Http1Limits Limits { get; private set; } = Http1Limits.Default;

    /// <summary>Streams that a new HTTP/2 connection will take, until its SETTINGS tell: what the last one took; at first 100, which RFC 9113 section 6.5.2 advises servers
    /// to allow at least. What is opened beyond is refused and must be sent again.</summary>
    public int ExpectedStreams { get; set; } = 100;

    public bool IsEmpty => _openHttp1 + _openHttp2 + _opening.Count == 0 && _waiting.Count == 0;

    /// <summary>After how long the endpoint closes idle connections, in milliseconds, as far as was learned.</summary>
    public long IdleCloseMs => _idleClose.Get(context.Worker.NowMs, (long)context.UpstreamSettings.IdleMemory.TotalMilliseconds);

    public void Acquire(BoundCluster cluster, Endpoint endpoint, TransportBinding transport, ConnectionRequest request)
    {
        Follow(cluster, endpoint, transport);
        if (!TryLend(request)) Place(request);
    }

    /// <summary>The connector has a connection. Those who waited for it get its streams, as many as it has.</summary>
    public void Opened(PoolConnector connector, Channel channel, bool http2)
    {
        _opening.Remove(connector);
        if (connector.Protocol == UpstreamProtocol.Negotiated) _agreesOnHttp1 = !http2;
        if (http2) _openHttp2++;
        else _openHttp1++;
        ClientConnection connection = http2 ? new Http2ClientConnection(this, connector, channel) : new Http1ClientConnection(this, connector, channel);
        while (connector.Line.First is { } first && connection.Capacity > 0) Lend(connection, first);
        if (connection.Capacity > 0) Offer(connection);
        while (connector.Line.First is { } left)
        {
            left.Line!.Remove(left);
            if (!TryLend(left)) Place(left);
        }
    }

    /// <summary>There is no connection: those who waited for it hear why.</summary>
    public void OpenFailed(PoolConnector connector, Fault fault, string detail)
    {
        _opening.Remove(connector);
        ReleasePlace(connector.Cluster.State);
        while (connector.Line.First is { } request)
        {
            request.StopWaiting();
            request.Waiter.OnNoConnection(fault, detail);
        }
        ServeWaiting();
        ForgetIfOver();
    }

    /// <summary>The connection can take a request: those who wait come first.</summary>
    public void Offer(ClientConnection connection)
    {
        while (connection.Capacity > 0 && FirstFor(connection) is { } request) Lend(connection, request);
        if (connection.Capacity == 0) return;
        if (_abandoned)
        {
            connection.Retire();
            return;
        }
        if (!connection.IsReady)
        {
            connection.IsReady = true;
            _ready.Add(connection);
        }
        if (_sweep is not { IsScheduled: true }) context.Worker.Timers.Schedule(_sweep ??= new TimerNode(this), SweepMs);
    }

    /// <summary>The connection takes no more requests.</summary>
    public void Withdraw(ClientConnection connection)
    {
        if (!connection.IsReady) return;
        connection.IsReady = false;
        _ready.Remove(connection);
    }

    /// <summary>The connection takes no more requests, and those that it has may last for hours: who waits may have another in its place.</summary>
    public void Retired(ClientConnection connection)
    {
        Withdraw(connection);
        connection.IsRetired = true;
        _retiredHttp2++; // HTTP/1 has one stream and retires without it
        ServeWaiting();
    }

    /// <summary>The connection has ended, whatever it was doing.</summary>
    public void Closed(ClientConnection connection)
    {
        Withdraw(connection);
        if (connection.IsRetired) _retiredHttp2--;
        if (connection.Speaks(UpstreamProtocol.Http2)) _openHttp2--;
        else _openHttp1--;
        ReleasePlace(connection.Cluster.State);
        ServeWaiting();
        ForgetIfOver();
    }

    /// <summary>The endpoint has closed a connection that was idle for <paramref name="ageMs"/>.</summary>
    public void ClosedIdle(long ageMs) => _idleClose.Observe(ageMs, context.Worker.NowMs);

    /// <summary>Whether a connection made under <paramref name="tls"/> may still be used.</summary>
    public bool IsCurrent(ClientTls? tls) => ReferenceEquals(tls, _transport.Context);

    /// <summary>Whether the endpoint is still one of its cluster's; if it is again, connections to it may lie idle again.</summary>
    public bool StillWanted(ProxyConfig config)
    {
        var current = config.Clusters.Find(clusterName);
        if (current is null) return false;
        if (current.Cluster.Type == DiscoveryType.OriginalDestination)
        {
            _abandoned = false;
            return true; // its endpoints stand in no assignment
        }
        if (ReferenceEquals(current.Endpoints, _seen)) return !_abandoned;
        _seen = current.Endpoints;
        foreach (var endpoint in current.Endpoints.Endpoints)
        {
            if (!ReferenceEquals(endpoint.State, _endpoint.State)) continue;
            Follow(current, endpoint, current.Tls[current.Cluster.TransportFor(endpoint)]);
            _abandoned = false;
            return true;
        }
        return false;
    }

    /// <summary>The endpoint has left its cluster: what is idle closes, and what is busy closes when it would be idle (<see cref="Offer"/>), not when the next configuration happens to come.</summary>
    public void Abandon()
    {
        _abandoned = true;
        _seen = null; // it may come back in the very same assignment
        Retire();
        ForgetIfOver();
    }

    public void OnTimer(TimerNode node)
    {
        var now = context.Worker.NowMs;
        for (var i = _ready.Count - 1; i >= 0; i--)
        {
            if (i < _ready.Count && _ready[i].IsExpired(now)) _ready[i].Retire();
        }
        if (_ready.Count > 0) context.Worker.Timers.Schedule(node, SweepMs);
    }

    /// <summary>Closes what is idle; busy connections end with their last stream, because <see cref="IsCurrent"/> or their age says so.</summary>
    private void Retire()
    {
        while (_ready.Count > 0) _ready[^1].Retire();
    }

    private void ForgetIfOver()
    {
        if (_abandoned) context.Upstream.Forget(Endpoint);
    }

    private void Follow(BoundCluster cluster, Endpoint endpoint, TransportBinding transport)
    {
        if (!ReferenceEquals(cluster, _cluster))
        {
            Limits = new Http1Limits { MaxHeadBytes = cluster.Cluster.MaxResponseHeadersBytes, MaxFields = cluster.Cluster.MaxResponseHeadersCount };
            _cluster = cluster;
            _seen = cluster.Endpoints;
        }
        _endpoint = endpoint;
        if (ReferenceEquals(transport, _transport)) return;
        var changed = !ReferenceEquals(transport.Context, _transport.Context);
        _transport = transport;
        if (changed) Retire(); // a new certificate is for new connections
    }

    private bool TryLend(ConnectionRequest request)
    {
        var now = context.Worker.NowMs;
        for (var i = _ready.Count - 1; i >= 0; i--)
        {
            if (i >= _ready.Count) continue; // retiring one may have ended others
            var connection = _ready[i];
            if (!connection.Suits(request)) continue;
            if (connection.IsExpired(now) || !IsCurrent(connection.Tls))
            {
                connection.Retire();
                continue;
            }
            if (connection.Capacity == 0) // the peer has lowered its limit
            {
                Withdraw(connection);
                continue;
            }
            Lend(connection, request);
            return true;
        }
        return false;
    }

    private void Lend(ClientConnection connection, ConnectionRequest request)
    {
        request.StopWaiting();
        if (connection.Capacity == 1) Withdraw(connection); // before the waiter acts: it may come back for another
        connection.Lend(request.Waiter);
    }

    private void Place(ConnectionRequest request)
    {
        if (Shared(request) is { } opening)
        {
            if (TryPend(request)) opening.Line.Add(request);
        }
        else if (TryTakePlace(request.Protocol)) Open(request);
        else if (TryPend(request)) _waiting.Add(request);
    }

    private bool TryPend(ConnectionRequest request)
    {
        var limit = _cluster.Cluster.CircuitBreakers.MaxPendingRequests;
        if (request.TryPend(_cluster.State, limit)) return true;
        request.Waiter.OnNoConnection(Fault.CircuitOpen, $"cluster '{_cluster.Cluster.Name}' has {limit} requests waiting for a connection, its limit max_pending_requests");
        return false;
    }

    /// <summary>A connection that is opening, will in all likelihood take several requests, and has room for one more.</summary>
    private PoolConnector? Shared(ConnectionRequest request)
    {
        var protocol = request.Protocol;
        if (protocol == UpstreamProtocol.Http1 || protocol == UpstreamProtocol.Negotiated && _agreesOnHttp1) return null;
        foreach (var connector in _opening)
        {
            if (connector.Protocol == protocol && Equals(connector.Announced, request.Announced) && connector.Line.Count < Math.Min(ExpectedStreams, _cluster.Cluster.Http2.MaxConcurrentStreams) && IsCurrent(connector.Transport.Context)) return connector;
        }
        return null;
    }

    /// <summary>A place for one more connection. An endpoint without any of the kind that takes requests gets its first also beyond the cluster's limit: places held by idle
    /// connections to other endpoints, or of the other kind (as with Envoy), or by the last stream of one that is retired, would otherwise keep it from ever being reached.</summary>
    private bool TryTakePlace(UpstreamProtocol protocol)
    {
        var ofKind = protocol switch
        {
            UpstreamProtocol.Http1 => _openHttp1,
            UpstreamProtocol.Http2 => _openHttp2 - _retiredHttp2,
            _ => _openHttp1 + _openHttp2 - _retiredHttp2,
        };
        foreach (var connector in _opening)
        {
            if (connector.Protocol == protocol) ofKind++;
        }
        return _cluster.State.Connections.TryAcquire(ofKind == 0 ? int.MaxValue : _cluster.Cluster.CircuitBreakers.MaxConnections);
    }

    private void ReleasePlace(ClusterState state)
    {
        state.Connections.Release();
        Endpoint.ConnectionClosed();
    }

    private void Open(ConnectionRequest request)
    {
        Endpoint.ConnectionOpened();
        var connector = new PoolConnector(this, _cluster, _endpoint, _transport, request.Protocol, request.Announced);
        connector.Line.Add(request);
        _opening.Add(connector);
        connector.Start();
    }

    /// <summary>A place came free: it is what the first in the line waits for.</summary>
    private void ServeWaiting()
    {
        while (_waiting.First is { } first)
        {
            if (TryLend(first)) continue;
            if (!TryTakePlace(first.Protocol)) return;
            _waiting.Remove(first);
            Open(first);
        }
    }

    private ConnectionRequest? FirstFor(ClientConnection connection)
    {
        for (var request = _waiting.First; request is not null; request = request.Next)
        {
            if (connection.Suits(request)) return request;
        }
        return null;
    }
}
