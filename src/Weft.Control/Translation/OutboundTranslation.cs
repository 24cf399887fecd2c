using System.Collections.Immutable;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Listener.TlsInspector.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Weft.Control.Model;
using Weft.Resources;
using Filter = Envoy.Config.Listener.V3.Filter;

namespace Weft.Control.Translation;

/// <summary>The listeners that an application calls knowingly: a port for each explicit upstream, and the forward proxy.</summary>
internal static class OutboundTranslation
{
    /// <summary>Removed from names before their labels are counted.</summary>
    public static readonly ImmutableArray<string> DomainSuffixes = ["svc.cluster.local", "svc"];

    /// <summary>How long a request or connection waits, the first time, for what it is about.</summary>
    public static readonly TimeSpan LookupTimeout = TimeSpan.FromSeconds(2);

    /// <summary>What a denial names: the object that says it, for people.</summary>
    public const string EgressPolicy = "Mesh default";

    public static Listener Upstream(UpstreamPort upstream, UpstreamTarget target, NodeInfo node, MeshSettings settings)
    {
        var listener = ListenerTranslation.Local(XdsNames.Upstream(upstream.Port), upstream.Port, node);
        var requests = HttpTranslation.Manager(listener.Name, settings.Defaults);
        requests.Rds = new Rds { ConfigSource = EnvoyParts.FromAds, RouteConfigName = upstream.Target.ToString() };
        if (!node.TakesBytes || target.Port is not { CarriesBytes: true } port)
        {
            listener.FilterChains.Add(new FilterChain { Filters = { HttpTranslation.AsFilter(requests) } });
            return listener;
        }
        var rules = ByteRules.Of(target.Connections, node);
        listener.FilterChains.Add(rules.ServerNames.GroupBy(n => n.Route).Select(r => ByName(r.Key, r.Select(n => n.Name), listener.Name, settings)));
        if (listener.FilterChains.Count > 0) listener.ListenerFilters.Add(new ListenerFilter { Name = "envoy.filters.listener.tls_inspector", TypedConfig = EnvoyParts.Pack(new TlsInspector()) });
        if (!rules.RefusesOthers)
        {
            var bytes = ByteTranslation.Proxy(listener.Name, ByteTranslation.Shares(port, rules.Any), settings.Defaults);
            listener.FilterChains.Add(new FilterChain { Filters = { port.CarriesHttp ? DetectTranslation.Either(bytes, requests) : [bytes] } });
        }
        else if (port.CarriesHttp)
        {
            listener.FilterChains.Add(new FilterChain { FilterChainMatch = new FilterChainMatch { TransportProtocol = "raw_buffer" }, Filters = { HttpTranslation.AsFilter(requests) } });
        }
        return listener;
    }

    /// <summary>The chain of a TLSRoute: TLS passes through, and the server name that it asks for decides where to.</summary>
    private static FilterChain ByName(MeshConnectionRoute route, IEnumerable<string> names, string listener, MeshSettings settings) => new()
    {
        Name = route.Name,
        FilterChainMatch = new FilterChainMatch { TransportProtocol = "tls", ServerNames = { names } },
        Filters = { ByteTranslation.Proxy(listener, ByteTranslation.Shares(route), settings.Defaults) },
    };

    public static Listener ForwardProxy(int port, NodeInfo node, MeshSettings settings)
    {
        var manager = HttpTranslation.Manager(XdsNames.OutboundListener, settings.Defaults);
        // The forward proxy chooses a RouteConfiguration per request; a manager needs one of its own all the same.
        manager.RouteConfig = new RouteConfiguration { Name = XdsNames.OutboundListener };
        var forward = new Weft.V1.ForwardProxy
        {
            DefaultNamespace = node.Namespace, DomainSuffixes = { DomainSuffixes }, LookupTimeout = EnvoyParts.Time(LookupTimeout),
        };
        if (settings.Egress == EgressMode.Deny) (forward.Egress, forward.Policy) = (Weft.V1.Egress.Deny, EgressPolicy);
        manager.HttpFilters.Insert(0, new HttpFilter { Name = "weft.v1.forward_proxy", TypedConfig = EnvoyParts.Pack(forward) });
        var listener = ListenerTranslation.Local(XdsNames.OutboundListener, port, node);
        listener.FilterChains.Add(new FilterChain { Filters = { HttpTranslation.AsFilter(manager) } });
        return listener;
    }
}
