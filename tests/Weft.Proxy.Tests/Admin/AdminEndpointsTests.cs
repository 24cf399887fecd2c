using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Envoy.Admin.V3;
using Envoy.Config.Core.V3;
using Google.Protobuf;
using Shouldly;
using Weft.Identity;
using Weft.Proxy.Tests.Pipelines;
using Weft.Proxy.Tests.Security;
using Weft.Proxy.Workers;
using Weft.TestSupport;
using Weft.Xds;
using Xunit;

namespace Weft.Proxy.Tests.Admin;

/// <summary>Every page as a client sees it; JSON pages are read by Envoy's own messages, strictly: a field that they do not have fails.</summary>
public sealed class AdminEndpointsTests
{
    private static readonly JsonParser Json = new(JsonParser.Settings.Default);

    [Fact]
    public async Task Ready_is_live_once_every_listener_is_open()
    {
        await using var proxy = new ProxyWithAdmin(Bootstraps.Plain(), settle: false);
        (await proxy.GetAsync("ready", HttpStatusCode.ServiceUnavailable)).ShouldBe("PRE_INITIALIZING\n");
        proxy.Settle();
        (await proxy.GetAsync("ready")).ShouldBe("LIVE\n");
    }

    [Fact]
    public async Task Ready_waits_for_a_listener_that_waits_for_its_routes_while_another_is_open()
    {
        var waiting = """
              - name: waits
                address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
                filter_chains:
                - filters:
                  - name: hcm
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                      stat_prefix: waits
                      rds: { route_config_name: later, config_source: { ads: {} } }
                      http_filters: [{ name: router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }]

            """;
        await using var proxy = new ProxyWithAdmin(Bootstraps.Plain().Replace("  clusters:\n", waiting + "  clusters:\n", StringComparison.Ordinal));
        proxy.Listener("in").Port.ShouldBeGreaterThan(0);
        (await proxy.GetAsync("ready", HttpStatusCode.ServiceUnavailable)).ShouldBe("INITIALIZING\n");
    }

    [Fact]
    public async Task Ready_says_draining_after_drain_listeners()
    {
        await using var proxy = new ProxyWithAdmin(Bootstraps.Plain());
        (await proxy.PostAsync("drain_listeners")).ShouldBe(HttpStatusCode.OK);
        await Eventually.TrueAsync(() => Task.FromResult(proxy.Drained == 1));
        (await proxy.GetAsync("ready", HttpStatusCode.ServiceUnavailable)).ShouldBe("DRAINING\n");
        ServerInfo(await proxy.GetAsync("server_info")).State.ShouldBe(Envoy.Admin.V3.ServerInfo.Types.State.Draining);
    }

    [Fact]
    public async Task Drain_takes_the_parameters_of_Envoy_and_refuses_others_by_name()
    {
        await using var proxy = new ProxyWithAdmin(Bootstraps.Plain());
        (await proxy.PostAsync("drain_listeners?gracefully")).ShouldBe(HttpStatusCode.BadRequest);
        proxy.Drained.ShouldBe(0);
        (await proxy.PostAsync("drain_listeners?graceful&inboundonly&skip_exit")).ShouldBe(HttpStatusCode.OK);
        await Eventually.TrueAsync(() => Task.FromResult(proxy.DrainedInboundOnly));
    }

    [Fact]
    public async Task Quit_is_answered_before_the_process_ends()
    {
        await using var proxy = new ProxyWithAdmin(Bootstraps.Plain());
        (await proxy.GetAsync("quitquitquit", HttpStatusCode.MethodNotAllowed)).ShouldContain("POST");
        proxy.Quits.ShouldBe(0);
        (await proxy.PostAsync("quitquitquit")).ShouldBe(HttpStatusCode.OK);
        await Eventually.TrueAsync(() => Task.FromResult(proxy.Quits == 1));
    }

    [Fact]
    public async Task Listeners_are_shown_with_the_port_that_they_got()
    {
        await using var proxy = new ProxyWithAdmin(Bootstraps.Plain());
        var port = (uint)proxy.Listener("in").Port;
        (await proxy.GetAsync("listeners")).ShouldBe($"in::127.0.0.1:{port}\n");
        var status = Json.Parse<Envoy.Admin.V3.Listeners>(await proxy.GetAsync("listeners?format=json")).ListenerStatuses.ShouldHaveSingleItem();
        status.Name.ShouldBe("in");
        status.LocalAddress.SocketAddress.PortValue.ShouldBe(port);
        status.LocalAddress.SocketAddress.Address.ShouldBe("127.0.0.1");
    }

    [Fact]
    public async Task Clusters_count_the_requests_of_each_endpoint()
    {
        using var backend = new HttpListenerBackend();
        await using var proxy = new ProxyWithAdmin(Bootstraps.Plain(backend.Port));
        using var http = new HttpClient();
        for (var i = 0; i < 3; i++) (await http.GetAsync(new Uri($"http://{proxy.Listener("in")}/"))).StatusCode.ShouldBe(HttpStatusCode.OK);

        var cluster = Json.Parse<Envoy.Admin.V3.Clusters>(await proxy.GetAsync("clusters?format=json")).ClusterStatuses.ShouldHaveSingleItem();
        cluster.Name.ShouldBe("backend");
        cluster.AddedViaApi.ShouldBeFalse();
        cluster.CircuitBreakers.Thresholds[0].MaxConnections.ShouldBe(7u);
        cluster.HostStatuses.Count.ShouldBe(2);
        var host = cluster.HostStatuses[0];
        host.Address.SocketAddress.PortValue.ShouldBe((uint)backend.Port);
        host.Weight.ShouldBe(3u);
        host.Locality.Zone.ShouldBe("b");
        host.HealthStatus.EdsHealthStatus.ShouldBe(HealthStatus.Healthy);
        host.Stats.ToDictionary(s => s.Name, s => s.Value).ShouldBe(
            new Dictionary<string, ulong> { ["cx_active"] = 1, ["rq_active"] = 0, ["rq_error"] = 0, ["rq_success"] = 3, ["rq_total"] = 3 }, ignoreOrder: true);
        host.Stats.Single(s => s.Name == "cx_active").Type.ShouldBe(SimpleMetric.Types.Type.Gauge);
        cluster.HostStatuses[1].HealthStatus.EdsHealthStatus.ShouldBe(HealthStatus.Unhealthy);

        var text = await proxy.GetAsync("clusters");
        text.ShouldContain("backend::default_priority::max_connections::7\n");
        text.ShouldContain("backend::added_via_api::false\n");
        text.ShouldContain($"backend::127.0.0.1:{backend.Port}::rq_total::3\n");
        text.ShouldContain($"backend::127.0.0.1:{backend.Port}::health_flags::healthy\n");
        text.ShouldContain("backend::127.0.0.2:9::health_flags::/failed_eds_health\n");
    }

    [Fact]
    public async Task Server_info_shows_node_options_and_uptime()
    {
        await using var proxy = new ProxyWithAdmin(Bootstraps.Plain());
        var info = ServerInfo(await proxy.GetAsync("server_info"));
        info.Version.ShouldMatch(@"^weft-proxy/\d+\.\d+\.\d+$");
        info.State.ShouldBe(Envoy.Admin.V3.ServerInfo.Types.State.Live);
        info.UptimeCurrentEpoch.Seconds.ShouldBeInRange(90, 150);
        info.CommandLineOptions.ConfigPath.ShouldBe("bootstrap.yaml");
        info.CommandLineOptions.Concurrency.ShouldBe(1u);
        info.CommandLineOptions.DrainTime.Seconds.ShouldBe(30);
        info.Node.Id.ShouldBe("checkout-1.shop");
        info.Node.Locality.Zone.ShouldBe("a");
        var weft = info.Node.Metadata.Fields["weft.dev"].StructValue.Fields;
        weft["service"].StringValue.ShouldBe("checkout");
        weft["ports"].ListValue.Values.Select(v => v.NumberValue).ShouldBe([80, 81]);
        weft["live"].BoolValue.ShouldBeTrue();
    }

    [Fact]
    public async Task Certs_shows_the_chain_and_the_roots()
    {
        var authority = new TestAuthority();
        var issued = authority.Issue("checkout");
        var material = new CertificateMaterial(Encoding.ASCII.GetBytes(issued.ChainPem), Encoding.ASCII.GetBytes(issued.KeyPem), authority.RootPem);
        await using var proxy = new ProxyWithAdmin(Bootstraps.Plain(), material);
        var page = await proxy.GetAsync("certs");
        page.ShouldContain($"\"uri\": \"{authority.IdOf("checkout")}\"");
        page.ShouldContain(material.SerialNumber.ToLowerInvariant());
        page.ShouldContain("\"days_until_expiration\": \"0\"");
        page.ShouldNotContain("PRIVATE", Case.Sensitive);
    }

    [Fact]
    public async Task Metrics_pass_promtool()
    {
        using var backend = new HttpListenerBackend();
        await using var proxy = new ProxyWithAdmin(Bootstraps.Plain(backend.Port));
        using var http = new HttpClient();
        await http.GetAsync(new Uri($"http://{proxy.Listener("in")}/"));
        proxy.Process.Contained(new ContainedFault("worker-0", "work", "state", new InvalidOperationException()));
        proxy.Receive(XdsType.Secret, new XdsResource("x", "1", ByteString.CopyFrom(1)));
        string page = "";
        await Eventually.TrueAsync(async () => (page = await proxy.GetAsync("metrics")).Contains("weft_requests_total{"));
        page.ShouldContain("weft_config_generation 1\n");
        page.ShouldContain("weft_contained_faults_total 1\n");
        page.ShouldContain("weft_worker_stalls_total 0\n");
        page.ShouldContain("weft_config_updates_total{type=\"secret\",result=\"rejected\"} 1\n");
        Regex.IsMatch(page, @"^process_resident_memory_bytes [1-9]\d{6,}", RegexOptions.Multiline).ShouldBeTrue();
        Names(await proxy.GetAsync("stats/prometheus")).ShouldBe(Names(page));
        // promtool would have durations in seconds; that family is judged where it is made.
        var others = string.Join('\n', page.Split('\n').Where(l => !l.Contains("weft_request_duration_milliseconds")));
        await Command.FeedAsync(Tool.Require("promtool", "prometheus"), others, "check", "metrics");
    }

    private static IEnumerable<string> Names(string metrics) => metrics.Split('\n').Where(l => l.StartsWith("# TYPE"));

    private static ServerInfo ServerInfo(string json) => Json.Parse<ServerInfo>(json);
}
