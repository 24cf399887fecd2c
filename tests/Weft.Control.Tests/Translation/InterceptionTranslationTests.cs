using System.Net;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Shouldly;
using Weft.Control.Model;
using Weft.Control.Tests.Model;
using Weft.Control.Translation;
using Weft.Xds;
using Xunit;

namespace Weft.Control.Tests.Translation;

/// <summary>What an application gets whose traffic is redirected, and where its sockets are.</summary>
public sealed class InterceptionTranslationTests
{
    private const string Place = "/run/weft/ns/web";

    private static readonly NodeInfo Node = new()
    {
        Id = "web.default", Workload = "web", Namespace = "default", ServiceAccount = "default", Address = IPAddress.Loopback,
        Inbound = [new InboundPort("http", 8080, 15006)], OutboundPort = 15080, Upstreams = [new UpstreamPort(9000, new ServicePortKey("s0", "default", 80))],
    };

    [Fact]
    public void Redirected_connections_have_a_listener_that_restores_where_they_were_meant_to_go()
    {
        var listener = Listener(Snapshot(Node with { TransparentPort = 15001 }), "transparent");

        listener.Address.SocketAddress.PortValue.ShouldBe(15001u);
        // A redirect leads to the loopback of its family.
        listener.AdditionalAddresses.Single().Address.SocketAddress.ShouldBe(new Envoy.Config.Core.V3.SocketAddress { Address = "::1", PortValue = 15001 });
        listener.ListenerFilters.Select(f => f.Name).ShouldBe(["envoy.filters.listener.original_dst"]);
        var manager = HttpConnectionManager.Parser.ParseFrom(listener.FilterChains.Single().Filters.Single().TypedConfig.Value);
        manager.HttpFilters.Select(f => f.Name).ShouldBe(["weft.v1.transparent", "envoy.filters.http.router"]);
        var transparent = Weft.V1.Transparent.Parser.ParseFrom(manager.HttpFilters[0].TypedConfig.Value);
        transparent.Egress.ShouldBe(Weft.V1.Egress.Allow);
        transparent.VirtualAddresses.Select(r => $"{r.AddressPrefix}/{r.PrefixLen}").ShouldBe(["240.240.0.0/16", "fd77:6566:7400::/112"]);
        Snapshot(Node).Find(XdsType.Listener, "transparent").ShouldBeNull();
    }

    [Fact]
    public void Questions_for_names_come_by_datagram_and_are_answered_for_the_mesh_before_anybody_else()
    {
        var listener = Listener(Snapshot(Node with { DnsPort = 15053, NetworkNamespace = Place }), "names");

        listener.Address.SocketAddress.ShouldBe(new Envoy.Config.Core.V3.SocketAddress { Protocol = Envoy.Config.Core.V3.SocketAddress.Types.Protocol.Udp, Address = "127.0.0.1", PortValue = 15053 });
        listener.AdditionalAddresses.Single().Address.SocketAddress.Address.ShouldBe("::1");
        listener.ListenerFilters.Select(f => f.Name).ShouldBe(["weft.v1.mesh_names", "envoy.filters.udp.dns_filter"]);
        var mesh = Weft.V1.MeshNames.Parser.ParseFrom(listener.ListenerFilters[0].TypedConfig.Value);
        mesh.DefaultNamespace.ShouldBe("default");
        mesh.SearchDomains.ShouldBe(["default.svc.cluster.local", "svc.cluster.local", "cluster.local"]);
        PlaceOf(listener.Metadata).ShouldBe(Place);
        Snapshot(Node).Find(XdsType.Listener, "names").ShouldBeNull();
    }

    [Fact]
    public void Egress_that_is_denied_is_denied_in_the_meshs_name_by_every_way_out()
    {
        var snapshot = Snapshot(Node with { TransparentPort = 15001 }, "apiVersion: weft.dev/v1alpha1\nkind: Mesh\nmetadata: {name: default}\nspec: {egress: Deny}");

        var transparent = Weft.V1.Transparent.Parser.ParseFrom(Filter(snapshot, "transparent"));
        (transparent.Egress, transparent.Policy).ShouldBe((Weft.V1.Egress.Deny, "Mesh default"));
        var forward = Weft.V1.ForwardProxy.Parser.ParseFrom(Filter(snapshot, "outbound"));
        (forward.Egress, forward.Policy).ShouldBe((Weft.V1.Egress.Deny, "Mesh default"));
    }

    [Fact]
    public void What_the_application_sees_is_in_its_network_namespace_and_what_others_see_is_not()
    {
        var snapshot = Snapshot(Node with { TransparentPort = 15001, DnsPort = 15053, NetworkNamespace = Place });

        snapshot.Wildcard(XdsType.Listener).ToDictionary(l => l.Name, l => PlaceOf(Envoy.Config.Listener.V3.Listener.Parser.ParseFrom(l.Body).Metadata)).ShouldBe(new Dictionary<string, string?>
        {
            ["inbound:8080"] = null, ["names"] = Place, ["outbound"] = Place, ["transparent"] = Place, ["upstream:9000"] = Place,
        });
        PlaceOf(Cluster.Parser.ParseFrom(snapshot.Find(XdsType.Cluster, "inbound:8080")!.Body).Metadata).ShouldBe(Place);
        PlaceOf(Cluster.Parser.ParseFrom(snapshot.Find(XdsType.Cluster, "s0.default:80")!.Body).Metadata).ShouldBeNull();
    }

    [Fact]
    public void Two_applications_of_one_port_have_each_its_own_loopback()
    {
        var translator = new Translator();
        var model = MeshModel.Build(new ModelInputs(MeshModelTests.Mesh(1, 1), [], 1));

        var places = new[] { "", "/run/a", "/run/b" }.Select(p => PlaceOf(Cluster.Parser.ParseFrom(translator.Snapshot(model, Node with { NetworkNamespace = p }, "").Find(XdsType.Cluster, "inbound:8080")!.Body).Metadata));

        places.ShouldBe([null, "/run/a", "/run/b"]);
    }

    private static string? PlaceOf(Envoy.Config.Core.V3.Metadata? metadata) => metadata?.FilterMetadata["weft.dev"].Fields.GetValueOrDefault("network_namespace")?.StringValue;

    private static Google.Protobuf.ByteString Filter(NodeSnapshot snapshot, string listener) =>
        HttpConnectionManager.Parser.ParseFrom(Listener(snapshot, listener).FilterChains.Single().Filters.Single().TypedConfig.Value).HttpFilters[0].TypedConfig.Value;

    private static Listener Listener(NodeSnapshot snapshot, string name) => Envoy.Config.Listener.V3.Listener.Parser.ParseFrom(snapshot.Find(XdsType.Listener, name).ShouldNotBeNull().Body);

    private static NodeSnapshot Snapshot(NodeInfo node, string more = "")
    {
        var yaml = MeshModelTests.Service("s0") + (more.Length > 0 ? $"\n---\n{more}" : "");
        var snapshot = new Translator().Snapshot(MeshModel.Build(new ModelInputs(MeshModelTests.Read(yaml), [], 1)), node, "");
        snapshot.Problems.ShouldBeEmpty();
        return snapshot;
    }
}
