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
using Filter = Envoy.Config.Listener.V3.Filter;

namespace Weft.Control.Translation;

/// <summary>
/// The listener of an application's port. What comes there tells itself apart by its first bytes: mutual TLS of the mesh by its ALPN, requests or bytes; TLS of the application's own, which
/// passes through; plaintext. Of these a port has what its protocol allows, and in a Strict mesh only what comes from the mesh.
/// </summary>
internal static class InboundTranslation
{
    public static Listener Of(InboundPort port, InboundKinds kinds, NodeInfo node, MeshSettings settings)
    {
        var name = XdsNames.Inbound(port.Port);
        var listener = new Listener
        {
            Name = name,
            Address = EnvoyParts.Socket(BindAddress(node.Address), port.Listen),
            TrafficDirection = TrafficDirection.Inbound,
            ListenerFilters = { new ListenerFilter { Name = "envoy.filters.listener.tls_inspector", TypedConfig = EnvoyParts.Pack(new TlsInspector()) } },
        };
        listener.SocketOptions.Add(KeepaliveTranslation.OfClients(settings.Defaults.TcpKeepalive));
        if (kinds.Http) listener.FilterChains.Add(Mesh("mtls", XdsNames.MeshAlpn(settings.Protocol), HttpTranslation.AsFilter(MeshManager(name, settings.Defaults)), settings));
        if (kinds.Bytes) listener.FilterChains.Add(Mesh("mtls-bytes", [XdsNames.MeshBytesAlpn], Bytes(name, settings), settings));
        if (settings.Mtls != MtlsMode.Permissive) return listener;
        // No transport socket: a handshake that is not ours goes to the application as it came.
        if (kinds.Bytes) listener.FilterChains.Add(new FilterChain { Name = "tls", FilterChainMatch = new FilterChainMatch { TransportProtocol = "tls" }, Filters = { Bytes(name, settings) } });
        listener.FilterChains.Add(new FilterChain { Name = "plaintext", FilterChainMatch = new FilterChainMatch { TransportProtocol = "raw_buffer" }, Filters = { Plaintext(name, kinds, settings) } });
        return listener;
    }

    private static FilterChain Mesh(string name, ImmutableArray<string> alpn, Filter filter, MeshSettings settings) => new()
    {
        Name = name,
        FilterChainMatch = new FilterChainMatch { TransportProtocol = "tls", ApplicationProtocols = { alpn } },
        TransportSocket = TlsTranslation.Downstream(alpn, settings),
        Filters = { filter },
    };

    private static IEnumerable<Filter> Plaintext(string name, InboundKinds kinds, MeshSettings settings) => kinds switch
    {
        { Http: true, Bytes: true } => DetectTranslation.Either(Bytes(name, settings), InboundManager(name, settings.Defaults)),
        { Http: true } => [HttpTranslation.AsFilter(InboundManager(name, settings.Defaults))],
        _ => [Bytes(name, settings)],
    };

    private static Filter Bytes(string name, MeshSettings settings) => ByteTranslation.Proxy(name, [new ByteShare(name, 1)], settings.Defaults);

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

    /// <summary>A workload that is reached by loopback listens there and is not open to the network; any other listens everywhere, because the address
    /// that others use need not be one of the machine's own (a mapped one).</summary>
    private static string BindAddress(IPAddress address) =>
        IPAddress.IsLoopback(address) ? address.ToString() : address.AddressFamily == AddressFamily.InterNetworkV6 ? "::" : "0.0.0.0";
}
