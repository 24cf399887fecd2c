using Weft.Proxy.Configuration;
using Weft.Proxy.Listening;
using Weft.Proxy.Pipelines;
using Weft.Routing.Balancing;
using Weft.Routing.Clusters;
using Weft.Routing.Listeners;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Tcp;

/// <summary>Exactly one of the two is called, once, and possibly before <see cref="ByteDialer.Start"/> has returned.</summary>
internal interface IByteDialOwner
{
    /// <summary>There is a connection. It is the owner's now, to use and to release.</summary>
    void OnDialled(ByteUpstream upstream);

    /// <summary>There will be none.</summary>
    /// <param name="detail">A clause for people.</param>
    void OnDialFailed(Fault fault, string detail);
}

/// <summary>
/// Finds an endpoint for one byte connection and connects to it. An attempt that fails is followed by one at another endpoint, which is always safe: nothing has been sent. An endpoint
/// is never asked twice: what has just refused would refuse again, and one that did not answer would double the wait.
/// </summary>
/// <param name="connection">For whom; a PROXY header says so.</param>
internal sealed class ByteDialer(WorkerContext context, DownstreamConnection connection, IByteDialOwner owner)
{
    private BoundCluster _cluster = null!;
    private TriedEndpoints _tried;
    private ByteUpstream? _attempt;
    private int _left;
    private Fault _fault;
    private string _detail = "";

    /// <summary>Endpoints that were tried.</summary>
    public int Attempts => _tried.Count;

    /// <param name="cluster">Of the version of configuration that the connection began under; a later attempt takes the newest.</param>
    /// <param name="attempts">Endpoints that may be tried, at least 1.</param>
    public void Start(BoundCluster cluster, int attempts)
    {
        _cluster = cluster;
        _left = attempts;
        Next();
    }

    /// <summary>The client has gone. The owner is not called.</summary>
    public void Cancel()
    {
        var attempt = _attempt;
        _attempt = null;
        attempt?.Cancel();
        attempt?.Release(failed: false);
    }

    internal void Opened(ByteUpstream attempt)
    {
        _attempt = null;
        attempt.Endpoint.State.TurnsAway = false;
        owner.OnDialled(attempt);
    }

    internal void Failed(ByteUpstream attempt, Fault fault, string detail)
    {
        _attempt = null;
        attempt.Endpoint.State.TurnsAway = true;
        attempt.Release(failed: true);
        (_fault, _detail) = (fault, _detail.Length == 0 ? detail : $"{_detail}; {detail}");
        if (_cluster.Cluster.Type != DiscoveryType.OriginalDestination) _cluster = context.Config.Current.Clusters.Find(_cluster.Cluster.Name) ?? _cluster;
        if (_left > 0) Next();
        else owner.OnDialFailed(_fault, _detail);
    }

    private void Next()
    {
        var cluster = _cluster.Cluster;
        var endpoint = Balancer.Pick(cluster, _cluster.Endpoints, _cluster.State, ref context.Chance, _tried);
        if (endpoint is null)
        {
            owner.OnDialFailed(Fault.NoEndpoint, $"cluster '{cluster.Name}' has {_cluster.Endpoints.Endpoints.Length} endpoints and none is usable");
            return;
        }
        if (_tried.Contains(endpoint.State))
        {
            owner.OnDialFailed(_fault, _detail); // there is no other
            return;
        }
        var transport = _cluster.Tls[cluster.TransportFor(endpoint)];
        if (transport.IsTls && transport.Context is null)
        {
            owner.OnDialFailed(Fault.TlsFailure, $"cluster '{cluster.Name}' needs TLS and its certificate or trust bundle has not arrived");
            return;
        }
        var announced = transport.Announces == ProxyProtocolVersions.None ? null : connection.Ends;
        var attempt = new ByteUpstream(this, context, _cluster, endpoint, transport, announced);
        if (!attempt.TryBegin())
        {
            owner.OnDialFailed(Fault.CircuitOpen, $"cluster '{cluster.Name}' has {cluster.CircuitBreakers.MaxConnections} connections, its limit max_connections");
            return;
        }
        _left--;
        _tried.Add(endpoint.State);
        _attempt = attempt;
        attempt.Start();
    }
}
