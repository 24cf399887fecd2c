using System.Net;
using Weft.Proxy.Configuration;
using Weft.Proxy.Pipelines;
using Weft.Routing.Clusters;

namespace Weft.Proxy.Upstream;

/// <summary>
/// One worker's endpoints of clusters of type ORIGINAL_DST: each connection goes to the address that its client wanted to reach, so endpoints come into being with their connections.
/// </summary>
/// <remarks>An address keeps its state, and with it its pool of connections, for as long as something is open to it; then it is forgotten, or a scan of all addresses there are would
/// fill the memory.</remarks>
internal sealed class OriginalDestinations(WorkerContext context)
{
    /// <summary>Envoy's default of a cluster's cleanup_interval.</summary>
    private const long SweepMs = 5000;

    private readonly Dictionary<(string Cluster, IPEndPoint Address), Endpoint> _known = [];
    private long _nextSweepMs;

    /// <summary>Addresses that are known now.</summary>
    public int Count => _known.Count;

    /// <summary><paramref name="cluster"/> for one connection: as it is, or, of type ORIGINAL_DST, with the one endpoint that the connection is meant for.</summary>
    /// <param name="destination">Null, where the connection was meant for this proxy, leaves it without an endpoint.</param>
    public BoundCluster Resolve(BoundCluster cluster, IPEndPoint? destination)
    {
        if (cluster.Cluster.Type != DiscoveryType.OriginalDestination || destination is null) return cluster;
        Sweep();
        var name = cluster.Cluster.Name;
        if (!_known.TryGetValue((name, destination), out var endpoint))
            _known[(name, destination)] = endpoint = new Endpoint { Address = destination, State = new EndpointState(destination) };
        return cluster with { Endpoints = new EndpointSet(name, [endpoint]) };
    }

    private void Sweep()
    {
        if (context.Worker.NowMs < _nextSweepMs) return;
        _nextSweepMs = context.Worker.NowMs + SweepMs;
        foreach (var (key, endpoint) in _known)
        {
            if (endpoint.State.ActiveRequests > 0 || endpoint.State.ActiveConnections > 0) continue;
            _known.Remove(key); // allowed while walking: removing moves nothing
            context.Upstream.Forget(endpoint.State);
        }
    }
}
