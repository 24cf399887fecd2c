using System.Collections.Immutable;
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

    private readonly Dictionary<(string Cluster, IPEndPoint Address), EndpointState> _known = [];
    private long _nextSweepMs;

    /// <summary>Addresses that are known now.</summary>
    public int Count => _known.Count;

    /// <summary><paramref name="cluster"/> for one connection: as it is, or, of type ORIGINAL_DST, with the one endpoint that the connection is meant for.</summary>
    /// <param name="destination">Null, where the connection was meant for this proxy, leaves it without an endpoint.</param>
    public BoundCluster Resolve(BoundCluster cluster, IPEndPoint? destination)
    {
        if (cluster.Cluster.Type != DiscoveryType.OriginalDestination || destination is null) return cluster;
        return With(cluster, destination, []);
    }

    /// <summary><paramref name="cluster"/> with one endpoint, whose addresses race (RFC 8305).</summary>
    /// <param name="addresses">At least one.</param>
    public BoundCluster Resolve(BoundCluster cluster, ReadOnlySpan<IPAddress> addresses, int port)
    {
        var others = ImmutableArray.CreateBuilder<IPEndPoint>(addresses.Length - 1);
        foreach (var address in addresses[1..]) others.Add(new IPEndPoint(address, port));
        return With(cluster, new IPEndPoint(addresses[0], port), others.MoveToImmutable());
    }

    private BoundCluster With(BoundCluster cluster, IPEndPoint address, ImmutableArray<IPEndPoint> others)
    {
        Sweep();
        var name = cluster.Cluster.Name;
        if (!_known.TryGetValue((name, address), out var state)) _known[(name, address)] = state = new EndpointState(address);
        return cluster with { Endpoints = new EndpointSet(name, [new Endpoint { Address = address, AdditionalAddresses = others, State = state }]) };
    }

    private void Sweep()
    {
        if (context.Worker.NowMs < _nextSweepMs) return;
        _nextSweepMs = context.Worker.NowMs + SweepMs;
        foreach (var (key, state) in _known)
        {
            if (state.ActiveRequests > 0 || state.ActiveConnections > 0) continue;
            _known.Remove(key); // allowed while walking: removing moves nothing
            context.Upstream.Forget(state);
        }
    }
}
