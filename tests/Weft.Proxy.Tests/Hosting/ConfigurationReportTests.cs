using Envoy.Admin.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Shouldly;
using Weft.Proxy.Tests.Admin;
using Weft.Proxy.Tests.Configuration;
using Weft.Proxy.Tests.Security;
using Weft.TestSupport;
using Weft.Xds;
using Xunit;

namespace Weft.Proxy.Tests.Hosting;

/// <summary>What the real process reports of its configuration, from a file and from a management server.</summary>
public sealed class ConfigurationReportTests
{
    private static readonly JsonParser Json = new(new JsonParser.Settings(100, TypeRegistry.FromFiles(
        ConfigDumpReflection.Descriptor, Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManagerReflection.Descriptor,
        Envoy.Extensions.Filters.Http.Router.V3.RouterReflection.Descriptor, TlsReflection.Descriptor, Envoy.Config.Endpoint.V3.EndpointReflection.Descriptor,
        ListenerReflection.Descriptor, Envoy.Config.Cluster.V3.ClusterReflection.Descriptor, RouteReflection.Descriptor)));

    [Fact]
    public async Task A_static_bootstrap_is_shown_whole_and_without_its_keys()
    {
        var authority = new TestAuthority();
        var (inline, secret) = (authority.Issue("a"), authority.Issue("b"));
        using var proxy = await RunningProxy.StartAsync(Bootstraps.WithKeys(inline.ChainPem, inline.KeyPem, secret.ChainPem, secret.KeyPem));

        var text = await proxy.GetAsync("config_dump");

        var dump = Json.Parse<ConfigDump>(text);
        Section<BootstrapConfigDump>(dump).Bootstrap.Node.Id.ShouldBe("a");
        Section<ListenersConfigDump>(dump).StaticListeners.ShouldHaveSingleItem().Listener.Unpack<Listener>().Name.ShouldBe("tls");
        Section<RoutesConfigDump>(dump).StaticRouteConfigs.ShouldHaveSingleItem().RouteConfig.Unpack<RouteConfiguration>().Name.ShouldBe("r");
        Section<SecretsConfigDump>(dump).StaticSecrets.ShouldHaveSingleItem().Secret.Unpack<Secret>().TlsCertificate.PrivateKey.InlineBytes.ToStringUtf8().ShouldBe("[redacted]");
        text.ShouldNotContain("PRIVATE KEY");
        foreach (var key in new[] { inline.KeyPem, secret.KeyPem })
        {
            var line = key.Split('\n')[1];
            text.ShouldNotContain(line);
            text.ShouldNotContain(Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes(key))[..40]);
        }
    }

    [Fact]
    public async Task A_management_servers_resources_are_shown_with_what_became_of_them()
    {
        var refused = ManagementServer.Listener("bad", "r");
        ((Listener)refused.Item3).Transparent = true;
        var port = Ports.Free();
        await using var server = await AdsServer.StartAsync(port, new FixedSnapshot(
            1, ManagementServer.Listener("in", "r"), ManagementServer.Routes("r", ("/", "a"), ("/none", "none")),
            ManagementServer.Cluster("a"), ManagementServer.Endpoints("a", "10.0.0.1"), refused));
        using var proxy = await RunningProxy.StartAsync($$"""
            node: { id: test }
            dynamic_resources:
              lds_config: { ads: {} }
              ads_config: { api_type: DELTA_GRPC, grpc_services: [ { envoy_grpc: { cluster_name: xds } } ] }
            static_resources:
              clusters:
              - { name: xds, load_assignment: { cluster_name: xds, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: {{port}} } } } } ] } ] } }
            """);
        ConfigDump dump = null!;
        await proxy.UntilAsync(async () =>
        {
            dump = Json.Parse<ConfigDump>(await proxy.GetAsync("config_dump?include_eds"));
            return Section<ListenersConfigDump>(dump).DynamicListeners.Count == 2 && Section<ListenersConfigDump>(dump).DynamicListeners.Any(l => l.ActiveState is not null);
        });

        var listeners = Section<ListenersConfigDump>(dump).DynamicListeners;
        listeners.Single(l => l.Name == "in").ClientStatus.ShouldBe(ClientResourceStatus.Acked);
        var failure = listeners.Single(l => l.Name == "bad").ErrorState;
        failure.FailedConfiguration.Unpack<Listener>().Transparent.ShouldBe(true);
        failure.Details.ShouldContain("transparent");
        var clusters = Section<ClustersConfigDump>(dump).DynamicActiveClusters;
        clusters.Select(c => c.ClientStatus).ShouldBe([ClientResourceStatus.Acked, ClientResourceStatus.DoesNotExist], ignoreOrder: true);
        Section<EndpointsConfigDump>(dump).DynamicEndpointConfigs.ShouldHaveSingleItem().ClientStatus.ShouldBe(ClientResourceStatus.Acked);
        var route = Section<RoutesConfigDump>(dump).DynamicRouteConfigs.ShouldHaveSingleItem();
        route.VersionInfo.ShouldBe(XdsVersion.Of(ManagementServer.Routes("r", ("/", "a"), ("/none", "none")).Item3.ToByteArray()));

        (await proxy.GetAsync("clusters?format=json")).ShouldContain("\"added_via_api\": true");
        (await proxy.MetricAsync("weft_config_updates_total{type=\"cluster\",result=\"accepted\"}")).ShouldBe(1);
        (await proxy.MetricAsync("weft_config_updates_total{type=\"listener\",result=\"rejected\"}")).ShouldBe(1);
        (await proxy.MetricAsync("weft_control_plane_connected")).ShouldBe(1);
        (await proxy.GetAsync("metrics")).Split('\n').Where(l => l.StartsWith("# TYPE ", StringComparison.Ordinal)).ShouldBeUnique();
    }

    private static T Section<T>(ConfigDump dump) where T : IMessage<T>, new() =>
        dump.Configs.Single(c => c.TypeUrl.EndsWith("." + new T().Descriptor.Name, StringComparison.Ordinal)).Unpack<T>();
}
