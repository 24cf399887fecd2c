using System.Text.Json.Nodes;
using Shouldly;
using Weft.Control.Insights;
using Weft.Control.Tests.Serving;
using Weft.Grpc;
using Weft.Telemetry.Metrics;
using Weft.Telemetry.Otlp;
using Weft.Telemetry.Outcomes;
using Xunit;

namespace Weft.Control.Tests.Insights;

public sealed class InsightEndpointsTests : IAsyncLifetime
{
    private readonly TestControl _control = new();

    public ValueTask InitializeAsync() => _control.InitializeAsync();

    public ValueTask DisposeAsync() => _control.DisposeAsync();

    [Fact]
    public async Task Pushed_metrics_are_shown_as_services_and_edges()
    {
        await using var proxy = await TestProxy.JoinAsync(_control, "storefront-1");
        var registry = new MetricsRegistry(TimeProvider.System);
        var edge = registry.CreateShard().For(new EdgeKey(Direction.Outbound, "default/storefront", "default/catalog", "v1", ChannelSecurity.Mtls));
        await PushAsync(proxy, registry, "storefront-1.default");
        for (var i = 0; i < 10; i++) edge.Record(200, Fault.None, 2000);
        await Task.Delay(20);
        await PushAsync(proxy, registry, "storefront-1.default");

        var stat = await _control.GetAsync("/weft/v1/stat");
        stat.AsObject().Select(p => p.Key).ShouldBe(["services", "edges", "connections"]);
        var service = stat["services"]!.AsArray().ShouldHaveSingleItem()!.AsObject();
        service.Select(p => p.Key).ShouldBe(["name", "requestsPerSecond", "successRate", "mtlsShare", "p50Ms", "p95Ms", "p99Ms"]);
        ((string?)service["name"]).ShouldBe("default/catalog");
        var row = stat["edges"]!.AsArray().ShouldHaveSingleItem()!.AsObject();
        row.Select(p => p.Key).ShouldBe(["from", "to", "requestsPerSecond", "successRate", "mtlsShare", "p50Ms", "p95Ms", "p99Ms"]);
        ((string?)row["from"]).ShouldBe("default/storefront");
        ((double)row["successRate"]!).ShouldBe(1);
        ((double)row["mtlsShare"]!).ShouldBe(1);
        ((double)row["p50Ms"]!).ShouldBe(2, tolerance: 0.1);
    }

    [Fact]
    public async Task Proxy_may_not_report_for_another_namespace()
    {
        await using var proxy = await TestProxy.JoinAsync(_control, "storefront-1");
        var registry = new MetricsRegistry(TimeProvider.System);
        (await Should.ThrowAsync<GrpcException>(() => PushAsync(proxy, registry, "catalog-1.shop"))).Status.Code.ShouldBe(GrpcStatusCode.PermissionDenied);
    }

    [Fact]
    public async Task Proxies_are_listed_with_their_ports_and_stay_listed_after_they_left()
    {
        await using var proxy = await TestProxy.JoinAsync(_control, "catalog-1");
        await proxy.OpenAsync();
        await TestProxy.UntilAsync(() => State() == "acked", "the acknowledgement");
        var row = (await _control.GetAsync("/weft/v1/proxies"))["proxies"]![0]!;
        ((string?)row["node"]).ShouldBe("catalog-1.default");
        ((bool)row["connected"]!).ShouldBeTrue();
        ((bool)row["bypassable"]!).ShouldBeTrue();
        ((int)row["outboundPort"]!).ShouldBe(15001);
        ((int)row["inbound"]![0]!["listen"]!).ShouldBe(9080);
        ((string?)row["userAgent"]).ShouldBe("test-proxy");
        await proxy.CloseAsync();
        await TestProxy.UntilAsync(() => State() == "disconnected", "the disconnect");
    }

    [Fact]
    public async Task Control_plane_says_of_itself_how_it_is()
    {
        var metrics = await _control.Api.GetStringAsync("/metrics");
        metrics.ShouldContain("weft_store_writable 1");
        metrics.ShouldContain("weft_translation_refusals 0");
        ((string?)(await _control.GetAsync("/weft/v1/health"))["status"]).ShouldBe("ok");
    }

    private string? State() => (string?)(_control.GetAsync("/weft/v1/proxies").Result)["proxies"]!.AsArray().FirstOrDefault()?["state"];

    private static Task PushAsync(TestProxy proxy, MetricsRegistry registry, string node) =>
        proxy.Grpc.UnaryAsync(MetricsService.Export, OtlpMetricsWriter.Build(registry, new MetricsSource("storefront", "default", node), DateTimeOffset.UtcNow));
}
