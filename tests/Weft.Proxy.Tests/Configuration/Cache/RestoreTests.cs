using Shouldly;
using Weft.Proxy.Configuration.Cache;
using Weft.Xds;
using Xunit;
using static Weft.Proxy.Tests.Configuration.ManagementServer;

namespace Weft.Proxy.Tests.Configuration.Cache;

/// <summary>A configuration that was saved, in a proxy that starts before its management server, and what becomes of it when that comes.</summary>
public sealed class RestoreTests
{
    private static ManagementServer Shop() => new ManagementServer()
        .With(Listener("in", "r"), Routes("r", ("/", "a")), Cluster("a"), Endpoints("a", "10.0.0.1"), Routes("asked", ("/", "b")), Cluster("b"), Endpoints("b", "10.0.0.2"));

    private static SavedConfiguration SavedShop()
    {
        var before = Shop().Push();
        before.Assembler.WantRoute("asked");
        before.Assembler.WantRoute("nosuch");
        before.Push();
        before.Config.Routes.Find("asked")!.Table.ShouldNotBeNull();
        return before.Saved();
    }

    [Fact]
    public void Everything_is_in_use_at_once_without_a_server()
    {
        var proxy = new ManagementServer(SavedShop());

        proxy.Config.Listeners.Find("in").ShouldNotBeNull();
        proxy.Config.Routes.Find("r")!.Table!.ClusterNames.ShouldBe(["a"]);
        proxy.Config.Routes.Find("asked")!.Table!.ClusterNames.ShouldBe(["b"], "what a request had asked for is there for the next one");
        proxy.Config.Routes.Find("nosuch")!.Table.ShouldBeNull("it is known not to exist, so a request for it need not wait");
        proxy.Config.Clusters.Find("b")!.Endpoints.Endpoints.Single().Address.Address.ToString().ShouldBe("10.0.0.2");
        proxy.Subscriber.NextDeadline.ShouldBeNull("nothing waits");
        proxy.Subscriber.IsConfirmed.ShouldBeFalse();
    }

    [Fact]
    public void A_server_that_has_nothing_new_sends_nothing_and_confirms()
    {
        var saved = SavedShop();
        var proxy = new ManagementServer(saved);
        var before = proxy.Config;
        foreach (var (type, resources) in saved.Resources)
        {
            foreach (var resource in resources) proxy.Client.HeldVersion(type, resource.Name).ShouldBe(resource.Version);
        }

        proxy.With(Listener("in", "r"), Routes("r", ("/", "a")), Cluster("a"), Endpoints("a", "10.0.0.1"), Routes("asked", ("/", "b")), Cluster("b"), Endpoints("b", "10.0.0.2")).Push();

        proxy.Sent.ShouldBeEmpty();
        proxy.Subscriber.IsConfirmed.ShouldBeTrue();
        proxy.Config.Listeners.Find("in").ShouldBeSameAs(before.Listeners.Find("in"), "connections stay on what they have");
        proxy.Server.SyncedRevision.ShouldBe(1);
    }

    [Fact]
    public void What_changed_meanwhile_replaces_what_was_saved_and_what_is_gone_goes()
    {
        var proxy = new ManagementServer(SavedShop());

        proxy.With(Listener("new", "r"), Routes("r", ("/", "c")), Cluster("c"), Endpoints("c", "10.0.0.3")).Push();

        proxy.Config.Listeners.Find("new").ShouldNotBeNull();
        proxy.Config.Listeners.Find("in").ShouldBeNull();
        proxy.Closed.ShouldBe(["in"]);
        proxy.Config.Routes.Find("r")!.Table!.ClusterNames.ShouldBe(["c"]);
        proxy.Config.Routes.Find("asked")!.Table.ShouldBeNull();
        proxy.Config.Clusters.Find("a").ShouldBeNull();
        proxy.Subscriber.IsConfirmed.ShouldBeTrue();
    }

    [Fact]
    public void It_is_not_confirmed_while_something_that_the_server_changed_is_not_in_use()
    {
        var proxy = new ManagementServer(SavedShop());

        // The new table's cluster has endpoints that nobody knows yet: the table that was saved serves on.
        proxy.With(Listener("in", "r"), Routes("r", ("/", "c")), Cluster("c", c => c.Type = Envoy.Config.Cluster.V3.Cluster.Types.DiscoveryType.StrictDns)).Push();
        proxy.Subscriber.IsConfirmed.ShouldBeFalse();
        proxy.Config.Routes.Find("r")!.Table!.ClusterNames.ShouldBe(["a"]);
        proxy.Advance(TimeSpan.FromSeconds(16));
        proxy.Subscriber.IsConfirmed.ShouldBeTrue();
    }

    [Fact]
    public void A_resource_that_this_build_refuses_costs_itself_only()
    {
        var saved = SavedShop();
        var damaged = saved.Resources.ToDictionary(r => r.Key, r => r.Value);
        damaged[XdsType.Cluster] = [.. saved.Resources[XdsType.Cluster].Select(c => c.Name == "b" ? c with { Body = Google.Protobuf.ByteString.CopyFrom(0xFF) } : c)];

        var proxy = new ManagementServer(saved with { Resources = damaged });

        proxy.Config.Clusters.Find("a").ShouldNotBeNull();
        proxy.Config.Clusters.Find("b").ShouldBeNull();
        proxy.Client.HeldVersion(XdsType.Cluster, "b").ShouldBeNull("so the server sends it again");
        proxy.Config.Routes.Find("asked")!.Table!.ClusterNames.ShouldBe(["b"], "its requests fail by the cluster's name");
    }

    [Fact]
    public void A_secret_with_a_private_key_is_not_among_what_is_saved()
    {
        var authority = new Security.TestAuthority();
        var issued = authority.Issue("a");
        var server = Shop().With(Listener("in", "r")).Push();
        server.History.Accepted(XdsType.Secret, XdsResource.Of("key", new Envoy.Extensions.TransportSockets.Tls.V3.Secret
        {
            Name = "key", TlsCertificate = new() { CertificateChain = new() { InlineString = issued.ChainPem }, PrivateKey = new() { InlineString = issued.KeyPem } },
        }));
        server.History.Accepted(XdsType.Secret, XdsResource.Of("roots", new Envoy.Extensions.TransportSockets.Tls.V3.Secret
        {
            Name = "roots", ValidationContext = new() { TrustedCa = new() { InlineBytes = Google.Protobuf.ByteString.CopyFrom(authority.RootPem) } },
        }));

        server.Saved().Resources[XdsType.Secret].Select(s => s.Name).ShouldBe(["roots"]);
    }
}
