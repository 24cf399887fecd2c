using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Control.Model;

/// <summary>One address that serves a service's port.</summary>
public sealed record MeshEndpoint
{
    /// <summary>IP address.</summary>
    public required string Address { get; init; }

    /// <summary>The sidecar's port when there is a sidecar, else the application's.</summary>
    public required int Port { get; init; }

    /// <summary>1 to 10,000.</summary>
    public int Weight { get; init; } = 1;

    /// <summary>True when a sidecar takes the connection: mutual TLS, and <see cref="Identity"/> is expected of it.</summary>
    public bool HasSidecar { get; init; }

    /// <summary>SPIFFE ID; empty when none is known (an EndpointSlice names addresses only).</summary>
    public string Identity { get; init; } = "";

    /// <summary><c>namespace/name</c> of the Workload; empty when none is known.</summary>
    public string Workload { get; init; } = "";

    /// <summary><c>namespace/name</c> of the service that the Workload says it is (label <c>app.kubernetes.io/name</c>, else <c>app</c>); empty when it does not say.
    /// Whatever Service a caller reached it by (catalog, catalog-v1), numbers of both sides of a call are kept under this one name.</summary>
    public string Service { get; init; } = "";

    public string Version { get; init; } = "";

    public string Region { get; init; } = "";

    public string Zone { get; init; } = "";
}

/// <summary>Where one service's port is.</summary>
/// <param name="Port">The port.</param>
/// <param name="Endpoints">Endpoints that take requests, sorted by locality, then address and port; each address and port once.</param>
/// <param name="Sources">The workloads and slices that they come from, and those that were looked at in vain.</param>
/// <param name="PublishNotReady">Whether the Service counts endpoints before they are ready.</param>
public sealed record MeshEndpoints(MeshServicePort Port, ImmutableArray<MeshEndpoint> Endpoints, EndpointSources Sources, bool PublishNotReady);

/// <summary>What the endpoints of one port were made of.</summary>
/// <param name="Workloads">Workloads that the Service selects, by key.</param>
/// <param name="Slices">Slices that name the Service, by key.</param>
public sealed record EndpointSources(ImmutableArray<MeshWorkload> Workloads, ImmutableArray<EndpointSlice> Slices)
{
    /// <summary>True when both hold the same instances.</summary>
    public bool Same(EndpointSources other) =>
        Workloads.AsSpan().SequenceEqual(other.Workloads.AsSpan(), ReferenceComparer<MeshWorkload>.Instance)
        && Slices.AsSpan().SequenceEqual(other.Slices.AsSpan(), ReferenceComparer<EndpointSlice>.Instance);
}
