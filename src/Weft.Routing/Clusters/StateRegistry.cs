using System.Net;

namespace Weft.Routing.Clusters;

/// <summary>
/// Finds the state of clusters and endpoints again when their configuration is replaced. Used while compiling, never by requests: they reach
/// the state through <see cref="Endpoint.State"/> and the cluster's entry.
/// </summary>
public sealed class StateRegistry
{
    private readonly Lock _lock = new(); // guards both maps
    private readonly Dictionary<string, ClusterState> _clusters = [];
    private readonly Dictionary<(string Assignment, IPEndPoint Address), EndpointState> _endpoints = [];

    public ClusterState Cluster(string name)
    {
        lock (_lock)
        {
            if (!_clusters.TryGetValue(name, out var state)) _clusters[name] = state = new ClusterState(name);
            return state;
        }
    }

    /// <summary>The state of an address within one endpoint assignment.</summary>
    public EndpointState Endpoint(string assignment, IPEndPoint address)
    {
        lock (_lock)
        {
            if (!_endpoints.TryGetValue((assignment, address), out var state))
                _endpoints[(assignment, address)] = state = new EndpointState(address);
            return state;
        }
    }

    /// <summary>Forgets the addresses of <paramref name="previous"/> that <paramref name="next"/> (null: nothing) no longer has and that have
    /// nothing in flight. One with requests in flight is kept, so that its count is right should it come back.</summary>
    public void Forget(EndpointSet previous, EndpointSet? next)
    {
        lock (_lock)
        {
            foreach (var endpoint in previous.Endpoints)
            {
                if (endpoint.State.ActiveRequests > 0) continue;
                if (next is not null && Holds(next, endpoint.State)) continue;
                _endpoints.Remove((previous.Name, endpoint.Address));
            }
        }
    }

    private static bool Holds(EndpointSet set, EndpointState state)
    {
        foreach (var endpoint in set.Endpoints)
        {
            if (ReferenceEquals(endpoint.State, state)) return true;
        }
        return false;
    }

    /// <summary>Forgets a cluster that is gone, unless something of it is still in flight.</summary>
    public void ForgetCluster(string name)
    {
        lock (_lock)
        {
            if (_clusters.TryGetValue(name, out var state) && state.Idle) _clusters.Remove(name);
        }
    }
}
