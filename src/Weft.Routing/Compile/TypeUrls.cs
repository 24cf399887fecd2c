namespace Weft.Routing.Compile;

/// <summary>Type URLs of the messages that compilers look into. An Any is told by this text: asking a generated message for its descriptor
/// would build megabytes of them.</summary>
public static class TypeUrls
{
    public const string Listener = Prefix + "envoy.config.listener.v3.Listener";
    public const string RouteConfiguration = Prefix + "envoy.config.route.v3.RouteConfiguration";
    public const string Cluster = Prefix + "envoy.config.cluster.v3.Cluster";
    public const string ClusterLoadAssignment = Prefix + "envoy.config.endpoint.v3.ClusterLoadAssignment";
    public const string Name = Prefix + "weft.v1.Name";
    public const string Secret = Prefix + "envoy.extensions.transport_sockets.tls.v3.Secret";

    internal const string HttpConnectionManager = Prefix + "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    internal const string TcpProxy = Prefix + "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
    internal const string NetworkRbac = Prefix + "envoy.extensions.filters.network.rbac.v3.RBAC";
    internal const string Router = Prefix + "envoy.extensions.filters.http.router.v3.Router";
    internal const string Detect = Prefix + "weft.v1.Detect";
    internal const string ForwardProxy = Prefix + "weft.v1.ForwardProxy";
    internal const string MeshNames = Prefix + "weft.v1.MeshNames";
    internal const string DnsFilter = Prefix + "envoy.extensions.filters.udp.dns_filter.v3.DnsFilterConfig";
    internal const string CaresResolver = Prefix + "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig";
    internal const string RetryBudget = Prefix + "weft.v1.RetryBudget";
    internal const string TlsInspector = Prefix + "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector";
    internal const string HttpInspector = Prefix + "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector";
    internal const string OriginalDestination = Prefix + "envoy.extensions.filters.listener.original_dst.v3.OriginalDst";
    internal const string ProxyProtocol = Prefix + "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol";
    internal const string TrustedProxyProtocol = Prefix + "weft.v1.ProxyProtocol";
    internal const string Transparent = Prefix + "weft.v1.Transparent";
    internal const string PreserveCase = Prefix + "envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig";
    internal const string DownstreamTls = Prefix + "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
    internal const string UpstreamTls = Prefix + "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
    internal const string UpstreamProxyProtocol = Prefix + "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport";
    internal const string RawBuffer = Prefix + "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer";
    internal const string RoundRobin = Prefix + "envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin";
    internal const string LeastRequest = Prefix + "envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest";
    internal const string RandomPolicy = Prefix + "envoy.extensions.load_balancing_policies.random.v3.Random";
    internal const string UpstreamHttpOptions = Prefix + "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

    internal const string Prefix = "type.googleapis.com/";
}
