using Weft.Proxy.Configuration;
using Weft.Routing.Clusters;
using Weft.Routing.Headers;
using Weft.Routing.Routes;
using Weft.Routing.Tcp;

namespace Weft.Proxy.Interception;

/// <summary>Where connections go whose destination is outside of the mesh: on, untouched, to the address that their clients wanted.</summary>
internal static class Passthrough
{
    /// <summary>The destination's name on metrics and records.</summary>
    public const string Name = "passthrough";

    public static ByteRoute Route { get; } = new() { Name = Name, Clusters = [new ByteCluster(Name, 1)], TotalWeight = 1 };

    public static ForwardAction Action { get; } = new()
    {
        Clusters = [new WeightedCluster(Name, 1, HeaderMutations.None, HeaderMutations.None)],
        TotalWeight = 1,
        Timeout = Timeout.InfiniteTimeSpan,
    };

    /// <summary>Without limits of its own: without the proxy there would be none, and the accepted connections are limited.</summary>
    public static BoundCluster Cluster { get; } = new(
        new Cluster
        {
            Name = Name,
            Service = Name,
            Type = DiscoveryType.OriginalDestination,
            Transports = [new TransportSocket("default", MatchLabels.Empty, null)],
            CircuitBreakers = new CircuitBreakerLimits(int.MaxValue, int.MaxValue, int.MaxValue, 0),
        },
        EndpointSet.Empty(Name), new ClusterState(Name), [TransportBinding.Plaintext]);
}
