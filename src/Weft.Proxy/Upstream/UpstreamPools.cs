using Weft.Proxy.Configuration;
using Weft.Proxy.Pipelines;
using Weft.Routing.Clusters;
using Weft.Routing.Protocols;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Upstream;

/// <summary>One worker's connections to upstream endpoints: a pool per endpoint, found by the endpoint's state, which outlives configuration versions.</summary>
internal sealed class UpstreamPools(WorkerContext context)
{
    private readonly Dictionary<EndpointState, EndpointPool> _pools = new(ReferenceEqualityComparer.Instance as IEqualityComparer<EndpointState>);
    private readonly List<EndpointPool> _gone = [];

    /// <summary>Finds or opens a connection. The waiter may be called before this returns.</summary>
    /// <param name="version">What the request came in, where that decides.</param>
    public void Acquire(BoundCluster cluster, Endpoint endpoint, TransportBinding transport, HttpVersion version, ConnectionRequest request)
    {
        if (transport.IsTls && transport.Context is null)
        {
            request.Waiter.OnNoConnection(Fault.TlsFailure, $"cluster '{cluster.Cluster.Name}' needs TLS and its certificate or trust bundle has not arrived");
            return;
        }
        request.Protocol = Choose(cluster.Cluster.Protocol, transport, version);
        if (!_pools.TryGetValue(endpoint.State, out var pool)) _pools[endpoint.State] = pool = new EndpointPool(context, cluster.Cluster.Name);
        pool.Acquire(cluster, endpoint, transport, request);
    }

    /// <summary>After a new configuration: connections to endpoints that left their cluster are closed as soon as they are idle.</summary>
    public void OnPublished(ProxyConfig config)
    {
        foreach (var pool in _pools.Values)
        {
            if (!pool.StillWanted(config)) _gone.Add(pool);
        }
        foreach (var pool in _gone) pool.Abandon();
        _gone.Clear();
    }

    /// <summary>Nobody will ask for this endpoint again; nothing is open to it.</summary>
    public void Forget(EndpointState endpoint)
    {
        if (_pools.TryGetValue(endpoint, out var pool) && pool.IsEmpty) _pools.Remove(endpoint);
    }

    /// <summary>Between Weft proxies, and wherever TLS can agree on a protocol, the handshake decides; only an explicit choice goes before it.</summary>
    private static UpstreamProtocol Choose(UpstreamProtocol configured, TransportBinding transport, HttpVersion version)
    {
        if (transport.IsMesh) return UpstreamProtocol.Negotiated;
        if (configured != UpstreamProtocol.Downstream) return configured;
        if (transport.IsTls) return UpstreamProtocol.Negotiated;
        return version == HttpVersion.Http2 ? UpstreamProtocol.Http2 : UpstreamProtocol.Http1;
    }
}
