using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Shouldly;
using Weft.Identity;
using Weft.Proxy.Configuration;
using Weft.Proxy.Hosting;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Tests.Security;
using Weft.Proxy.Workers;
using Weft.Telemetry.Metrics;
using Xunit;

namespace Weft.Proxy.Tests.Mesh;

/// <summary>What differs between one pair and another.</summary>
internal sealed record MeshPairOptions
{
    /// <summary>What the caller's proxy offers, and what the called ones take; <c>weft-h1</c> alone is a proxy from before HTTP/2.</summary>
    public string[] CallerAlpn { get; init; } = ["weft-h2", "weft-h1"];

    public string[] CalledAlpn { get; init; } = ["weft-h2", "weft-h1"];

    /// <summary>JSON of the caller's route action, behind the cluster.</summary>
    public string Action { get; init; } = "\"timeout\": \"0s\", \"retry_policy\": {\"retry_on\": \"connect-failure,refused-stream,reset\", \"num_retries\": 2}";

    /// <summary>upstream_protocol_options of the caller's cluster.</summary>
    public string Protocol { get; init; } = MeshPair.AsItCame;

    /// <summary>JSON of the called proxies' route action, behind the cluster.</summary>
    public string CalledAction { get; init; } = "\"timeout\": \"0s\"";

    /// <summary>upstream_protocol_options of the called proxies' cluster: what their application speaks.</summary>
    public string CalledProtocol { get; init; } = MeshPair.AsItCame;

    /// <summary>Bytes are passed on unread: the ALPN is weft-tcp, and nobody speaks HTTP.</summary>
    public bool Bytes { get; init; }

    /// <summary>How long the certificates of the called proxies are valid. Default an hour.</summary>
    public TimeSpan CalledCertificateLife { get; init; } = TimeSpan.FromHours(1);

    /// <summary>The called proxies take plaintext, and TLS of others, too.</summary>
    public bool Permissive { get; init; }
}

/// <summary>
/// Two (or more) real data planes in this process, with mutual TLS between them: the caller's with a plaintext listener, and one in front of each application,
/// configured as the control plane configures sidecars.
/// </summary>
internal sealed class MeshPair : IAsyncDisposable
{
    public const string Http1 = "\"explicit_http_config\": {\"http_protocol_options\": {}}";

    public const string AsItCame = $"\"use_downstream_protocol_config\": {{\"http_protocol_options\": {KeepCase}, \"http2_protocol_options\": {{\"allow_connect\": true}}}}";

    private const string Tls = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";

    private const string KeepCase =
        """{"header_key_format": {"stateful_formatter": {"name": "preserve_case", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig"}}}, "accept_http_10": true}""";

    private readonly List<Plane> _planes = [];

    private MeshPair(TestAuthority authority)
    {
        Authority = authority;
    }

    public TestAuthority Authority { get; }

    /// <summary>Where the calling application reaches its proxy.</summary>
    public IPEndPoint Caller => _planes[^1].Addresses["outbound"];

    /// <summary>Where the mesh reaches the application's proxy.</summary>
    public IPEndPoint Called(int index = 0) => _planes[index].Addresses["inbound"];

    /// <summary>Of the caller's proxy.</summary>
    public List<(SeriesKey Key, long Count)> CallerRequests => _planes[^1].Requests();

    public List<(SeriesKey Key, long Count)> CalledRequests => _planes[0].Requests();

    public static MeshPair Start(params IPEndPoint[] applications) => Start(new MeshPairOptions(), applications);

    public static MeshPair Start(MeshPairOptions options, params IPEndPoint[] applications)
    {
        var pair = new MeshPair(new TestAuthority());
        foreach (var application in applications) pair._planes.Add(new Plane(pair.Authority, "called", Inbound(options, application), options.CalledCertificateLife));
        pair._planes.Add(new Plane(pair.Authority, "caller", Outbound(options, [.. pair._planes.Select(p => p.Addresses["inbound"])])));
        return pair;
    }

    /// <summary>Only the caller's proxy; the called ones are the test's own.</summary>
    public static MeshPair StartCaller(TestAuthority authority, MeshPairOptions options, params IPEndPoint[] called)
    {
        var pair = new MeshPair(authority);
        pair._planes.Add(new Plane(authority, "caller", Outbound(options, called)));
        return pair;
    }

    /// <summary>TLS to a called proxy, as <paramref name="identity"/>; null shows no certificate.</summary>
    public async Task<SslStream> ConnectAsync(string alpn, string? identity)
    {
        var socket = new TcpClient();
        await socket.ConnectAsync(Called());
        var tls = new SslStream(socket.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "80.called.default.weft", RemoteCertificateValidationCallback = (_, _, _, _) => true, ApplicationProtocols = [new SslApplicationProtocol(alpn)],
            ClientCertificates = identity is null ? null : [Authority.Issue(identity).ForDotNet()],
        });
        return tls;
    }

    /// <summary>One HTTP/1 exchange over <see cref="ConnectAsync"/>; the request says <c>Connection: close</c>.</summary>
    public async Task<string> AskAsync(string alpn, string? identity, string request)
    {
        await using var tls = await ConnectAsync(alpn, identity);
        await tls.WriteAsync(Encoding.ASCII.GetBytes(request));
        using var reader = new StreamReader(tls, Encoding.Latin1);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(15));
        return await reader.ReadToEndAsync(limit.Token);
    }

    /// <summary>Byte connections of the caller's proxy, and of the first called one.</summary>
    public IReadOnlyList<(EdgeKey Edge, ConnectionTotals Totals)> CallerConnections => _planes[^1].Connections();

    public IReadOnlyList<(EdgeKey Edge, ConnectionTotals Totals)> CalledConnections => _planes[0].Connections();

    /// <summary>Bytes that the workers of all proxies have allocated.</summary>
    public async Task<long> AllocatedAsync()
    {
        var all = 0L;
        foreach (var plane in _planes) all += await plane.AllocatedAsync();
        return all;
    }

    public ValueTask DisposeAsync()
    {
        foreach (var plane in _planes) plane.Stop();
        return ValueTask.CompletedTask;
    }

    private static string Inbound(MeshPairOptions options, IPEndPoint application)
    {
        var manager = options.Bytes ? ByteFilter("application") : Manager($"\"route\": {{\"cluster\": \"application\", {options.CalledAction}}}");
        var cluster = Cluster("application", [application], options.CalledProtocol);
        // A stranger's certificate is asked for and not needed: TLS without an identity reaches the application as plaintext does.
        var strangers = !options.Permissive ? "" : $$$"""
            , {"name": "plain", "filter_chain_match": {"transport_protocol": "raw_buffer"}, "filters": [{{{manager}}}]},
              {"name": "strangers", "filter_chain_match": {"transport_protocol": "tls", "application_protocols": ["h2", "http/1.1"]},
               "transport_socket": {"name": "tls", "typed_config": {"@type": "{{{Tls}}}.DownstreamTlsContext", "common_tls_context": {"alpn_protocols": ["h2", "http/1.1"],
                 "tls_certificate_sds_secret_configs": [{"name": "default", "sds_config": {"ads": {} } }]} } },
               "filters": [{{{manager}}}]}
            """;
        return $$$"""
            {"static_resources": {
              "listeners": [{"name": "inbound", "address": {{{AnyPort}}}, "traffic_direction": "INBOUND",
                "listener_filters": [{"name": "tls", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"}}],
                "filter_chains": [{"name": "mtls", "filter_chain_match": {"transport_protocol": "tls", "application_protocols": [{{{Names(options.CalledAlpn)}}}]},
                  "transport_socket": {"name": "tls", "typed_config": {"@type": "{{{Tls}}}.DownstreamTlsContext", "require_client_certificate": true,
                    "common_tls_context": {{{Common(options.CalledAlpn)}}} } },
                  "filters": [{{{manager}}}]}{{{strangers}}}]}],
              "clusters": [{{{cluster}}}]}}
            """;
    }

    private static string Outbound(MeshPairOptions options, IPEndPoint[] called)
    {
        var manager = options.Bytes ? ByteFilter("peer") : Manager($"\"route\": {{\"cluster\": \"peer\", {options.Action}}}");
        var cluster = Cluster("peer", called, options.Protocol, $$$"""
            , "transport_socket": {"name": "tls", "typed_config": {"@type": "{{{Tls}}}.UpstreamTlsContext", "sni": "80.called.default.weft", "common_tls_context": {{{Common(options.CallerAlpn)}}} } }
            """);
        return $$$"""
            {"static_resources": {
              "listeners": [{"name": "outbound", "address": {{{AnyPort}}}, "traffic_direction": "OUTBOUND", "filter_chains": [{"filters": [{{{manager}}}]}]}],
              "clusters": [{{{cluster}}}]}}
            """;
    }

    private static string ByteFilter(string cluster) => $$$"""
        {"name": "tcp", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", "stat_prefix": "x", "cluster": "{{{cluster}}}", "max_connect_attempts": 3}}
        """;

    private static string Manager(string action) => $$$"""
        {"name": "hcm", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
          "stat_prefix": "x", "server_header_transformation": "PASS_THROUGH", "http_protocol_options": {{{KeepCase}}}, "http2_protocol_options": {"allow_connect": true},
          "upgrade_configs": [{"upgrade_type": "*"}],
          "route_config": {"name": "r", "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, {{{action}}}}]}]},
          "http_filters": [{"name": "router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}]}}
        """;

    private static string Cluster(string name, IPEndPoint[] endpoints, string protocol, string rest = "") => $$$$"""
        {"name": "{{{{name}}}}", "type": "STATIC", "connect_timeout": "2s", "load_assignment": {"cluster_name": "{{{{name}}}}", "endpoints": [{"lb_endpoints": [
            {{{{string.Join(", ", endpoints.Select(e => "{\"endpoint\": {\"address\": " + Address(e) + "}}"))}}}}]}]},
         "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions", {{{{protocol}}}}}}{{{{rest}}}}}
        """;

    private static string Common(string[] alpn) => $$$"""
        {"alpn_protocols": [{{{Names(alpn)}}}], "tls_certificate_sds_secret_configs": [{"name": "default", "sds_config": {"ads": {} } }],
         "validation_context_sds_secret_config": {"name": "ROOTCA", "sds_config": {"ads": {} } }}
        """;

    private static string AnyPort { get; } = Address(new IPEndPoint(IPAddress.Loopback, 0));

    private static string Names(string[] alpn) => string.Join(", ", alpn.Select(a => $"\"{a}\""));

    private static string Address(IPEndPoint address) => $$$"""{"socket_address": {"address": "{{{address.Address}}}", "port_value": {{{address.Port}}} } }""";

    /// <summary>One proxy: a data plane and the configuration thread's part, run once.</summary>
    private sealed class Plane
    {
        private readonly DataPlane _dataPlane;
        private readonly MetricsRegistry _metrics = new(TimeProvider.System);
        private readonly List<ContainedFault> _faults = [];

        public Plane(TestAuthority authority, string name, string bootstrap, TimeSpan? life = null)
        {
            var store = new ConfigStore();
            _dataPlane = new DataPlane(1, store, _metrics, new NodeIdentity($"default/{name}", "v1"), new Weft.Proxy.Overload.Admission(new(), _metrics, TimeProvider.System, _ => { }), TimeProvider.System, 7, _faults.Add);
            _dataPlane.Start();
            var assembler = new ConfigAssembler(store, new ConfigHistory(TimeProvider.System), _dataPlane.Listeners.TryOpen, _ => { }, new ConfigLimits(), TimeProvider.System);
            var issued = authority.Issue(name, r => { if (life is { } limit) r.NotAfter = DateTimeOffset.UtcNow + limit; });
            assembler.SetIdentity(new CertificateMaterial(Encoding.ASCII.GetBytes(issued.ChainPem), Encoding.ASCII.GetBytes(issued.KeyPem), authority.RootPem));
            assembler.AddStatic(BootstrapFile.Parse(bootstrap, name)).ShouldBeEmpty();
            assembler.Settle();
        }

        public IReadOnlyDictionary<string, IPEndPoint> Addresses => _dataPlane.Listeners.Addresses.ToDictionary(a => a.Key, a => a.Value);

        public List<(SeriesKey Key, long Count)> Requests()
        {
            var all = new List<(SeriesKey, long)>();
            _metrics.Collect((key, _, histogram) => all.Add((key, histogram.Count)));
            return all;
        }

        public IReadOnlyList<(EdgeKey Edge, ConnectionTotals Totals)> Connections() => _metrics.CollectConnections();

        public Task<long> AllocatedAsync()
        {
            var result = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
            _dataPlane.Workers[0].Post(() => result.SetResult(GC.GetAllocatedBytesForCurrentThread()));
            return result.Task;
        }

        public void Stop()
        {
            _dataPlane.Stop();
            foreach (var fault in _faults) TestContext.Current.TestOutputHelper?.WriteLine(fault.ToString());
        }
    }
}
