using System.Net;
using System.Text;
using Envoy.Admin.V3;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Shouldly;
using Weft.Identity;
using Weft.Proxy.Configuration;
using Weft.Proxy.Tests.Security;
using Weft.Xds;
using Xunit;

namespace Weft.Proxy.Tests.Admin;

/// <summary>The dump as Envoy's own messages read it, strictly: a field or type that they do not have fails.</summary>
public sealed class ConfigDumpTests
{
    // A registry of the test's own: the product's is what is tested.
    private static readonly JsonParser Json = new(new JsonParser.Settings(100, TypeRegistry.FromFiles(
        ConfigDumpReflection.Descriptor, HttpConnectionManagerReflection.Descriptor, Envoy.Extensions.Filters.Http.Router.V3.RouterReflection.Descriptor,
        TlsReflection.Descriptor, EndpointReflection.Descriptor, ListenerReflection.Descriptor, ClusterReflection.Descriptor, RouteReflection.Descriptor)));

    [Fact]
    public async Task A_static_configuration_reads_back_as_it_was_written()
    {
        await using var proxy = new ProxyWithAdmin(Bootstraps.Plain());
        var text = await proxy.GetAsync("config_dump");
        var dump = Json.Parse<ConfigDump>(text);
        dump.Configs.Select(c => c.TypeUrl.Split('.')[^1]).ShouldBe(
            ["BootstrapConfigDump", "ClustersConfigDump", "ListenersConfigDump", "RoutesConfigDump", "SecretsConfigDump"]);
        var bootstrap = dump.Configs[0].Unpack<BootstrapConfigDump>();
        bootstrap.Bootstrap.Node.Id.ShouldBe("checkout-1.shop");
        bootstrap.LastUpdated.ToDateTimeOffset().ShouldBe(TimeProvider.System.GetUtcNow(), TimeSpan.FromMinutes(1));
        bootstrap.Bootstrap.StaticResources.Clusters.ShouldHaveSingleItem().Name.ShouldBe("backend");
        var cluster = Section<ClustersConfigDump>(dump).StaticClusters.ShouldHaveSingleItem();
        cluster.Cluster.Unpack<Cluster>().LoadAssignment.Endpoints[0].LbEndpoints[0].LoadBalancingWeight.ShouldBe(3u);
        var listener = Section<ListenersConfigDump>(dump).StaticListeners.ShouldHaveSingleItem().Listener.Unpack<Listener>();
        listener.FilterChains[0].Filters[0].TypedConfig.Unpack<HttpConnectionManager>().RouteConfig.Name.ShouldBe("r");
        Section<RoutesConfigDump>(dump).StaticRouteConfigs.ShouldHaveSingleItem().RouteConfig.Unpack<RouteConfiguration>().VirtualHosts.ShouldHaveSingleItem().Name.ShouldBe("all");
        text.ShouldContain("\"static_listeners\"", customMessage: "names of the proto, as Envoy writes them");
    }

    [Fact]
    public async Task Keys_are_redacted_wherever_they_stand()
    {
        var authority = new TestAuthority();
        var (inline, secret) = (authority.Issue("inline"), authority.Issue("secret"));
        await using var proxy = new ProxyWithAdmin(Bootstraps.WithKeys(inline.ChainPem, inline.KeyPem, secret.ChainPem, secret.KeyPem));
        var text = await proxy.GetAsync("config_dump?include_eds");
        text.ShouldNotContain("PRIVATE KEY", Case.Sensitive);
        foreach (var key in new[] { inline.KeyPem, secret.KeyPem })
        {
            var body = key.Split('\n')[1];
            text.ShouldNotContain(body);
            text.ShouldNotContain(Convert.ToBase64String(Encoding.ASCII.GetBytes(key))[..40]);
        }
        var dump = Json.Parse<ConfigDump>(text);
        var context = Section<ListenersConfigDump>(dump).StaticListeners[0].Listener.Unpack<Listener>()
            .FilterChains[0].TransportSocket.TypedConfig.Unpack<DownstreamTlsContext>().CommonTlsContext.TlsCertificates[0];
        context.PrivateKey.InlineString.ShouldBe("[redacted]");
        context.CertificateChain.InlineString.ShouldBe(inline.ChainPem);
        var shown = Section<SecretsConfigDump>(dump).StaticSecrets[0].Secret.Unpack<Secret>().TlsCertificate;
        shown.PrivateKey.InlineBytes.ToStringUtf8().ShouldBe("[redacted]");
        shown.CertificateChain.InlineString.ShouldBe(secret.ChainPem);
        dump.Configs[0].Unpack<BootstrapConfigDump>().Bootstrap.StaticResources.Secrets[0].TlsCertificate.PrivateKey.InlineBytes.ToStringUtf8().ShouldBe("[redacted]");
    }

    [Fact]
    public void Keys_are_not_kept_for_the_dump()
    {
        var key = new TestAuthority().Issue("a").KeyPem;
        var history = new ConfigHistory(TimeProvider.System);
        var secret = new Secret { Name = "s", TlsCertificate = new TlsCertificate { PrivateKey = new DataSource { InlineString = key } } };
        history.Accepted(XdsType.Secret, XdsResource.Of("s", secret));
        history.Refused(XdsType.Secret, XdsResource.Of("t", secret), "no");
        foreach (var kept in new[] { history.Of(XdsType.Secret)[0].Active, history.Of(XdsType.Secret)[1].Failure!.Config })
            Secret.Parser.ParseFrom(kept!.Body).TlsCertificate.PrivateKey.InlineString.ShouldBe("[redacted]");
    }

    [Fact]
    public async Task The_own_certificate_is_shown_without_its_key()
    {
        var authority = new TestAuthority();
        var issued = authority.Issue("checkout");
        var material = new CertificateMaterial(Encoding.ASCII.GetBytes(issued.ChainPem), Encoding.ASCII.GetBytes(issued.KeyPem), authority.RootPem);
        await using var proxy = new ProxyWithAdmin(Bootstraps.Plain(), material);
        var text = await proxy.GetAsync("config_dump");
        var own = Section<SecretsConfigDump>(Json.Parse<ConfigDump>(text)).DynamicActiveSecrets.ShouldHaveSingleItem();
        own.Name.ShouldBe("default");
        own.VersionInfo.ShouldBe(material.SerialNumber.ToLowerInvariant());
        var certificate = own.Secret.Unpack<Secret>().TlsCertificate;
        certificate.PrivateKey.InlineString.ShouldBe("[redacted]");
        certificate.CertificateChain.InlineBytes.Span.SequenceEqual(material.ChainPem.Span).ShouldBeTrue();
    }

    [Fact]
    public async Task What_comes_is_requested_then_warming_then_active()
    {
        await using var proxy = new ProxyWithAdmin(Bootstraps.Plain());
        proxy.Ask(XdsType.Cluster, "c");
        var cluster = await ClusterAsync(proxy);
        cluster.Active.ShouldNotBeNull().ClientStatus.ShouldBe(ClientResourceStatus.Requested);

        proxy.Receive(XdsType.Cluster, XdsResource.Of("c", Eds("c", 5)));
        cluster = await ClusterAsync(proxy);
        cluster.Active.ShouldBeNull();
        cluster.Warming.ShouldNotBeNull().Cluster.Unpack<Cluster>().ConnectTimeout.Seconds.ShouldBe(5);

        proxy.Receive(XdsType.Endpoint, XdsResource.Of("c", new ClusterLoadAssignment { ClusterName = "c" }));
        cluster = await ClusterAsync(proxy);
        cluster.Warming.ShouldBeNull();
        cluster.Active.ShouldNotBeNull().ClientStatus.ShouldBe(ClientResourceStatus.Acked);
        cluster.Active.VersionInfo.ShouldBe(XdsVersion.Of(Eds("c", 5).ToByteArray()));
        var parsed = new JsonParser(JsonParser.Settings.Default).Parse<Clusters>(await proxy.GetAsync("clusters?format=json"));
        parsed.ClusterStatuses.Single(s => s.Name == "c").AddedViaApi.ShouldBeTrue();
    }

    [Fact]
    public async Task A_refusal_shows_what_was_refused_beside_what_is_in_use()
    {
        await using var proxy = new ProxyWithAdmin(Bootstraps.Plain());
        proxy.Receive(XdsType.Endpoint, XdsResource.Of("c", new ClusterLoadAssignment { ClusterName = "c" }));
        proxy.Receive(XdsType.Cluster, XdsResource.Of("c", Eds("c", 5)));
        var bad = Eds("c", 6);
        bad.LbPolicy = Cluster.Types.LbPolicy.Maglev;
        var ticket = proxy.Receive(XdsType.Cluster, XdsResource.Of("c", bad));
        var active = (await ClusterAsync(proxy)).Active.ShouldNotBeNull();
        active.Cluster.Unpack<Cluster>().ConnectTimeout.Seconds.ShouldBe(5);
        active.ClientStatus.ShouldBe(ClientResourceStatus.Nacked);
        active.ErrorState.FailedConfiguration.Unpack<Cluster>().ConnectTimeout.Seconds.ShouldBe(6);
        active.ErrorState.Details.ShouldBe(ticket.Refused.ShouldHaveSingleItem().Message);
        active.ErrorState.Details.ShouldContain("lb_policy");

        proxy.Receive(XdsType.Cluster, XdsResource.Of("c", Eds("c", 7)));
        active = (await ClusterAsync(proxy)).Active.ShouldNotBeNull();
        active.ErrorState.ShouldBeNull();
        active.Cluster.Unpack<Cluster>().ConnectTimeout.Seconds.ShouldBe(7);
    }

    [Fact]
    public async Task What_does_not_exist_says_so()
    {
        await using var proxy = new ProxyWithAdmin(Bootstraps.Plain());
        proxy.Receive(XdsType.Route, XdsResource.Of("r", new RouteConfiguration { Name = "r" }));
        proxy.Remove(XdsType.Route, "r");
        proxy.Remove(XdsType.Endpoint, "e");
        var dump = Json.Parse<ConfigDump>(await proxy.GetAsync("config_dump?include_eds"));
        var route = Section<RoutesConfigDump>(dump).DynamicRouteConfigs.ShouldHaveSingleItem();
        route.ClientStatus.ShouldBe(ClientResourceStatus.DoesNotExist);
        route.RouteConfig.Unpack<RouteConfiguration>().Name.ShouldBe("r");
        Section<EndpointsConfigDump>(dump).DynamicEndpointConfigs.ShouldHaveSingleItem().EndpointConfig.Unpack<ClusterLoadAssignment>().ClusterName.ShouldBe("e");
    }

    [Fact]
    public async Task Endpoints_are_shown_when_asked_for()
    {
        await using var proxy = new ProxyWithAdmin(Bootstraps.Plain());
        proxy.Receive(XdsType.Endpoint, XdsResource.Of("e", new ClusterLoadAssignment { ClusterName = "e" }));
        (await proxy.GetAsync("config_dump")).ShouldNotContain("EndpointsConfigDump");
        var dump = Json.Parse<ConfigDump>(await proxy.GetAsync("config_dump?include_eds"));
        Section<EndpointsConfigDump>(dump).DynamicEndpointConfigs.ShouldHaveSingleItem().ClientStatus.ShouldBe(ClientResourceStatus.Acked);
    }

    [Fact]
    public async Task One_list_or_one_name_can_be_asked_for()
    {
        await using var proxy = new ProxyWithAdmin(Bootstraps.Plain());
        proxy.Receive(XdsType.Route, XdsResource.Of("r1", new RouteConfiguration { Name = "r1" }), XdsResource.Of("r2", new RouteConfiguration { Name = "r2" }));
        var dump = Json.Parse<ConfigDump>(await proxy.GetAsync("config_dump?resource=dynamic_route_configs"));
        dump.Configs.Select(c => c.Unpack<RoutesConfigDump.Types.DynamicRouteConfig>().RouteConfig.Unpack<RouteConfiguration>().Name).ShouldBe(["r1", "r2"]);
        dump = Json.Parse<ConfigDump>(await proxy.GetAsync("config_dump?name=r2"));
        Section<RoutesConfigDump>(dump).DynamicRouteConfigs.ShouldHaveSingleItem();
        (await proxy.GetAsync("config_dump?resource=nothing", HttpStatusCode.BadRequest)).ShouldContain("static_clusters");
        (await proxy.GetAsync("config_dump?mask=x", HttpStatusCode.BadRequest)).ShouldContain("mask");
    }

    [Fact]
    public void A_type_that_is_not_known_is_named_and_not_shown()
    {
        var any = new Google.Protobuf.WellKnownTypes.Any { TypeUrl = "type.googleapis.com/acme.Unknown", Value = ByteString.CopyFromUtf8("hidden") };
        var redacted = Redaction.Redact(new Listener { FilterChains = { new FilterChain { Filters = { new Envoy.Config.Listener.V3.Filter { TypedConfig = any } } } } });
        var note = redacted.FilterChains[0].Filters[0].TypedConfig.Unpack<Google.Protobuf.WellKnownTypes.StringValue>().Value;
        note.ShouldBe("type.googleapis.com/acme.Unknown: 6 bytes of a type that is not known here");
    }

    [Fact]
    public void Everything_marked_sensitive_is_redacted()
    {
        var certificate = new TlsCertificate
        {
            CertificateChain = new DataSource { InlineString = "public" },
            PrivateKey = new DataSource { Filename = "/keys/tls.key" },
            Password = new DataSource { InlineBytes = ByteString.CopyFromUtf8("secret") },
            PrivateKeyProvider = new PrivateKeyProvider { ProviderName = "hsm", TypedConfig = Google.Protobuf.WellKnownTypes.Any.Pack(new Secret { Name = "pin" }) },
        };
        var keys = new TlsSessionTicketKeys { Keys = { new DataSource { InlineBytes = ByteString.CopyFromUtf8("ticket") } } };
        Redaction.Redact(keys).Keys[0].InlineBytes.ToStringUtf8().ShouldBe("[redacted]");
        var redacted = Redaction.Redact(certificate);
        redacted.CertificateChain.InlineString.ShouldBe("public");
        redacted.PrivateKey.Filename.ShouldBe("[redacted]");
        redacted.Password.InlineBytes.ToStringUtf8().ShouldBe("[redacted]");
        redacted.PrivateKeyProvider.ProviderName.ShouldBe("hsm");
        redacted.PrivateKeyProvider.TypedConfig.Unpack<Secret>().Name.ShouldBe("[redacted]");
        certificate.Password.InlineBytes.ToStringUtf8().ShouldBe("secret", "the original is somebody else's");
    }

    private static T Section<T>(ConfigDump dump) where T : IMessage<T>, new() =>
        dump.Configs.Single(c => c.TypeUrl.EndsWith("." + new T().Descriptor.Name, StringComparison.Ordinal)).Unpack<T>();

    private static Cluster Eds(string name, int timeout) => new()
    {
        Name = name,
        Type = Cluster.Types.DiscoveryType.Eds,
        EdsClusterConfig = new() { EdsConfig = new Envoy.Config.Core.V3.ConfigSource { Ads = new AggregatedConfigSource() } },
        ConnectTimeout = new() { Seconds = timeout },
    };

    private static async Task<(ClustersConfigDump.Types.DynamicCluster? Active, ClustersConfigDump.Types.DynamicCluster? Warming)> ClusterAsync(ProxyWithAdmin proxy)
    {
        var dump = Section<ClustersConfigDump>(Json.Parse<ConfigDump>(await proxy.GetAsync("config_dump")));
        return (dump.DynamicActiveClusters.SingleOrDefault(), dump.DynamicWarmingClusters.SingleOrDefault());
    }
}
