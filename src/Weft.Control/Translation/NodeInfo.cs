using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
using Weft.Control.Model;

namespace Weft.Control.Translation;

/// <summary>A port of the application and where the sidecar takes mesh traffic for it.</summary>
public readonly record struct InboundPort(string Name, int Port, int Listen);

/// <summary>A local port that leads to one service.</summary>
public readonly record struct UpstreamPort(int Port, ServicePortKey Target);

/// <summary>What a proxy says of itself when it opens its stream (node metadata <c>weft.dev</c>). Equal content is equal.</summary>
public sealed record NodeInfo
{
    /// <summary><c>workload.namespace</c>.</summary>
    public required string Id { get; init; }

    public required string Workload { get; init; }

    public required string Namespace { get; init; }

    public required string ServiceAccount { get; init; }

    /// <summary>Name of its service; may be empty.</summary>
    public string Service { get; init; } = "";

    public string Version { get; init; } = "";

    /// <summary>Address that others reach it at.</summary>
    public required IPAddress Address { get; init; }

    public ImmutableArray<InboundPort> Inbound { get; init; } = [];

    /// <summary>Loopback port of the forward proxy; null for none.</summary>
    public int? OutboundPort { get; init; }

    public ImmutableArray<UpstreamPort> Upstreams { get; init; } = [];

    public int? AdminPort { get; init; }

    /// <summary>It passes bytes on: <c>connect_matcher</c>, the TCP proxy, detection, ALPN <c>weft-tcp</c>. One that does not gets requests alone, as before there were others.</summary>
    public bool TakesBytes { get; init; }

    /// <summary>Path of the application's network namespace; empty: the machine's, where the proxy itself is.</summary>
    public string NetworkNamespace { get; init; } = "";

    /// <summary>Where redirected connections of the application come in; null when nothing is redirected.</summary>
    public int? TransparentPort { get; init; }

    /// <summary>Where its questions for names come in, by UDP and TCP; null when they go elsewhere.</summary>
    public int? DnsPort { get; init; }

    /// <summary>Reads a node; false with a reason for one that Weft cannot configure. Fields of <c>weft.dev</c> that are not known are a newer proxy's
    /// and are ignored.</summary>
    public static bool TryRead(Node node, [NotNullWhen(true)] out NodeInfo? info, [NotNullWhen(false)] out string? error)
    {
        info = null;
        error = null;
        try
        {
            info = Read(node);
            return true;
        }
        catch (NodeException e)
        {
            error = $"node \"{node.Id}\": {e.Message}";
            return false;
        }
    }

    public bool Equals(NodeInfo? other) =>
        other is not null && Id == other.Id && ServiceAccount == other.ServiceAccount && Service == other.Service && Version == other.Version
        && Address.Equals(other.Address) && OutboundPort == other.OutboundPort && AdminPort == other.AdminPort
        && TakesBytes == other.TakesBytes && NetworkNamespace == other.NetworkNamespace && TransparentPort == other.TransparentPort && DnsPort == other.DnsPort
        && Inbound.AsSpan().SequenceEqual(other.Inbound.AsSpan()) && Upstreams.AsSpan().SequenceEqual(other.Upstreams.AsSpan());

    public override int GetHashCode() => HashCode.Combine(Id, ServiceAccount, Service, Version);

    private static NodeInfo Read(Node node)
    {
        if (!node.ClientFeatures.Contains(XdsNames.ClientFeature))
            throw new NodeException($"client feature {XdsNames.ClientFeature} is missing: this version configures Weft proxies only");
        if (node.Metadata?.Fields.GetValueOrDefault(XdsNames.Metadata)?.StructValue is not { } weft)
            throw new NodeException($"metadata {XdsNames.Metadata} is missing");
        var fields = new NodeFields(weft, XdsNames.Metadata);
        var info = new NodeInfo
        {
            Id = node.Id,
            Workload = fields.Text("workload"),
            Namespace = fields.Text("namespace"),
            ServiceAccount = fields.OptionalText("serviceAccount") is { Length: > 0 } account ? account : "default",
            Service = fields.OptionalText("service"),
            Version = fields.OptionalText("version"),
            Address = IPAddress.TryParse(fields.Text("address"), out var address) ? address : throw new NodeException($"{XdsNames.Metadata}.address is no IP address"),
            Inbound = [.. fields.List("inbound").Select(f => new InboundPort(f.OptionalText("name"), f.Port("port"), f.Port("listen")))],
            OutboundPort = fields.OptionalPort("outboundPort"),
            Upstreams = [.. fields.List("upstreams").Select(Upstream)],
            AdminPort = fields.OptionalPort("adminPort"),
            TakesBytes = node.ClientFeatures.Contains(XdsNames.BytesFeature),
            NetworkNamespace = fields.OptionalText("networkNamespace"),
            TransparentPort = fields.OptionalPort("transparentPort"),
            DnsPort = fields.OptionalPort("dnsPort"),
        };
        // The certificate is issued for a workload's identity, and the caller of this compares it with the ID.
        if (node.Id != $"{info.Workload}.{info.Namespace}") throw new NodeException($"the ID must be workload.namespace, here {info.Workload}.{info.Namespace}");
        RequireDifferent(info.Inbound.Select(i => i.Port), "inbound[].port");
        int?[] others = [info.OutboundPort, info.TransparentPort, info.DnsPort];
        RequireDifferent(
            info.Inbound.Select(i => i.Listen).Concat(info.Upstreams.Select(u => u.Port)).Concat(others.OfType<int>()),
            "inbound[].listen, upstreams[].port, outboundPort, transparentPort and dnsPort");
        return info;
    }

    private static UpstreamPort Upstream(NodeFields fields)
    {
        var target = fields.Text("target");
        return ServicePortKey.TryParse(target, out var key)
            ? new UpstreamPort(fields.Port("port"), key)
            : throw new NodeException($"upstream target \"{target}\" is not service.namespace:port");
    }

    private static void RequireDifferent(IEnumerable<int> ports, string what)
    {
        var seen = new HashSet<int>();
        foreach (var port in ports)
            if (!seen.Add(port)) throw new NodeException($"port {port} stands twice among {what}");
    }

    private sealed class NodeException(string message) : Exception(message);

    /// <summary>Typed reading of a Struct; every mistake names its field.</summary>
    private readonly struct NodeFields(Struct source, string path)
    {
        public string Text(string name) => OptionalText(name) is { Length: > 0 } text ? text : throw new NodeException($"{path}.{name} is missing");

        public string OptionalText(string name) => Value(name) switch
        {
            null => "",
            { KindCase: Google.Protobuf.WellKnownTypes.Value.KindOneofCase.StringValue } value => value.StringValue,
            _ => throw new NodeException($"{path}.{name} is no text"),
        };

        public int Port(string name) => OptionalPort(name) ?? throw new NodeException($"{path}.{name} is missing");

        public int? OptionalPort(string name) => Value(name) switch
        {
            null => null,
            { KindCase: Google.Protobuf.WellKnownTypes.Value.KindOneofCase.NumberValue, NumberValue: >= 1 and <= 65535 } value when value.NumberValue == Math.Floor(value.NumberValue) => (int)value.NumberValue,
            _ => throw new NodeException($"{path}.{name} is no port (1 to 65535)"),
        };

        public IEnumerable<NodeFields> List(string name)
        {
            var field = $"{path}.{name}";
            return Value(name) switch
            {
                null => [],
                { KindCase: Google.Protobuf.WellKnownTypes.Value.KindOneofCase.ListValue } value => value.ListValue.Values.Select((v, i) =>
                    v.StructValue is { } item ? new NodeFields(item, $"{field}[{i}]") : throw new NodeException($"{field}[{i}] is no object")),
                _ => throw new NodeException($"{field} is no list"),
            };
        }

        private Value? Value(string name) => source.Fields.GetValueOrDefault(name) is { KindCase: not Google.Protobuf.WellKnownTypes.Value.KindOneofCase.NullValue } value ? value : null;
    }
}
