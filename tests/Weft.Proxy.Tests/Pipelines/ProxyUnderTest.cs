using System.Net;

using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Proxy.Configuration;
using Weft.Proxy.Overload;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Security;
using Weft.Proxy.Workers;
using Weft.Routing.Clusters;
using Weft.Routing.Compile;
using Weft.Telemetry.Metrics;
using Xunit;
using FilterChain = Envoy.Config.Listener.V3.FilterChain;
using HttpConnectionManager = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager;

namespace Weft.Proxy.Tests.Pipelines;

/// <summary>The real data plane in this process: real workers, real sockets, configuration written as the xDS messages that a server would send.</summary>
internal sealed class ProxyUnderTest : IAsyncDisposable
{
    private static readonly JsonParser Json = new(JsonParser.Settings.Default.WithTypeRegistry(TypeRegistry.FromFiles(
        HttpConnectionManager.Descriptor.File, Router.Descriptor.File, TcpProxy.Descriptor.File, Weft.V1.ForwardProxy.Descriptor.File, Weft.V1.RetryBudget.Descriptor.File,
        Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions.Descriptor.File, Weft.V1.Transparent.Descriptor.File,
        Envoy.Extensions.TransportSockets.ProxyProtocol.V3.ProxyProtocolUpstreamTransport.Descriptor.File, Envoy.Extensions.TransportSockets.RawBuffer.V3.RawBuffer.Descriptor.File)));

    private readonly ConfigStore _store = new();
    private readonly StateRegistry _states = new();
    private readonly DataPlane _dataPlane;
    private ProxyConfig _config = ProxyConfig.Empty;

    public ProxyUnderTest(int workers = 1, OverloadSettings? limits = null)
    {
        Metrics = new MetricsRegistry(TimeProvider.System);
        Admission = new Admission(limits ?? new OverloadSettings(), Metrics, TimeProvider.System, Warnings.Enqueue);
        _dataPlane = new DataPlane(workers, _store, Metrics, new NodeIdentity("default/me", "v1"), Admission, TimeProvider.System, 42, Faults.Add);
        _dataPlane.Start();
    }

    public MetricsRegistry Metrics { get; }

    public Admission Admission { get; }

    /// <summary>What was said of limits.</summary>
    public System.Collections.Concurrent.ConcurrentQueue<string> Warnings { get; } = [];

    /// <summary>Of the listener.</summary>
    public Envoy.Config.Core.V3.TrafficDirection Direction { get; init; } = Envoy.Config.Core.V3.TrafficDirection.Outbound;

    /// <summary>A drain of everything.</summary>
    public Task DrainAsync(TimeSpan limit) => new Drain(_dataPlane, limit, TimeProvider.System).AllAsync(CancellationToken.None);

    /// <summary>What workers survived; a test that expects none says so.</summary>
    public List<ContainedFault> Faults { get; } = [];

    public DataPlane DataPlane => _dataPlane;

    public IPEndPoint Address => _dataPlane.Listeners.Addresses.Single().Value;

    /// <summary>A listener "in" whose connection manager is <paramref name="hcm"/> in proto3 JSON; the router filter and stat_prefix are added.</summary>
    /// <param name="change">Bends the listener before it is compiled.</param>
    public ProxyUnderTest Listen(string hcm, int port = 0, Action<Listener>? change = null)
    {
        TryListen(hcm, port, change: change).ShouldBeNull();
        return this;
    }

    /// <summary>Takes from a cluster what every attempt needs: the step that looks for it throws, as a defect of ours would make it.</summary>
    public ProxyUnderTest Damage(string cluster)
    {
        Publish(new ProxyConfig { Listeners = _config.Listeners, Routes = _config.Routes, Clusters = _config.Clusters.With(cluster, _config.Clusters.Find(cluster)! with { Tls = default }), Names = _config.Names });
        return this;
    }

    /// <summary>Takes the listener out of the configuration; its sockets stay.</summary>
    public void Withdraw() => Publish(new ProxyConfig { Listeners = ConfigMap<BoundListener>.Empty, Routes = _config.Routes, Clusters = _config.Clusters, Names = _config.Names });

    /// <summary>The same over mutual TLS.</summary>
    public ProxyUnderTest ListenTls(string hcm, ServerTls tls, TimeSpan? handshake = null)
    {
        TryListen(hcm, 0, tls, handshake).ShouldBeNull();
        return this;
    }

    /// <summary>A forward proxy of namespace "default"; services come from <see cref="Service"/>.</summary>
    /// <param name="egress">What becomes of what is outside of the mesh.</param>
    public ProxyUnderTest ListenForward(string manager = "\"http_protocol_options\": {\"accept_http_10\": true}", string egress = "\"egress\": \"DENY\", \"policy\": \"Mesh default\"", TimeSpan? filtersTimeout = null)
    {
        TryListen($"{{{manager}, \"route_config\": {{\"name\": \"none\"}}, \"http_filters\": [{{\"name\": \"forward\", \"typed_config\": "
            + "{\"@type\": \"type.googleapis.com/weft.v1.ForwardProxy\", \"default_namespace\": \"default\", \"domain_suffixes\": [\"svc\"], \"lookup_timeout\": \"0.5s\", " + egress + "}}]}", 0,
            change: l => l.ListenerFiltersTimeout = filtersTimeout is { } time ? Duration.FromTimeSpan(time) : null).ShouldBeNull();
        return this;
    }

    /// <summary>A listener "in" whose TCP proxy is <paramref name="proxy"/> in proto3 JSON, without braces; stat_prefix is added.</summary>
    public ProxyUnderTest ListenBytes(string proxy = "\"cluster\": \"backend\"", Action<Listener>? change = null, int port = 0)
    {
        TryListen(Json.Parse<TcpProxy>($"{{\"stat_prefix\": \"in\", {proxy}}}"), port, change: change).ShouldBeNull();
        return this;
    }

    /// <summary>The service <paramref name="key"/> (name.namespace:port), whose connections go to <paramref name="cluster"/> as bytes; it may be tried at three endpoints.</summary>
    public ProxyUnderTest ByteService(string key, string cluster) => Service(key, ByteRoute(cluster), cluster);

    /// <summary>The service <paramref name="key"/> (name.namespace:port), of which nobody has said what it carries.</summary>
    /// <param name="clientsSpeakHttp">What others have found out of it.</param>
    public ProxyUnderTest UndeclaredService(string key, string cluster, bool clientsSpeakHttp = false) => Service(
        key, $"{ByteRoute(cluster)}, {HttpRoute(cluster)}", cluster, clientsSpeakHttp ? ", \"metadata\": {\"filter_metadata\": {\"weft.dev\": {\"clients\": \"http\"}}}" : "");

    /// <summary>The service <paramref name="key"/> (name.namespace:port), whose connections go by the server name that their TLS asks for, as the control plane writes it.</summary>
    /// <param name="others">Routes of what no name decides about.</param>
    /// <param name="names">In order of precedence; <c>*.example.org</c> for every name below.</param>
    public ProxyUnderTest ServerNameService(string key, (string? Bytes, string? Http) others, params ReadOnlySpan<(string Name, string Cluster)> names)
    {
        var routes = new List<string>();
        foreach (var (name, cluster) in names)
        {
            var match = name.StartsWith('*') ? $"\"suffix\": \"{name[1..]}\"" : $"\"exact\": \"{name}\"";
            routes.Add(ByteRoute(cluster, $", \"dynamic_metadata\": [{{\"filter\": \"weft.dev\", \"path\": [{{\"key\": \"requested_server_name\"}}], \"value\": {{\"string_match\": {{{match}}}}}}}]"));
        }
        if (others.Bytes is not null) routes.Add(ByteRoute(others.Bytes));
        if (others.Http is not null) routes.Add(HttpRoute(others.Http));
        return Service(key, string.Join(", ", routes), names[0].Cluster);
    }

    private static string HttpRoute(string? cluster) => $"{{\"match\": {{\"prefix\": \"/\"}}, \"route\": {{\"cluster\": \"{cluster}\"}}}}";

    private static string ByteRoute(string cluster, string match = "") =>
        $"{{\"match\": {{\"connect_matcher\": {{}}{match}}}, \"route\": {{\"cluster\": \"{cluster}\", \"upgrade_configs\": [{{\"upgrade_type\": \"CONNECT\", \"connect_config\": {{}}}}], "
        + "\"retry_policy\": {\"retry_on\": \"connect-failure\", \"num_retries\": 2}}}";

    /// <summary>The service <paramref name="key"/> (name.namespace:port), all of whose requests go to <paramref name="cluster"/>; null: it is known that there is none.</summary>
    public ProxyUnderTest Service(string key, string? cluster) => Service(key, HttpRoute(cluster), cluster);

    private ProxyUnderTest Service(string key, string route, string? cluster, string more = "")
    {
        var entry = RouteEntry.Absent;
        if (cluster is not null)
        {
            var compiled = RouteCompiler.Compile(Json.Parse<Envoy.Config.Route.V3.RouteConfiguration>(
                $"{{\"name\": \"{key}\", \"virtual_hosts\": [{{\"name\": \"all\", \"domains\": [\"*\"], \"routes\": [{route}]}}]{more}}}"));
            compiled.Rejections.ShouldBeEmpty();
            entry = new RouteEntry(compiled.Value);
        }
        Publish(new ProxyConfig { Listeners = _config.Listeners, Routes = _config.Routes.With(key, entry), Clusters = _config.Clusters, Names = _config.Names });
        return this;
    }

    /// <summary>Null, or why the address cannot be listened on.</summary>
    public string? TryListen(string hcm, int port, ServerTls? tls = null, TimeSpan? handshake = null, Action<Listener>? change = null)
    {
        var manager = Json.Parse<HttpConnectionManager>(hcm);
        manager.StatPrefix = "in";
        manager.HttpFilters.Add(new HttpFilter { Name = "router", TypedConfig = Any.Pack(new Router()) });
        return TryListen(manager, port, tls, handshake, change);
    }

    /// <summary>A listener "in" with one chain of <paramref name="filters"/>; called again it is a new version of the same listener.</summary>
    public ProxyUnderTest ListenWith(params Envoy.Config.Listener.V3.Filter[] filters) => ListenWith(tls: null, filters);

    /// <summary>The same over mutual TLS.</summary>
    public ProxyUnderTest ListenWith(ServerTls? tls, params Envoy.Config.Listener.V3.Filter[] filters) =>
        ListenWith(tls, new FilterChain { Filters = { filters }, TransportSocket = tls is null ? null : MutualTls });

    /// <summary>A connection manager in proto3 JSON as a filter; the router filter and stat_prefix are added.</summary>
    public static Envoy.Config.Listener.V3.Filter HttpFilter(string hcm)
    {
        var manager = Json.Parse<HttpConnectionManager>(hcm);
        manager.StatPrefix = "in";
        manager.HttpFilters.Add(new HttpFilter { Name = "router", TypedConfig = Any.Pack(new Router()) });
        return new() { Name = "hcm", TypedConfig = Any.Pack(manager) };
    }

    /// <summary>Several chains; those whose transport socket is <see cref="MutualTls"/> use <paramref name="tls"/>.</summary>
    public ProxyUnderTest ListenWith(ServerTls? tls, params FilterChain[] chains)
    {
        TryListen(chains, 0, tls).ShouldBeNull();
        return this;
    }

    public static Envoy.Config.Core.V3.TransportSocket MutualTls => new() { Name = "tls", TypedConfig = Any.Pack(Mutual) };

    private string? TryListen(IMessage filter, int port, ServerTls? tls = null, TimeSpan? handshake = null, Action<Listener>? change = null) =>
        TryListen([new FilterChain { Filters = { new Envoy.Config.Listener.V3.Filter { Name = "hcm", TypedConfig = Any.Pack(filter) } }, TransportSocket = tls is null ? null : MutualTls }], port, tls, handshake, change);

    private string? TryListen(FilterChain[] chains, int port, ServerTls? tls = null, TimeSpan? handshake = null, Action<Listener>? change = null)
    {
        var message = new Listener
        {
            Name = "in",
            Address = new() { SocketAddress = new() { Address = "127.0.0.1", PortValue = (uint)port } },
            TrafficDirection = Direction,
            FilterChains = { chains },
        };
        if (handshake is { } limit) message.FilterChains[0].TransportSocketConnectTimeout = Duration.FromTimeSpan(limit);
        change?.Invoke(message);
        var compiled = ListenerCompiler.Compile(message);
        compiled.Rejections.ShouldBeEmpty();
        var bound = new BoundListener(compiled.Value!, [.. compiled.Value!.FilterChains.Select(c => new BoundChain(c, c.Tls is null ? null : tls))]);
        Publish(new ProxyConfig { Listeners = _config.Listeners.With("in", bound), Routes = _config.Routes, Clusters = _config.Clusters, Names = _config.Names });
        return _dataPlane.Listeners.TryOpen(bound);
    }

    /// <summary>A static cluster; <paramref name="json"/> is merged over name, connect_timeout 1s and the endpoints.</summary>
    public ProxyUnderTest Cluster(string name, IEnumerable<IPEndPoint> endpoints, string json = "{}")
    {
        var message = Json.Parse<Envoy.Config.Cluster.V3.Cluster>(json);
        message.Name = name;
        message.Type = Envoy.Config.Cluster.V3.Cluster.Types.DiscoveryType.Static;
        message.ConnectTimeout ??= Duration.FromTimeSpan(TimeSpan.FromSeconds(1));
        message.LoadAssignment ??= new() { ClusterName = name };
        var locality = new Envoy.Config.Endpoint.V3.LocalityLbEndpoints();
        foreach (var endpoint in endpoints)
            locality.LbEndpoints.Add(new Envoy.Config.Endpoint.V3.LbEndpoint { Endpoint = new() { Address = new() { SocketAddress = new() { Address = endpoint.Address.ToString(), PortValue = (uint)endpoint.Port } } } });
        message.LoadAssignment.Endpoints.Add(locality);
        var compiled = ClusterCompiler.Compile(message, _states);
        compiled.Rejections.ShouldBeEmpty();
        var cluster = compiled.Value!;
        var bound = new BoundCluster(cluster, cluster.InlineEndpoints!, _states.Cluster(name), [.. cluster.Transports.Select(t => TransportBinding.Plaintext with { Announces = t.Announces })]);
        Publish(new ProxyConfig { Listeners = _config.Listeners, Routes = _config.Routes, Clusters = _config.Clusters.With(name, bound), Names = _config.Names });
        return this;
    }

    /// <summary>A cluster whose connections go where their clients wanted to go.</summary>
    public ProxyUnderTest OriginalDestination(string name, Envoy.Config.Core.V3.Metadata? metadata = null)
    {
        var compiled = ClusterCompiler.Compile(
            new Envoy.Config.Cluster.V3.Cluster
            {
                Name = name, Type = Envoy.Config.Cluster.V3.Cluster.Types.DiscoveryType.OriginalDst, LbPolicy = Envoy.Config.Cluster.V3.Cluster.Types.LbPolicy.ClusterProvided, Metadata = metadata,
            }, _states);
        compiled.Rejections.ShouldBeEmpty();
        var bound = new BoundCluster(compiled.Value!, compiled.Value!.InlineEndpoints!, _states.Cluster(name), [TransportBinding.Plaintext]);
        Publish(new ProxyConfig { Listeners = _config.Listeners, Routes = _config.Routes, Clusters = _config.Clusters.With(name, bound), Names = _config.Names });
        return this;
    }

    /// <summary>Names that were asked for and nobody has told; without this there is nobody to ask.</summary>
    public System.Collections.Concurrent.ConcurrentQueue<string> AskedNames()
    {
        var asked = new System.Collections.Concurrent.ConcurrentQueue<string>();
        _store.WantName = asked.Enqueue;
        return asked;
    }

    /// <summary>The service's virtual addresses.</summary>
    public ProxyUnderTest Name(string service, string ns, params string[] addresses)
    {
        var names = _config.Names;
        foreach (var address in addresses)
            names = names.With(address, new NameEntry(new Weft.Routing.Names.MeshService(service, ns, [.. addresses.Select(IPAddress.Parse)], IsHeadless: false)));
        Publish(new ProxyConfig { Listeners = _config.Listeners, Routes = _config.Routes, Clusters = _config.Clusters, Names = names });
        return this;
    }

    /// <summary>One catch-all route to cluster "backend", with <paramref name="action"/> merged into the route action.</summary>
    public static string RouteAll(string action = "", string manager = "") =>
        $"{{{(manager.Length > 0 ? manager + "," : "")} \"route_config\": {{\"name\": \"r\", \"virtual_hosts\": [{{\"name\": \"all\", \"domains\": [\"*\"], \"routes\": ["
        + $"{{\"match\": {{\"prefix\": \"/\"}}, \"route\": {{\"cluster\": \"backend\", \"timeout\": \"0s\"{(action.Length > 0 ? ", " + action : "")}}}}}]}}]}}}}";

    public System.Collections.Immutable.ImmutableArray<Weft.Routing.Clusters.Endpoint> Endpoints(string cluster) => _config.Clusters.Find(cluster)!.Endpoints.Endpoints;

    /// <summary>One sample as <c>/metrics</c> shows it, by name and labels.</summary>
    public double Metric(string series)
    {
        var text = new System.Buffers.ArrayBufferWriter<byte>();
        PrometheusText.Write(Metrics, text);
        return double.Parse(System.Text.Encoding.UTF8.GetString(text.WrittenSpan).Split('\n').First(l => l.StartsWith(series + " ", StringComparison.Ordinal))[(series.Length + 1)..]);
    }

    public ClusterState State(string cluster) => _states.Cluster(cluster);

    /// <summary>Byte connections by edge.</summary>
    public IReadOnlyList<(EdgeKey Edge, ConnectionTotals Totals)> Connections() => Metrics.CollectConnections();

    /// <summary>How byte connections have ended, over all edges; <paramref name="fault"/> None: well.</summary>
    public long Ended(Weft.Telemetry.Outcomes.Fault fault) => Connections().Sum(c => c.Totals.Ends.TryGetValue(fault, out var durations) ? durations.Count : 0);

    /// <summary>Bytes that the first worker has allocated.</summary>
    public Task<long> AllocatedAsync()
    {
        var result = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        _dataPlane.Workers[0].Post(() => result.SetResult(GC.GetAllocatedBytesForCurrentThread()));
        return result.Task;
    }

    /// <summary>Buffers that the first worker's connections hold.</summary>
    public Task<int> RentedAsync() => OnFirstWorkerAsync(worker => worker.Buffers.Rented);

    /// <summary>Pipes that the first worker's connections hold.</summary>
    public Task<int> RentedPipesAsync() => OnFirstWorkerAsync(worker => worker.Pipes.Rented);

    /// <summary>Pipes that lie ready: some do once a connection has carried bulk.</summary>
    public Task<int> IdlePipesAsync() => OnFirstWorkerAsync(worker => worker.Pipes.Idle);

    private Task<int> OnFirstWorkerAsync(Func<Worker, int> read)
    {
        var result = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        _dataPlane.Workers[0].Post(() => result.SetResult(read(_dataPlane.Workers[0])));
        return result.Task;
    }

    public List<(SeriesKey Key, long Count)> Requests()
    {
        var all = new List<(SeriesKey, long)>();
        Metrics.Collect((key, _, histogram) => all.Add((key, histogram.Count)));
        return all;
    }

    public ValueTask DisposeAsync()
    {
        _dataPlane.Stop();
        foreach (var fault in Faults) TestContext.Current.TestOutputHelper?.WriteLine(fault.ToString());
        return ValueTask.CompletedTask;
    }

    private static Envoy.Extensions.TransportSockets.Tls.V3.DownstreamTlsContext Mutual { get; } = new()
    {
        RequireClientCertificate = true,
        CommonTlsContext = new()
        {
            TlsCertificateSdsSecretConfigs = { new Envoy.Extensions.TransportSockets.Tls.V3.SdsSecretConfig { Name = "default" } },
            ValidationContextSdsSecretConfig = new() { Name = "ROOTCA", SdsConfig = new() { Ads = new() } },
        },
    };

    private void Publish(ProxyConfig next)
    {
        _config = next;
        _store.Publish(next);
    }
}
