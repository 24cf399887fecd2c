using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>v1 Namespace: a room for names.</summary>
public sealed class Namespace : ResourceObject
{
    internal Namespace(JsonObject json) : base(ResourceKinds.Namespace, json)
    {
    }
}

/// <summary>v1 ServiceAccount: an identity that workloads run under.</summary>
public sealed class ServiceAccount : ResourceObject
{
    internal ServiceAccount(JsonObject json) : base(ResourceKinds.ServiceAccount, json)
    {
    }
}

/// <summary>v1 Service: a name that others call, its ports, and which workloads answer.</summary>
public sealed class Service : ResourceObject
{
    /// <summary>The address of a Service that has none (<c>spec.clusterIP: None</c>).</summary>
    public const string None = "None";

    internal Service(JsonObject json) : base(ResourceKinds.Service, json)
    {
        var spec = json.Object("spec");
        Selector = spec.TextMap("selector");
        Ports = spec.List("ports", ServicePort.From);
        IsExternalName = spec.Text("type") == "ExternalName";
        PublishNotReadyAddresses = spec.Flag("publishNotReadyAddresses") ?? false;
        var addresses = spec.TextList("clusterIPs");
        if (addresses.IsEmpty && spec.Text("clusterIP") is { Length: > 0 } only) addresses = [only];
        IsHeadless = addresses.Contains(None);
        VirtualAddresses = [.. addresses.Where(a => a is not ("" or None))];
    }

    /// <summary>Labels that a workload must have to be an endpoint. Empty selects nothing: the Service lives by EndpointSlices.</summary>
    public ImmutableSortedDictionary<string, string> Selector { get; }

    public ImmutableArray<ServicePort> Ports { get; }

    /// <summary>True for a mere alias of a host outside the mesh.</summary>
    public bool IsExternalName { get; }

    public bool PublishNotReadyAddresses { get; }

    /// <summary>Addresses that stand for the Service (<c>spec.clusterIPs</c>), the first of each family that it has; empty for a headless Service, and until the store has given some.</summary>
    public ImmutableArray<string> VirtualAddresses { get; }

    /// <summary>True for <c>clusterIP: None</c>: its name means its endpoints.</summary>
    public bool IsHeadless { get; }
}

/// <summary>A port that clients call.</summary>
/// <param name="Name">Name, unique in the Service; empty when it has one port without name.</param>
/// <param name="Port">Number that clients call, 1 to 65535.</param>
/// <param name="TargetPort">Port of the workload; <see cref="Port"/> when not written.</param>
/// <param name="Protocol"><c>TCP</c>, <c>UDP</c> or <c>SCTP</c>.</param>
/// <param name="AppProtocol">Application protocol; empty when not told.</param>
public sealed record ServicePort(string Name, int Port, PortTarget TargetPort, string Protocol, string AppProtocol)
{
    internal static ServicePort From(JsonObject json)
    {
        var port = json.Int("port")!.Value;
        return new ServicePort(json.Text("name") ?? "", port, PortTarget.From(json["targetPort"]) ?? new PortTarget(port, ""), json.Text("protocol") ?? "TCP", json.Text("appProtocol") ?? "");
    }
}

/// <summary>A port of a workload, by number or by name; exactly one is set (<see cref="Number"/> is 0 for a name).</summary>
public readonly record struct PortTarget(int Number, string Name)
{
    public bool IsName => Name.Length > 0;

    public override string ToString() => IsName ? Name : Number.ToString(CultureInfo.InvariantCulture);

    internal static PortTarget? From(JsonNode? node) => node switch
    {
        JsonValue value when value.GetValueKind() == JsonValueKind.String => new PortTarget(0, value.GetValue<string>()),
        JsonValue value => new PortTarget(checked((int)JsonAccess.AsLong(value)), ""),
        _ => null,
    };
}
