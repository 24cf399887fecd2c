using System.Net;
using Shouldly;
using Weft.Grpc;
using Weft.Proxy.Configuration;
using Weft.TestSupport;
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
        var port = Ports.Free();
        var server = await AdsServer.StartAsync(port, new FixedSnapshot(1, Listener("in", null, ("/", "a")), Cluster("a"), Endpoints("a", "10.0.0.1")));
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
        await Until(() => !source.IsConnected && failures.Exists(f => f.Contains("cannot be reached", StringComparison.Ordinal)));
        await Task.Delay(500, TestContext.Current.CancellationToken); // five more attempts, most with the same to say
        failures.Distinct().Count().ShouldBe(failures.Count, string.Join('\n', failures));
        store.Current.Clusters.Find("a")!.Endpoints.Endpoints.Length.ShouldBe(1);
        source.LastFailure.ShouldNotBeNull();

        server = await AdsServer.StartAsync(port, new FixedSnapshot(2, Listener("in", null, ("/", "a")), Cluster("a"), Endpoints("a", "10.0.0.1", "10.0.0.2")));
        await Until(() => store.Current.Clusters.Find("a")!.Endpoints.Endpoints.Length == 2);
        source.LastFailure.ShouldBeNull();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task Request_for_a_route_is_answered_on_demand()
    {
        var port = Ports.Free();
        await using var server = await AdsServer.StartAsync(port, new FixedSnapshot(1, Routes("x.default:80", ("/", "a")), Cluster("a"), Endpoints("a", "10.0.0.1")));
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
        client.Pause(1000).ShouldBeInRange(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(10));
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

}
