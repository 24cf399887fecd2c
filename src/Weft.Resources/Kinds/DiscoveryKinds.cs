using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>discovery.k8s.io/v1 EndpointSlice: addresses behind a Service.</summary>
public sealed class EndpointSlice : ResourceObject
{
    internal EndpointSlice(JsonObject json) : base(ResourceKinds.EndpointSlice, json)
    {
        AddressType = json.Text("addressType") ?? "";
        Endpoints = json.List("endpoints", SliceEndpoint.From);
        Ports = json.List("ports", SlicePort.From);
    }

    /// <summary><c>IPv4</c>, <c>IPv6</c> or <c>FQDN</c>.</summary>
    public string AddressType { get; }

    public ImmutableArray<SliceEndpoint> Endpoints { get; }

    public ImmutableArray<SlicePort> Ports { get; }

    /// <summary>The Service it belongs to, by the label <c>kubernetes.io/service-name</c>; null when the label is absent.</summary>
    public string? ServiceName => Metadata.Labels.GetValueOrDefault("kubernetes.io/service-name");
}

/// <summary>One endpoint of a slice.</summary>
/// <param name="Addresses">Its addresses; consumers use the first.</param>
/// <param name="Ready">Whether it takes new requests; true when not told.</param>
/// <param name="Terminating">Whether it is about to go.</param>
/// <param name="Zone">Zone; empty when not told.</param>
public sealed record SliceEndpoint(ImmutableArray<string> Addresses, bool Ready, bool Terminating, string Zone)
{
    internal static SliceEndpoint From(JsonObject json)
    {
        var conditions = json.Object("conditions");
        return new SliceEndpoint(json.TextList("addresses"), conditions.Flag("ready") ?? true, conditions.Flag("terminating") ?? false, json.Text("zone") ?? "");
    }
}

/// <summary>A port that every endpoint of a slice serves; <see cref="Port"/> is null when the slice leaves it open.</summary>
public sealed record SlicePort(string Name, int? Port, string Protocol)
{
    internal static SlicePort From(JsonObject json) => new(json.Text("name") ?? "", json.Int("port"), json.Text("protocol") ?? "TCP");
}

/// <summary>coordination.k8s.io/v1 Lease: a sign of life. A Workload with an expired Lease of the same name is no endpoint.</summary>
public sealed class Lease : ResourceObject
{
    internal Lease(JsonObject json) : base(ResourceKinds.Lease, json)
    {
        var spec = json.Object("spec");
        HolderIdentity = spec.Text("holderIdentity") ?? "";
        Duration = spec.Int("leaseDurationSeconds") is { } seconds ? TimeSpan.FromSeconds(seconds) : null;
        RenewTime = spec.Time("renewTime");
    }

    public string HolderIdentity { get; }

    /// <summary>How long the lease lasts after its renewal; null when it never ends.</summary>
    public TimeSpan? Duration { get; }

    public DateTimeOffset? RenewTime { get; }

    /// <summary>When it ends unless renewed; null when it never does.</summary>
    public DateTimeOffset? Expiry => RenewTime + Duration;
}
