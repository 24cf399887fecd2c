using Weft.Proxy.Configuration;
using Weft.Proxy.Pipelines;
using Weft.Routing.Clusters;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Upstream;

/// <summary>One worker's connections to upstream endpoints: a pool per endpoint, found by the endpoint's state, which outlives configuration versions.</summary>
internal sealed class UpstreamPools(WorkerContext context)
{
    private readonly Dictionary<EndpointState, EndpointPool> _pools = new(ReferenceEqualityComparer.Instance as IEqualityComparer<EndpointState>);
    private readonly List<EndpointPool> _gone = [];

    /// <summary>Finds or opens a connection. The waiter may be called before this returns.</summary>
    public void Acquire(BoundCluster cluster, Endpoint endpoint, TransportBinding transport, IConnectionWaiter waiter)
    {
        if (transport.IsTls && transport.Context is null)
        {
            waiter.OnNoConnection(Fault.TlsFailure, $"cluster '{cluster.Cluster.Name}' needs TLS and its certificate or trust bundle has not arrived");
            return;
        }
        if (!_pools.TryGetValue(endpoint.State, out var pool)) _pools[endpoint.State] = pool = new EndpointPool(context, cluster.Cluster.Name);
        pool.Acquire(cluster, endpoint, transport, waiter);
    }

    /// <summary>Forgets <paramref name="waiter"/>, whose request has ended otherwise.</summary>
    public void StopWaiting(IConnectionWaiter waiter)
    {
        foreach (var pool in _pools.Values)
        {
            if (pool.StopWaiting(waiter)) return;
        }
    }

    /// <summary>After a new configuration: connections to endpoints that left their cluster are closed as soon as they are idle.</summary>
    public void OnPublished(ProxyConfig config)
    {
        foreach (var pool in _pools.Values)
        {
            if (!pool.StillWanted(config)) _gone.Add(pool);
        }
        foreach (var pool in _gone)
        {
            pool.Retire();
            if (pool.IsEmpty) _pools.Remove(pool.Endpoint);
        }
        _gone.Clear();
    }

    public void CloseIdle()
    {
        foreach (var pool in _pools.Values) pool.Retire();
    }
}
