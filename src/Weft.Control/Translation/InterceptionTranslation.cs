using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Listener.OriginalDst.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Filters.Udp.DnsFilter.V3;
using Weft.Control.Model;
using Weft.Resources;

namespace Weft.Control.Translation;

/// <summary>The listeners that an application's traffic is redirected to, whether it knows of them or not: its connections, and its questions for names.</summary>
internal static class InterceptionTranslation
{
    /// <summary>Connections, each to where it was meant to go: a virtual address is a service's, anything else is outside of the mesh.</summary>
    public static Listener Transparent(int port, NodeInfo node, MeshSettings settings)
    {
        var manager = HttpTranslation.Manager(XdsNames.TransparentListener, settings.Defaults);
        // The destination chooses a RouteConfiguration per connection; a manager needs one of its own all the same.
        manager.RouteConfig = new RouteConfiguration { Name = XdsNames.TransparentListener };
        var transparent = new Weft.V1.Transparent { LookupTimeout = EnvoyParts.Time(OutboundTranslation.LookupTimeout) };
        var ranges = settings.Source?.VirtualAddresses ?? VirtualAddressRanges.Default;
        transparent.VirtualAddresses.Add([EnvoyParts.Range(ranges.Ipv4), EnvoyParts.Range(ranges.Ipv6)]);
        if (settings.Egress == EgressMode.Deny) (transparent.Egress, transparent.Policy) = (Weft.V1.Egress.Deny, OutboundTranslation.EgressPolicy);
        manager.HttpFilters.Insert(0, new HttpFilter { Name = "weft.v1.transparent", TypedConfig = EnvoyParts.Pack(transparent) });
        var listener = OnBothLoopbacks(XdsNames.TransparentListener, port, node);
        listener.ListenerFilters.Add(new ListenerFilter { Name = "envoy.filters.listener.original_dst", TypedConfig = EnvoyParts.Pack(new OriginalDst()) });
        listener.FilterChains.Add(new FilterChain { Filters = { HttpTranslation.AsFilter(manager) } });
        return listener;
    }

    /// <summary>Questions for names, by UDP and TCP: services of the mesh are answered for, the rest goes on to the machine's resolvers.</summary>
    public static Listener Names(int port, NodeInfo node)
    {
        var mesh = new Weft.V1.MeshNames { DefaultNamespace = node.Namespace, DomainSuffixes = { OutboundTranslation.DomainSuffixes } };
        // What Kubernetes has a pod's resolver append, before it asks for a name as it was written; elsewhere nobody asks for such names.
        mesh.SearchDomains.Add([$"{node.Namespace}.svc.cluster.local", "svc.cluster.local", "cluster.local"]);
        var others = new DnsFilterConfig { StatPrefix = XdsNames.NamesListener, ClientConfig = new DnsFilterConfig.Types.ClientContextConfig { MaxPendingLookups = 1024 } };
        var listener = OnBothLoopbacks(XdsNames.NamesListener, port, node);
        listener.Address.SocketAddress.Protocol = SocketAddress.Types.Protocol.Udp;
        listener.UdpListenerConfig = new UdpListenerConfig();
        listener.ListenerFilters.Add(new ListenerFilter { Name = "weft.v1.mesh_names", TypedConfig = EnvoyParts.Pack(mesh) });
        listener.ListenerFilters.Add(new ListenerFilter { Name = "envoy.filters.udp.dns_filter", TypedConfig = EnvoyParts.Pack(others) });
        return listener;
    }

    private static Listener OnBothLoopbacks(string name, int port, NodeInfo node)
    {
        var listener = ListenerTranslation.Local(name, port, node);
        listener.AdditionalAddresses.Add(new AdditionalAddress { Address = EnvoyParts.Socket("::1", port) });
        return listener;
    }
}
