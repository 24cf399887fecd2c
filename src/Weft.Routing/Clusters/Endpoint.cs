using System.Collections.Immutable;
using System.Net;

namespace Weft.Routing.Clusters;

/// <summary>One address that serves a cluster. Immutable, and the same object across versions while its content is the same.</summary>
public sealed class Endpoint
{
    public required IPEndPoint Address { get; init; }

    /// <summary>Other addresses of the same endpoint, in the order in which they are tried after <see cref="Address"/> (RFC 8305).</summary>
    public ImmutableArray<IPEndPoint> AdditionalAddresses { get; init; } = [];

    /// <summary>Share of the load relative to the other endpoints of its priority; at least 1, default 1.</summary>
    public uint Weight { get; init; } = 1;

    public EndpointHealth Health { get; init; }

    /// <summary>0 is the most wanted.</summary>
    public int Priority { get; init; }

    /// <summary>The identity that the endpoint must prove (metadata weft.dev); empty when none is expected.</summary>
    public string SpiffeId { get; init; } = "";

    /// <summary><c>namespace/name</c> of its Workload (metadata weft.dev); may be empty.</summary>
    public string Workload { get; init; } = "";

    /// <summary><c>namespace/name</c> of the service that its Workload says it is (metadata weft.dev); may be empty.</summary>
    public string Service { get; init; } = "";

    /// <summary>Version of its Workload (metadata weft.dev); may be empty.</summary>
    public string Version { get; init; } = "";

    /// <summary>Its <c>envoy.transport_socket_match</c> metadata.</summary>
    public MatchLabels TransportMatch { get; init; } = MatchLabels.Empty;

    public string Region { get; init; } = "";

    public string Zone { get; init; } = "";

    /// <summary>What lives across versions: shared by every <see cref="Endpoint"/> of this assignment and address.</summary>
    public required EndpointState State { get; init; }

    /// <summary>True when <paramref name="other"/> says the same of the same address.</summary>
    public bool SameAs(Endpoint other) =>
        Weight == other.Weight && Health == other.Health && Priority == other.Priority && Address.Equals(other.Address)
        && SpiffeId == other.SpiffeId && Workload == other.Workload && Service == other.Service && Version == other.Version
        && Region == other.Region && Zone == other.Zone && TransportMatch.Equals(other.TransportMatch) && ReferenceEquals(State, other.State)
        && AdditionalAddresses.AsSpan().SequenceEqual(other.AdditionalAddresses.AsSpan());

    public override string ToString() => Address.ToString();
}

/// <summary>What the control plane says of an endpoint (envoy.config.core.v3.HealthStatus).</summary>
public enum EndpointHealth : byte
{
    /// <summary>Nothing was said: counts as healthy.</summary>
    Unknown,
    Healthy,
    Unhealthy,
    Draining,
    Timeout,
    Degraded,
}
