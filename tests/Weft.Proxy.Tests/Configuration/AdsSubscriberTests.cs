using Shouldly;
using Weft.Proxy.Configuration;
using Weft.Xds;
using Xunit;
using static Weft.Proxy.Tests.Configuration.ManagementServer;

namespace Weft.Proxy.Tests.Configuration;

public sealed class AdsSubscriberTests
{
    private readonly ManagementServer _server = new();

    private string[] Addresses(string cluster) => [.. _server.Config.Clusters.Find(cluster)!.Endpoints.Endpoints.Select(e => e.Address.Address.ToString())];

    [Fact]
    public void Listener_leads_to_routes_clusters_and_endpoints_and_all_are_acknowledged()
    {
        _server.With(Listener("in", "r"), Routes("r", ("/", "a")), Cluster("a"), Endpoints("a", "10.0.0.1"), Cluster("other"), Endpoints("other")).Push();

        _server.Config.Listeners.Find("in").ShouldNotBeNull();
        _server.Config.Routes.Find("r")!.Table!.ClusterNames.ShouldBe(["a"]);
        Addresses("a").ShouldBe(["10.0.0.1"]);
        _server.Config.Clusters.Find("other").ShouldBeNull("nobody named it");
        _server.Server.SyncedRevision.ShouldBe(1);
        _server.Subscriber.NextDeadline.ShouldBeNull();
    }

    [Fact]
    public void Listener_of_bytes_leads_to_its_cluster()
    {
        _server.With(ByteListener("in", "a"), Cluster("a"), Endpoints("a", "10.0.0.1"), Cluster("other"), Endpoints("other")).Push();

        _server.Config.Listeners.Find("in")!.Chains.Single().Bytes!.Clusters.Single().Name.ShouldBe("a");
        Addresses("a").ShouldBe(["10.0.0.1"]);
        _server.Config.Clusters.Find("other").ShouldBeNull("nobody named it");
        _server.Server.SyncedRevision.ShouldBe(1);
    }

    [Fact]
    public void A_chain_that_spoke_HTTP_has_no_successor_that_passes_bytes_on()
    {
        _server.With(Listener("in", null, ("/", "a")), Cluster("a"), Endpoints("a", "10.0.0.1")).Push();
        var before = _server.Config.Listeners.Find("in")!.Chains.Single();
        _server.With(ByteListener("in", "a")).Push();
        var bytes = _server.Config.Listeners.Find("in")!;
        bytes.Successor(before).ShouldBeNull();
        _server.With(ByteListener("in", "b"), Cluster("b"), Endpoints("b", "10.0.0.1")).Push();
        _server.Config.Listeners.Find("in")!.Successor(bytes.Chains.Single()).ShouldNotBeNull();
    }

    [Fact]
    public void Route_table_is_in_use_and_acknowledged_when_its_clusters_are_warm()
    {
        _server.With(Listener("in", "r"), Routes("r", ("/", "a")), Cluster("a")).Push(); // no endpoints yet: the server says there are none
        _server.With(Endpoints("a", "10.0.0.1")).Push();
        var before = _server.Config.Routes.Find("r");

        // The new table names a cluster that the server does not answer for at all.
        _server.Assembler.Apply(XdsType.Route, [Resource(Routes("r", ("/", "b")))], []);
        var update = _server.Assembler.Wanted(XdsType.Cluster);
        update.ShouldBe(["a", "b"], ignoreOrder: true);
        _server.Assembler.Settle();
        _server.Config.Routes.Find("r").ShouldBeSameAs(before);

        _server.Assembler.Apply(XdsType.Cluster, [Resource(Cluster("b"))], []);
        _server.Assembler.Settle();
        _server.Config.Routes.Find("r").ShouldBeSameAs(before, "the cluster is known, its endpoints are not");

        _server.Assembler.Apply(XdsType.Endpoint, [Resource(Endpoints("b", "10.0.0.2"))], []);
        _server.Assembler.Settle();
        _server.Config.Routes.Find("r")!.Table!.ClusterNames.ShouldBe(["b"]);
    }

    [Fact]
    public void Nothing_waits_longer_than_the_warming_limit()
    {
        _server.With(Listener("in", "r"), Routes("r", ("/", "a")), Cluster("a"), Endpoints("a", "10.0.0.1")).Push();
        var ticket = _server.Assembler.Apply(XdsType.Route, [Resource(Routes("r", ("/", "missing")))], []);
        _server.Assembler.Settle();
        ticket.IsSettled.ShouldBeFalse();
        _server.Assembler.NextDeadline.ShouldBe(_server.Time.GetUtcNow() + TimeSpan.FromSeconds(15));

        _server.Time.Advance(TimeSpan.FromSeconds(15) - TimeSpan.FromTicks(1));
        _server.Assembler.Settle();
        _server.Config.Routes.Find("r")!.Table!.ClusterNames.ShouldBe(["a"]);

        _server.Time.Advance(TimeSpan.FromTicks(1));
        _server.Assembler.Settle();
        _server.Config.Routes.Find("r")!.Table!.ClusterNames.ShouldBe(["missing"]);
        ticket.IsSettled.ShouldBeTrue();
    }

    [Fact]
    public void Cluster_that_does_not_exist_holds_nothing_up()
    {
        _server.With(Listener("in", "r"), Routes("r", ("/", "nowhere"))).Push();

        _server.Config.Routes.Find("r").ShouldNotBeNull();
        _server.Config.Clusters.Find("nowhere").ShouldBeNull();
        _server.Server.SyncedRevision.ShouldBe(1);
    }

    [Fact]
    public void Traffic_moves_between_versions_without_a_moment_in_which_a_table_names_an_unknown_cluster()
    {
        _server.With(Listener("in", "r"), Routes("r", ("/", "v1")), Cluster("v1"), Endpoints("v1", "10.0.0.1"), Cluster("v2"), Endpoints("v2", "10.0.0.2")).Push();
        _server.Store.Published += config =>
            config.Routes.Find("r")!.Table!.ClusterNames.ShouldAllBe(name => config.Clusters.Find(name) != null && config.Clusters.Find(name)!.Endpoints.Endpoints.Length > 0);

        _server.With(Routes("r", ("/a", "v2"), ("/", "v1"))).Push();
        _server.With(Routes("r", ("/", "v2"))).Without(XdsType.Cluster, "v1").Without(XdsType.Endpoint, "v1").Push();

        _server.Config.Clusters.Find("v1").ShouldBeNull();
        _server.Client.Subscriptions(XdsType.Cluster).ShouldBe(["v2"]);
        _server.Client.Subscriptions(XdsType.Endpoint).ShouldBe(["v2"]);
        _server.Server.SyncedRevision.ShouldBe(3);
    }

    [Fact]
    public void Removed_cluster_serves_until_no_table_in_use_names_it()
    {
        _server.With(Listener("in", "r"), Routes("r", ("/", "a")), Cluster("a"), Endpoints("a", "10.0.0.1"), Cluster("b"), Endpoints("b", "10.0.0.2")).Push();

        // A server that pushes in type order and does not wait says this before it says that the routes have changed.
        _server.Assembler.Apply(XdsType.Cluster, [], ["a"]);
        _server.Assembler.Settle();
        _server.Config.Clusters.Find("a").ShouldNotBeNull();

        _server.With(Routes("r", ("/", "b"))).Push();
        _server.Config.Clusters.Find("a").ShouldBeNull();
    }

    [Fact]
    public void Refused_resource_is_named_and_the_last_good_one_serves_while_others_of_the_push_apply()
    {
        _server.With(Listener("in", null, ("/a", "a"), ("/b", "b")), Cluster("a"), Endpoints("a", "10.0.0.1"), Cluster("b"), Endpoints("b", "10.0.0.2")).Push();

        _server.With(Cluster("a", c => c.LbPolicy = Envoy.Config.Cluster.V3.Cluster.Types.LbPolicy.Maglev), Cluster("b", c => c.ConnectTimeout = new() { Seconds = 2 })).Push();

        var nack = _server.Server.Nacks.ShouldHaveSingleItem();
        nack.Name.ShouldBe("a");
        nack.Message.ShouldContain("lb_policy: Maglev is not supported");
        _server.Config.Clusters.Find("a")!.Cluster.LoadBalancing.Policy.ShouldBe(Weft.Routing.Clusters.LoadBalancingPolicy.RoundRobin);
        _server.Config.Clusters.Find("b")!.Cluster.ConnectTimeout.ShouldBe(TimeSpan.FromSeconds(2));
        _server.Assembler.Refused.ShouldBe(1);
    }

    [Fact]
    public void Listener_whose_address_is_taken_is_refused()
    {
        _server.RefuseToOpen["in"] = "cannot listen on 127.0.0.1:80: address in use";
        _server.With(Listener("in", null, ("/", "a")), Cluster("a"), Endpoints("a")).Push();

        _server.Server.Nacks.ShouldHaveSingleItem().Message.ShouldContain("address in use");
        _server.Config.Listeners.Find("in").ShouldBeNull();
    }

    [Fact]
    public void Sockets_open_when_their_listener_is_published_and_not_before()
    {
        var published = false;
        _server.Opening = bound => published = ReferenceEquals(_server.Config.Listeners.Find("in"), bound);
        _server.With(Listener("in", null, ("/", "a")), Cluster("a"), Endpoints("a")).Push();

        published.ShouldBeTrue();
    }

    [Fact]
    public void Listener_that_cannot_move_keeps_serving_where_it_is()
    {
        _server.With(Listener("in", null, ("/", "a")), Cluster("a"), Endpoints("a"), Cluster("b"), Endpoints("b")).Push();
        _server.RefuseToOpen["in"] = "address in use";
        _server.With(Listener("in", null, ("/", "b"))).Push();

        _server.Server.Nacks.ShouldHaveSingleItem().Message.ShouldContain("address in use");
        var chain = _server.Config.Listeners.Find("in")!.Listener.FilterChains[0];
        ((Weft.Routing.Listeners.RouteSource.Inline)chain.Http!.Routes).Table.ClusterNames.ShouldBe(["a"]);
    }

    [Fact]
    public void Removed_listener_closes_and_gives_up_what_only_it_named()
    {
        _server.With(Listener("in", "r"), Routes("r", ("/", "a")), Cluster("a"), Endpoints("a", "10.0.0.1")).Push();
        _server.Without(XdsType.Listener, "in").Push();

        _server.Closed.ShouldBe(["in"]);
        _server.Config.Listeners.Count.ShouldBe(0);
        _server.Config.Routes.Count.ShouldBe(0);
        _server.Config.Clusters.Count.ShouldBe(0);
        XdsTypes.All.Where(t => t != XdsType.Listener).ShouldAllBe(t => _server.Client.Subscriptions(t).Count == 0);
    }

    [Fact]
    public void Endpoint_change_replaces_one_cluster_and_shares_everything_else()
    {
        _server.With(Listener("in", null, ("/a", "a"), ("/b", "b")), Cluster("a"), Endpoints("a", "10.0.0.1"), Cluster("b"), Endpoints("b", "10.0.0.2")).Push();
        var before = _server.Config;

        _server.With(Endpoints("a", "10.0.0.1", "10.0.0.3")).Push();

        _server.Config.Generation.ShouldBe(before.Generation + 1);
        _server.Config.Listeners.ShouldBeSameAs(before.Listeners);
        _server.Config.Routes.ShouldBeSameAs(before.Routes);
        _server.Config.Clusters.Find("b").ShouldBeSameAs(before.Clusters.Find("b"));
        var (old, now) = (before.Clusters.Find("a")!, _server.Config.Clusters.Find("a")!);
        now.Cluster.ShouldBeSameAs(old.Cluster);
        now.State.ShouldBeSameAs(old.State);
        now.Endpoints.Endpoints[0].ShouldBeSameAs(old.Endpoints.Endpoints[0]);
        Addresses("a").ShouldBe(["10.0.0.1", "10.0.0.3"]);
    }

    [Fact]
    public void Cluster_change_keeps_endpoints_and_state()
    {
        _server.With(Listener("in", null, ("/", "a")), Cluster("a"), Endpoints("a", "10.0.0.1")).Push();
        var before = _server.Config.Clusters.Find("a")!;
        _server.With(Cluster("a", c => c.ConnectTimeout = new() { Seconds = 1 })).Push();
        var now = _server.Config.Clusters.Find("a")!;

        now.Cluster.ConnectTimeout.ShouldBe(TimeSpan.FromSeconds(1));
        now.State.ShouldBeSameAs(before.State);
        now.Endpoints.ShouldBeSameAs(before.Endpoints);
    }

    [Fact]
    public void Routes_asked_for_by_requests_come_or_are_known_not_to_exist()
    {
        _server.With(Routes("catalog.default:80", ("/", "catalog.default:80")), Cluster("catalog.default:80"), Endpoints("catalog.default:80", "10.0.0.1")).Push();
        _server.Config.Routes.Count.ShouldBe(0);

        _server.Assembler.WantRoute("catalog.default:80");
        _server.Assembler.WantRoute("nobody.default:80");
        _server.Push();

        _server.Config.Routes.Find("catalog.default:80")!.Table.ShouldNotBeNull();
        _server.Config.Routes.Find("nobody.default:80").ShouldBe(RouteEntry.Absent);
        Addresses("catalog.default:80").ShouldBe(["10.0.0.1"]);

        // And what did not exist may come into being.
        _server.With(Routes("nobody.default:80", ("/", "catalog.default:80"))).Push();
        _server.Config.Routes.Find("nobody.default:80")!.Table.ShouldNotBeNull();
    }

    [Fact]
    public void Reconnection_brings_back_only_what_has_changed()
    {
        _server.With(Listener("in", "r"), Routes("r", ("/", "a")), Cluster("a"), Endpoints("a", "10.0.0.1")).Push();
        var before = _server.Config;
        _server.With(Endpoints("a", "10.0.0.9"));

        _server.Reconnect();

        _server.Sent.ShouldBe(["ClusterLoadAssignment a"]);
        Addresses("a").ShouldBe(["10.0.0.9"]);
        _server.Config.Listeners.ShouldBeSameAs(before.Listeners);
    }

    [Fact]
    public void History_tells_what_became_of_each_resource()
    {
        _server.With(Listener("in", null, ("/a", "a"), ("/b", "b"), ("/c", "c")), Cluster("a"), Endpoints("a", "10.0.0.1"), Cluster("b", c => c.LbPolicy = Envoy.Config.Cluster.V3.Cluster.Types.LbPolicy.Maglev)).Push();

        _server.History.Of(XdsType.Cluster).Select(r => (r.Name, r.Status)).ShouldBe([("a", ConfigStatus.Accepted), ("b", ConfigStatus.Refused), ("c", ConfigStatus.Absent)]);
        _server.History.Of(XdsType.Listener).ShouldHaveSingleItem().Warming.ShouldNotBeNull("it waits for cluster b");

        _server.Advance(TimeSpan.FromSeconds(15));
        var listener = _server.History.Of(XdsType.Listener).ShouldHaveSingleItem();
        listener.Warming.ShouldBeNull();
        listener.Active!.Version.ShouldNotBeEmpty();

        _server.Without(XdsType.Listener, "in").Push();
        _server.History.Of(XdsType.Listener).ShouldBeEmpty();
        _server.History.Of(XdsType.Cluster).ShouldBeEmpty();
    }

    [Fact]
    public void Hundred_endpoint_changes_a_second_among_a_thousand_clusters_stay_within_the_garbage_budget()
    {
        var names = Enumerable.Range(0, 1000).Select(i => $"service-{i}.default:80").ToList();
        string[] hosts = [.. Enumerable.Range(1, 100).Select(i => $"10.0.0.{i}")];
        _server.With(Listener("in", null, [.. names.Select(n => ("/" + n, n))]));
        _server.With(names.SelectMany(n => new[] { Cluster(n), Endpoints(n, hosts) })).Push();
        XdsResource[] versions = [Resource(Endpoints(names[7], hosts)), Resource(Endpoints(names[7], hosts[..99]))];
        for (var i = 0; i < 50; i++) Change(i);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++) Change(i);
        var perSecond = GC.GetAllocatedBytesForCurrentThread() - before;

        perSecond.ShouldBeLessThan(1_500_000); // of 2 MB/s; the rest is for receiving

        void Change(int i)
        {
            _server.Assembler.Apply(XdsType.Endpoint, [versions[i % 2]], []);
            _server.Subscriber.Turn();
        }
    }

    [Fact]
    public void Resource_that_calls_itself_otherwise_is_refused()
    {
        var ticket = _server.Assembler.Apply(XdsType.Cluster, [Resource(Cluster("a")) with { Name = "b" }], []);

        ticket.Refused.ShouldHaveSingleItem().Message.ShouldBe("the resource inside calls itself \"a\"");
    }

    private static XdsResource Resource((XdsType Type, string Name, Google.Protobuf.IMessage Message) resource) => XdsResource.Of(resource.Name, resource.Message);
}
