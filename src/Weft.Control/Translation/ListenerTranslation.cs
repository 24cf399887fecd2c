using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Listener.TlsInspector.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Weft.Control.Model;
using Weft.Resources;
using Duration = Google.Protobuf.WellKnownTypes.Duration;

namespace Weft.Control.Translation;

/// <summary>A node's listeners: one per application port, one per explicit upstream, and the forward proxy.</summary>
internal static class ListenerTranslation
{
    /// <summary>Removed from names before their labels are counted.</summary>
    private static readonly string[] DomainSuffixes = ["svc.cluster.local", "svc"];

    public static ImmutableArray<Listener> Of(NodeInfo node, MeshSettings settings)
    {
        var listeners = node.Inbound.Select(i => Inbound(i, node, settings)).Concat(node.Upstreams.Select(u => Upstream(u, settings)));
        if (node.OutboundPort is { } port) listeners = listeners.Append(Outbound(port, node, settings));
        return [.. listeners.OrderBy(l => l.Name, StringComparer.Ordinal)];
    }

    private static Listener Inbound(InboundPort port, NodeInfo node, MeshSettings settings)
    {
        var name = XdsNames.Inbound(port.Port);
        var listener = new Listener
        {
            Name = name,
            Address = EnvoyParts.Socket(BindAddress(node.Address), port.Listen),
            TrafficDirection = TrafficDirection.Inbound,
            ListenerFilters = { new ListenerFilter { Name = "envoy.filters.listener.tls_inspector", TypedConfig = EnvoyParts.Pack(new TlsInspector()) } },
            FilterChains =
            {
                new FilterChain
                {
                    Name = "mtls",
                    FilterChainMatch = new FilterChainMatch { TransportProtocol = "tls", ApplicationProtocols = { XdsNames.MeshAlpn(settings.Protocol) } },
                    TransportSocket = TlsTranslation.Downstream(settings),
                    Filters = { HttpTranslation.AsFilter(MeshManager(name, settings.Defaults)) },
                },
            },
        };
        if (settings.Mtls == MtlsMode.Permissive)
        {
            listener.FilterChains.Add(new FilterChain
            {
                Name = "plaintext",
                FilterChainMatch = new FilterChainMatch { TransportProtocol = "raw_buffer" },
                Filters = { HttpTranslation.AsFilter(InboundManager(name, settings.Defaults)) },
            });
        }
        return listener;
    }

    /// <summary>The application is told who calls, as the caller's certificate proves it and not as anybody before it claimed. The caller's proxy has held the
    /// request to the limits on heads: what it added itself, and the 32 bytes for each field that HTTP/2 counts, must not tip one over them here.</summary>
    private static HttpConnectionManager MeshManager(string name, MeshDefaults defaults)
    {
        var manager = InboundManager(name, defaults);
        manager.MaxRequestHeadersKb = (uint)Math.Min(8192, defaults.MaxRequestHeadersKiB + 16 + (defaults.MaxRequestHeaders / 32));
        manager.CommonHttpProtocolOptions.MaxHeadersCount = (uint)Math.Min(10_000, defaults.MaxRequestHeaders + HttpTranslation.FieldsOfProxies);
        manager.ForwardClientCertDetails = HttpConnectionManager.Types.ForwardClientCertDetails.SanitizeSet;
        manager.SetCurrentClientCertDetails = new HttpConnectionManager.Types.SetCurrentClientCertDetails { Uri = true };
        return manager;
    }

    private static HttpConnectionManager InboundManager(string name, MeshDefaults defaults)
    {
        var manager = HttpTranslation.Manager(name, defaults);
        manager.CommonHttpProtocolOptions.MaxConnectionDuration = EnvoyParts.Time(HttpTranslation.MeshConnectionAge);
        manager.RouteConfig = new RouteConfiguration
        {
            Name = name,
            VirtualHosts =
            {
                new VirtualHost
                {
                    Name = name,
                    Domains = { "*" },
                    Routes =
                    {
                        new Route
                        {
                            Name = name,
                            Match = new RouteMatch { Prefix = "/" },
                            // The caller's proxy keeps the time; the one beside the application adds no limit of its own.
                            Route_ = new RouteAction { Cluster = name, Timeout = new Duration() },
                        },
                    },
                },
            },
        };
        return manager;
    }

    private static Listener Upstream(UpstreamPort upstream, MeshSettings settings)
    {
        var name = XdsNames.Upstream(upstream.Port);
        var manager = HttpTranslation.Manager(name, settings.Defaults);
        manager.Rds = new Rds { ConfigSource = EnvoyParts.FromAds, RouteConfigName = upstream.Target.ToString() };
        return Local(name, upstream.Port, manager);
    }

    private static Listener Outbound(int port, NodeInfo node, MeshSettings settings)
    {
        var manager = HttpTranslation.Manager(XdsNames.OutboundListener, settings.Defaults);
        // The forward proxy chooses a RouteConfiguration per request; a manager needs one of its own all the same.
        manager.RouteConfig = new RouteConfiguration { Name = XdsNames.OutboundListener };
        var forward = new Weft.V1.ForwardProxy { DefaultNamespace = node.Namespace, DomainSuffixes = { DomainSuffixes }, LookupTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(2)) };
        manager.HttpFilters.Insert(0, new HttpFilter { Name = "weft.v1.forward_proxy", TypedConfig = EnvoyParts.Pack(forward) });
        return Local(XdsNames.OutboundListener, port, manager);
    }

    /// <summary>For the application beside the proxy and nobody else.</summary>
    private static Listener Local(string name, int port, HttpConnectionManager manager) => new()
    {
        Name = name,
        Address = EnvoyParts.Socket("127.0.0.1", port),
        TrafficDirection = TrafficDirection.Outbound,
        FilterChains = { new FilterChain { Filters = { HttpTranslation.AsFilter(manager) } } },
    };

    /// <summary>A workload that is reached by loopback listens there and is not open to the network; any other listens everywhere, because the address
    /// that others use need not be one of the machine's own (a mapped one).</summary>
    private static string BindAddress(IPAddress address) =>
        IPAddress.IsLoopback(address) ? address.ToString() : address.AddressFamily == AddressFamily.InterNetworkV6 ? "::" : "0.0.0.0";
}
