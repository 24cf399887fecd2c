using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Listener.OriginalDst.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Weft.Control.Model;
using Weft.Resources;

namespace Weft.Control.Translation;

/// <summary>The listeners that an application's traffic is redirected to, whether it knows of them or not.</summary>
internal static class InterceptionTranslation
{
    /// <summary>Connections, each to where it was meant to go: a virtual address is a service's, anything else is outside of the mesh.</summary>
    public static Listener Transparent(int port, NodeInfo node, MeshSettings settings)
    {
        var manager = HttpTranslation.Manager(XdsNames.TransparentListener, settings.Defaults);
        // The destination chooses a RouteConfiguration per connection; a manager needs one of its own all the same.
        manager.RouteConfig = new RouteConfiguration { Name = XdsNames.TransparentListener };
        var transparent = new Weft.V1.Transparent { LookupTimeout = EnvoyParts.Time(OutboundTranslation.LookupTimeout) };
        if (settings.Egress == EgressMode.Deny) (transparent.Egress, transparent.Policy) = (Weft.V1.Egress.Deny, OutboundTranslation.EgressPolicy);
        manager.HttpFilters.Insert(0, new HttpFilter { Name = "weft.v1.transparent", TypedConfig = EnvoyParts.Pack(transparent) });
        var listener = OnBothLoopbacks(XdsNames.TransparentListener, port, node);
        listener.ListenerFilters.Add(new ListenerFilter { Name = "envoy.filters.listener.original_dst", TypedConfig = EnvoyParts.Pack(new OriginalDst()) });
        listener.FilterChains.Add(new FilterChain { Filters = { HttpTranslation.AsFilter(manager) } });
        return listener;
    }

    private static Listener OnBothLoopbacks(string name, int port, NodeInfo node)
    {
        var listener = ListenerTranslation.Local(name, port, node);
        listener.AdditionalAddresses.Add(new AdditionalAddress { Address = EnvoyParts.Socket("::1", port) });
        return listener;
    }
}
