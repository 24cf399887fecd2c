using System.Diagnostics;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Route.V3;
using Envoy.Service.Discovery.V3;
using Shouldly;
using Weft.Grpc;
using Weft.Xds;
using Xunit;

namespace Weft.Control.Tests.Serving;

/// <summary>Resources in through the API, configuration out over mutual TLS.</summary>
public sealed class AdsServiceTests : IAsyncLifetime
{
    private const string Catalog = "catalog.default:80";
    private readonly TestControl _control = new();

    public ValueTask InitializeAsync() => _control.InitializeAsync();

    public ValueTask DisposeAsync() => _control.DisposeAsync();

    [Fact]
    public async Task Proxy_gets_what_it_asks_for_and_every_change_of_it()
    {
        await _control.ApplyAsync(TestControl.Shop("catalog"));
        await using var proxy = await TestProxy.JoinAsync(_control, "catalog-1");
        await proxy.OpenAsync(Catalog);
        await proxy.WaitForAsync(XdsType.Listener, "outbound");
        await proxy.WaitForAsync(XdsType.Listener, "inbound:8080");
        await proxy.WaitForAsync(XdsType.Cluster, Catalog);
        await proxy.WaitForAsync(XdsType.Secret, "ROOTCA");
        var route = await proxy.WaitForAsync(XdsType.Route, Catalog);
        RouteConfiguration.Parser.ParseFrom(route.Body).VirtualHosts.ShouldNotBeEmpty();
        var endpoints = await proxy.WaitForAsync(XdsType.Endpoint, Catalog);
        PortsOf(endpoints).ShouldBe([9080u]);

        var revision = await _control.ApplyAsync(TestControl.Shop("catalog", port: 8081));
        var changed = await proxy.WaitForAsync(XdsType.Endpoint, Catalog, otherThan: endpoints.Version);
        PortsOf(changed).ShouldBe([9081u]);
        var rollout = await _control.GetAsync($"/weft/v1/rollout?revision={revision}&timeout=10");
        ((bool)rollout["complete"]!).ShouldBeTrue();
        ((string?)rollout["proxies"]![0]!["state"]).ShouldBe("acked");

        await _control.DeleteAsync("/api/v1/namespaces/default/services/catalog");
        await proxy.WaitForRemovalAsync(XdsType.Cluster, Catalog);
    }

    [Fact]
    public async Task A_name_is_answered_when_it_is_asked_and_again_whenever_the_answer_is_another()
    {
        await _control.ApplyAsync(TestControl.Shop("catalog"));
        await using var proxy = await TestProxy.JoinAsync(_control, "catalog-1");
        await proxy.OpenAsync();

        // The name that a program asks for, and the address that it then connects to.
        await proxy.AskAsync(XdsType.Name, "catalog.default", "orders.default", "example.org");
        var name = Weft.V1.Name.Parser.ParseFrom((await proxy.WaitForAsync(XdsType.Name, "catalog.default")).Body);
        var address = name.Addresses.ShouldHaveSingleItem();
        await TestProxy.UntilAsync(() => proxy.Absent.ContainsKey((XdsType.Name, "orders.default")) && proxy.Absent.ContainsKey((XdsType.Name, "example.org")), "that the others are no services");
        await proxy.AskAsync(XdsType.Name, address);
        Weft.V1.Name.Parser.ParseFrom((await proxy.WaitForAsync(XdsType.Name, address)).Body).ShouldBe(name);

        await _control.ApplyAsync(TestControl.Shop("orders"));
        Weft.V1.Name.Parser.ParseFrom((await proxy.WaitForAsync(XdsType.Name, "orders.default")).Body).Addresses.ShouldHaveSingleItem().ShouldNotBe(address);

        await _control.DeleteAsync("/api/v1/namespaces/default/services/catalog");
        await proxy.WaitForRemovalAsync(XdsType.Name, "catalog.default");
        await proxy.WaitForRemovalAsync(XdsType.Name, address);
        // Made anew, it has the address of before.
        await _control.ApplyAsync(TestControl.Shop("catalog"));
        await proxy.WaitForAsync(XdsType.Name, address);
    }

    [Fact]
    public async Task Rollout_waits_for_the_acknowledgement_and_says_who_is_missing()
    {
        await _control.ApplyAsync(TestControl.Shop("catalog"));
        await using var proxy = await TestProxy.JoinAsync(_control, "catalog-1");
        await proxy.OpenAsync(Catalog);
        await proxy.WaitForAsync(XdsType.Endpoint, Catalog);
        proxy.Judge = update => update.Type == XdsType.Endpoint ? null : [];
        var revision = await _control.ApplyAsync(TestControl.Shop("catalog", port: 8081));
        var pending = await _control.GetAsync($"/weft/v1/rollout?revision={revision}&timeout=0.3");
        ((bool)pending["complete"]!).ShouldBeFalse();
        ((string?)pending["proxies"]![0]!["node"]).ShouldBe("catalog-1.default");
        ((string?)pending["proxies"]![0]!["state"]).ShouldBe("pending");

        var waiting = _control.GetAsync($"/weft/v1/rollout?revision={revision}&timeout=30");
        var watch = Stopwatch.StartNew();
        await proxy.ReleaseAsync();
        ((bool)(await waiting)["complete"]!).ShouldBeTrue();
        watch.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(10), "it ended with the ACK and not with the time");
    }

    [Fact]
    public async Task Refusal_is_written_to_the_resource_that_caused_it_and_taken_back_when_it_ends()
    {
        await _control.ApplyAsync(TestControl.Shop("catalog"));
        await using var proxy = await TestProxy.JoinAsync(_control, "catalog-1");
        await proxy.OpenAsync(Catalog);
        await proxy.WaitForAsync(XdsType.Route, Catalog);
        proxy.Judge = update => [.. update.Added.Where(a => update.Type == XdsType.Route).Select(a => new XdsRefusal(a.Name, "no such thing"))];
        const string Route = """
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: {name: split}
            spec:
              parentRefs: [{group: "", kind: Service, name: catalog}]
              rules: [{matches: [{path: {type: PathPrefix, value: /a}}], backendRefs: [{name: catalog, port: 80}]}]
            """;
        var revision = await _control.ApplyAsync(Route);
        var report = await _control.GetAsync($"/weft/v1/rollout?revision={revision}&timeout=20");
        ((bool)report["complete"]!).ShouldBeTrue();
        ((string?)report["proxies"]![0]!["state"]).ShouldBe("refused");
        ((string?)report["proxies"]![0]!["refusals"]![0]!["message"])!.ShouldContain("no such thing");
        await UntilConditionAsync("Programmed", "False", "catalog-1.default refuses route catalog.default:80");

        proxy.Judge = _ => [];
        await _control.ApplyAsync(Route.Replace("/a", "/b", StringComparison.Ordinal));
        await UntilConditionAsync("Programmed", null, "");
        await UntilConditionAsync("Accepted", "True", "");
    }

    [Fact]
    public async Task Status_of_objects_is_written_once_and_causes_no_further_write()
    {
        await _control.ApplyAsync(TestControl.Shop("catalog"));
        await TestProxy.UntilAsync(() => _control.GetAsync("/api/v1/namespaces/default/services/catalog").Result["status"] is not null, "status");
        await Task.Delay(300);
        var before = (await _control.GetAsync("/api/v1/services"))["metadata"]!["resourceVersion"]!.ToString();
        await Task.Delay(500);
        (await _control.GetAsync("/api/v1/services"))["metadata"]!["resourceVersion"]!.ToString().ShouldBe(before);
    }

    [Fact]
    public async Task Object_of_an_old_name_gets_a_status_of_its_own()
    {
        for (var round = 0; round < 2; round++)
        {
            await _control.ApplyAsync(TestControl.Shop("catalog"));
            await TestProxy.UntilAsync(() => _control.GetAsync("/api/v1/namespaces/default/services/catalog").Result["status"] is not null, $"status {round}");
            await _control.DeleteAsync("/api/v1/namespaces/default/services/catalog");
        }
    }

    [Fact]
    public async Task Node_of_another_identity_is_refused()
    {
        await _control.ApplyAsync("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: payments}\n---\n" +
            TestControl.Shop("payments").Replace("spec: {address", "spec: {serviceAccount: payments, address", StringComparison.Ordinal));
        await using var proxy = await TestProxy.JoinAsync(_control, "catalog-1");
        // Neither by saying so nor by keeping quiet about the account.
        foreach (var node in new[] { TestProxy.NodeOf("payments-1", "payments"), TestProxy.NodeOf("payments-1"), TestProxy.NodeOf("x", ns: "weft-system") })
        {
            await using var call = await proxy.Grpc.DuplexAsync(AdsMethods.Delta);
            await call.WriteAsync(new DeltaDiscoveryRequest { Node = node, TypeUrl = XdsType.Listener.TypeUrl() });
            var refused = await Should.ThrowAsync<GrpcException>(() => call.ReadAsync());
            refused.Status.Code.ShouldBe(GrpcStatusCode.PermissionDenied, refused.Status.Message);
        }
    }

    [Fact]
    public async Task Client_without_certificate_may_join_and_nothing_else()
    {
        using var handler = GrpcTransport.Configure(new SocketsHttpHandler());
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        using var invoker = new HttpMessageInvoker(handler);
        var client = new GrpcClient(invoker, new Uri($"https://{_control.Control.XdsAddress}"));
        await using (var call = await client.DuplexAsync(AdsMethods.Delta))
        {
            (await Should.ThrowAsync<GrpcException>(() => call.ReadAsync())).Status.Code.ShouldBe(GrpcStatusCode.Unauthenticated);
        }
        (await Should.ThrowAsync<GrpcException>(() => client.UnaryAsync(Control.Insights.MetricsService.Export, new()))).Status.Code.ShouldBe(GrpcStatusCode.Unauthenticated);
        (await Should.ThrowAsync<GrpcException>(() => client.UnaryAsync(Identity.CertificateMethods.CreateCertificate, new()))).Status.Code.ShouldNotBe(GrpcStatusCode.Unimplemented);
        var sotw = AdsMethods.Delta with { Name = "StreamAggregatedResources" };
        await using var unknown = await client.DuplexAsync(new GrpcMethod<DeltaDiscoveryRequest, DeltaDiscoveryResponse>(sotw.Service, sotw.Name, sotw.RequestParser, sotw.ResponseParser));
        (await Should.ThrowAsync<GrpcException>(() => unknown.ReadAsync())).Status.Code.ShouldBe(GrpcStatusCode.Unimplemented);
    }

    [Fact]
    public async Task Restarted_control_plane_sends_nothing_that_the_proxy_already_has()
    {
        await _control.ApplyAsync(TestControl.Shop("catalog"));
        await using var proxy = await TestProxy.JoinAsync(_control, "catalog-1");
        await proxy.OpenAsync(Catalog);
        await proxy.WaitForAsync(XdsType.Route, Catalog);
        await proxy.WaitForAsync(XdsType.Endpoint, Catalog);
        await proxy.WaitForAsync(XdsType.Secret, "ROOTCA");
        await proxy.WaitForAsync(XdsType.Listener, "outbound");
        var received = proxy.Received;
        var stopping = Stopwatch.StartNew();
        await _control.StopAsync();
        stopping.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(20));
        (await proxy.Ended.Task.WaitAsync(TimeSpan.FromSeconds(20))).Code.ShouldBe(GrpcStatusCode.Unavailable);
        await proxy.CloseAsync();

        await _control.StartAsync();
        proxy.Use(_control);
        await proxy.OpenAsync(Catalog);
        var revision = await _control.ApplyAsync(TestControl.Shop("reviews"));
        ((bool)(await _control.GetAsync($"/weft/v1/rollout?revision={revision}&timeout=20"))["complete"]!).ShouldBeTrue();
        proxy.Received.ShouldBe(received);
    }

    [Fact]
    public async Task Join_token_works_once()
    {
        await using var proxy = await TestProxy.JoinAsync(_control, "catalog-1");
        proxy.Agent.Current!.SpiffeId.Text.ShouldBe("spiffe://weft.local/ns/default/sa/default");
        var seen = await _control.GetAsync("/weft/v1/health");
        ((string?)seen["status"]).ShouldBe("ok");
    }

    private async Task UntilConditionAsync(string type, string? status, string message)
    {
        await TestProxy.UntilAsync(() =>
        {
            var route = _control.GetAsync("/apis/gateway.networking.k8s.io/v1/namespaces/default/httproutes/split").Result;
            var condition = route["status"]?["parents"]?[0]?["conditions"]?.AsArray().FirstOrDefault(c => (string?)c!["type"] == type);
            return status is null ? condition is null : (string?)condition?["status"] == status && ((string)condition!["message"]!).Contains(message, StringComparison.Ordinal);
        }, $"condition {type} {status}");
    }

    private static IEnumerable<uint> PortsOf(XdsResource endpoints) =>
        ClusterLoadAssignment.Parser.ParseFrom(endpoints.Body).Endpoints.SelectMany(l => l.LbEndpoints).Select(e => e.Endpoint.Address.SocketAddress.PortValue);
}
