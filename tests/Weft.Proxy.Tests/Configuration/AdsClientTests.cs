using System.Net;
using Envoy.Service.Discovery.V3;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging;
using Shouldly;
using Weft.Grpc;
using Weft.Proxy.Configuration;
using Weft.Xds;
using Xunit;
using static Weft.Proxy.Tests.Configuration.ManagementServer;

namespace Weft.Proxy.Tests.Configuration;

/// <summary>The whole way over real sockets: a gRPC server that comes, goes and comes back, and a proxy that keeps what it has.</summary>
public sealed class AdsClientTests
{
    private const string Bootstrap = """
        node: { id: test }
        dynamic_resources:
          lds_config: { ads: {} }
          ads_config: { api_type: DELTA_GRPC, grpc_services: [ { envoy_grpc: { cluster_name: xds } } ] }
        static_resources:
          clusters:
          - { name: xds, load_assignment: { cluster_name: xds, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 1 } } } } ] } ] } }
        """;

    [Fact]
    public async Task Configuration_survives_the_server_and_heals_when_it_returns()
    {
        var port = FreePort();
        var server = await AdsServer.StartAsync(port, new Snapshot(1, Listener("in", null, ("/", "a")), Cluster("a"), Endpoints("a", "10.0.0.1")));
        var store = new ConfigStore();
        var failures = new List<string>();
        using var invoker = GrpcTransport.CreateInvoker();
        await using var source = new Weft.Proxy.Configuration.ConfigSource(
            store, new ConfigHistory(TimeProvider.System), BootstrapFile.Parse(Bootstrap, "b.yaml"), _ => null, _ => { }, identity: null,
            [new GrpcClient(invoker, new Uri($"http://127.0.0.1:{port}"))], new ConfigLimits { FirstRetry = TimeSpan.FromMilliseconds(20), LongestRetry = TimeSpan.FromMilliseconds(100) },
            new Random(1), TimeProvider.System, failures.Add);
        await source.StartAsync();

        await Until(() => store.Current.Listeners.Find("in") is not null);
        await Until(() => server.Streams.Any(s => s.SyncedRevision == 1));
        source.IsConnected.ShouldBeTrue();

        await server.DisposeAsync();
        await Until(() => !source.IsConnected && failures.Count > 2);
        store.Current.Clusters.Find("a")!.Endpoints.Endpoints.Length.ShouldBe(1);
        source.LastFailure.ShouldNotBeNull();

        server = await AdsServer.StartAsync(port, new Snapshot(2, Listener("in", null, ("/", "a")), Cluster("a"), Endpoints("a", "10.0.0.1", "10.0.0.2")));
        await Until(() => store.Current.Clusters.Find("a")!.Endpoints.Endpoints.Length == 2);
        source.LastFailure.ShouldBeNull();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task Request_for_a_route_is_answered_on_demand()
    {
        var port = FreePort();
        await using var server = await AdsServer.StartAsync(port, new Snapshot(1, Routes("x.default:80", ("/", "a")), Cluster("a"), Endpoints("a", "10.0.0.1")));
        var store = new ConfigStore();
        using var invoker = GrpcTransport.CreateInvoker();
        await using var source = new Weft.Proxy.Configuration.ConfigSource(
            store, new ConfigHistory(TimeProvider.System), BootstrapFile.Parse(Bootstrap, "b.yaml"), _ => null, _ => { }, identity: null,
            [new GrpcClient(invoker, new Uri($"http://127.0.0.1:{port}"))], new ConfigLimits(), new Random(1), TimeProvider.System, _ => { });
        await source.StartAsync();

        store.WantRoute!("x.default:80");
        store.WantRoute!("y.default:80");

        await Until(() => store.Current.Routes.Find("x.default:80")?.Table is not null && store.Current.Routes.Find("y.default:80") is not null);
        store.Current.Clusters.Find("a").ShouldNotBeNull();
    }

    [Fact]
    public void Pauses_double_up_to_their_limit_and_are_jittered()
    {
        var client = new AdsClient(null!, null!, [], new ConfigLimits(), new Random(1), TimeProvider.System);

        client.Pause(1).ShouldBeInRange(TimeSpan.FromMilliseconds(125), TimeSpan.FromMilliseconds(250));
        client.Pause(3).ShouldBeInRange(TimeSpan.FromMilliseconds(500), TimeSpan.FromMilliseconds(1000));
        client.Pause(1000).ShouldBeInRange(TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(30));
    }

    private static async Task Until(Func<bool> condition)
    {
        var end = DateTime.UtcNow.AddSeconds(20);
        while (!condition())
        {
            (DateTime.UtcNow < end).ShouldBeTrue("it did not happen within 20 s");
            await Task.Delay(10);
        }
    }

    private static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private sealed class Snapshot(long revision, params (XdsType Type, string Name, Google.Protobuf.IMessage Message)[] resources) : IXdsSnapshot
    {
        private readonly Dictionary<(XdsType, string), XdsResource> _resources = resources.ToDictionary(r => (r.Type, r.Name), r => XdsResource.Of(r.Name, r.Message));

        public long Revision => revision;

        public XdsResource? Find(XdsType type, string name) => _resources.GetValueOrDefault((type, name));

        public IReadOnlyList<XdsResource> Wildcard(XdsType type) => [.. _resources.Where(r => r.Key.Item1 == type).Select(r => r.Value)];
    }

    private sealed class AdsServer(WebApplication app) : IAsyncDisposable
    {
        public List<DeltaServerStream> Streams { get; } = [];

        public static async Task<AdsServer> StartAsync(int port, IXdsSnapshot snapshot)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, port, l => l.Protocols = HttpProtocols.Http2));
            var app = builder.Build();
            var server = new AdsServer(app);
            var grpc = new GrpcServer<Exchange>.Builder().Stream(AdsMethods.Delta, (call, _) => server.ServeAsync(call, snapshot)).Build();
            app.Run(context => grpc.HandleAsync(new Exchange(context)));
            await app.StartAsync();
            return server;
        }

        public async ValueTask DisposeAsync()
        {
            using var now = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
            await app.StopAsync(now.Token);
            await app.DisposeAsync();
        }

        private async Task ServeAsync(GrpcServerCall call, IXdsSnapshot snapshot)
        {
            var stream = new DeltaServerStream();
            lock (Streams) Streams.Add(stream);
            stream.OnSnapshot(snapshot);
            while (await call.ReadAsync(DeltaDiscoveryRequest.Parser) is { } request)
            {
                foreach (var response in stream.OnRequest(request)) await call.WriteAsync(response);
            }
        }
    }

    private sealed class Exchange : IGrpcExchange
    {
        private readonly HttpContext _context;

        public Exchange(HttpContext context)
        {
            _context = context;
            context.Features.Get<IHttpMinRequestBodyDataRateFeature>()?.MinDataRate = null;
            context.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize = null;
        }

        public string Method => _context.Request.Method;

        public string Path => _context.Request.Path.Value ?? "";

        public System.IO.Pipelines.PipeReader RequestBody => _context.Request.BodyReader;

        public System.IO.Pipelines.PipeWriter ResponseBody => _context.Response.BodyWriter;

        public CancellationToken Aborted => _context.RequestAborted;

        public string? RequestHeader(string name) => _context.Request.Headers.TryGetValue(name, out var values) ? values.ToString() : null;

        public void SetHttpStatus(int status) => _context.Response.StatusCode = status;

        public void SetResponseHeader(string name, string value) => _context.Response.Headers[name] = value;

        public void SetTrailer(string name, string value) => _context.Response.AppendTrailer(name, value);
    }
}
