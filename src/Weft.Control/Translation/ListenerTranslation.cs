using System.Collections.Immutable;
using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Google.Protobuf.WellKnownTypes;
using Weft.Control.Model;

namespace Weft.Control.Translation;

/// <summary>A node's listeners: one per application port, one per explicit upstream, the forward proxy, and what redirected traffic comes to.</summary>
internal static class ListenerTranslation
{
    public static ImmutableArray<Listener> Of(NodeInfo node, NodeSurroundings surroundings, MeshSettings settings)
    {
        var listeners = node.Inbound.Select((inbound, i) => InboundTranslation.Of(inbound, surroundings.Inbound[i], node, settings))
            .Concat(node.Upstreams.Select((upstream, i) => OutboundTranslation.Upstream(upstream, surroundings.Upstreams[i], node, settings)));
        if (node.OutboundPort is { } port) listeners = listeners.Append(OutboundTranslation.ForwardProxy(port, node, settings));
        if (node.TransparentPort is { } transparent) listeners = listeners.Append(InterceptionTranslation.Transparent(transparent, node, settings));
        if (node.DnsPort is { } names) listeners = listeners.Append(InterceptionTranslation.Names(names, node));
        return [.. listeners.OrderBy(l => l.Name, StringComparer.Ordinal)];
    }

    /// <summary>For the application beside the proxy and nobody else: on loopback, and on that of the application's own network namespace where it has one.</summary>
    public static Listener Local(string name, int port, NodeInfo node)
    {
        var listener = new Listener { Name = name, Address = EnvoyParts.Socket("127.0.0.1", port), TrafficDirection = TrafficDirection.Outbound };
        if (node.NetworkNamespace.Length > 0) listener.Metadata = EnvoyParts.WeftMetadata((XdsNames.NetworkNamespace, Value.ForString(node.NetworkNamespace)));
        return listener;
    }
}
