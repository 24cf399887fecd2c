using System.Collections.Immutable;
using Weft.Control.Model;
using Weft.Resources;

namespace Weft.Control.Translation;

/// <summary>What comes in at an application's port.</summary>
/// <param name="Http">Requests, as far as anybody has said.</param>
/// <param name="Bytes">Bytes, as far as anybody has said.</param>
internal readonly record struct InboundKinds(bool Http, bool Bytes)
{
    /// <summary>What the ports of Services carry that lead there; anything where none does, or none says.</summary>
    public static InboundKinds Of(MeshModel model, NodeInfo node, InboundPort inbound)
    {
        var workload = new ResourceKey(ResourceKinds.Workload.Group, ResourceKinds.Workload.Kind, node.Namespace, node.Workload);
        var (http, bytes) = (false, false);
        foreach (var port in model.PortsTo(workload, inbound.Name, inbound.Port))
        {
            http |= port.CarriesHttp;
            bytes |= port.CarriesBytes;
        }
        return http || bytes ? new InboundKinds(http, bytes) : new InboundKinds(true, true);
    }
}

/// <summary>What an explicit upstream leads to.</summary>
/// <param name="Port">The port; null when there is none of that name.</param>
/// <param name="Connections">Its routes of connections; null without any.</param>
internal readonly record struct UpstreamTarget(MeshServicePort? Port, MeshConnectionTable? Connections);

/// <summary>The parts of the mesh that a node's listeners are made of, beside what the node says of itself and the settings of the mesh.</summary>
/// <param name="Inbound">One for each inbound port, in its order.</param>
/// <param name="Upstreams">One for each explicit upstream, in its order.</param>
internal sealed record NodeSurroundings(ImmutableArray<InboundKinds> Inbound, ImmutableArray<UpstreamTarget> Upstreams)
{
    public static NodeSurroundings Of(MeshModel model, NodeInfo node) => new(
        [.. node.Inbound.Select(i => node.TakesBytes ? InboundKinds.Of(model, node, i) : new InboundKinds(Http: true, Bytes: false))],
        [.. node.Upstreams.Select(u => model.FindCalledPort(u.Target) is { } port ? new UpstreamTarget(port, model.ConnectionTables.GetValueOrDefault(port.Key)) : default)]);

    /// <summary>True when listeners made of both are equal.</summary>
    public bool Same(NodeSurroundings other) => Inbound.AsSpan().SequenceEqual(other.Inbound.AsSpan())
        && Upstreams.Length == other.Upstreams.Length
        && Upstreams.Zip(other.Upstreams).All(p => ReferenceEquals(p.First.Port, p.Second.Port) && ReferenceEquals(p.First.Connections, p.Second.Connections));
}
