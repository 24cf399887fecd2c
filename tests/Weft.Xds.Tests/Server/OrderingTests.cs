using Shouldly;
using Weft.Xds.Tests.Harness;
using Xunit;

namespace Weft.Xds.Tests.Server;

public sealed class OrderingTests
{
    private static readonly string[] Everything = ["CDS c=1", "EDS c=1", "LDS l=1", "RDS r=1", "SDS s=1"];

    private static ServerHarness AllAcknowledged(params string[] subscriptions)
    {
        var server = new ServerHarness(TestSnapshot.Empty.With(Everything));
        foreach (var subscription in subscriptions.Length > 0 ? subscriptions : ["CDS +c +d", "EDS +c +d", "LDS +l", "RDS +r", "SDS +s"]) server.Ask(subscription);
        server.AckAll();
        server.Stream.SyncedRevision.ShouldBe(server.Snapshot.Revision);
        return server;
    }

    [Fact]
    public void Change_of_everything_goes_out_in_the_order_of_the_types() =>
        AllAcknowledged().Change("SDS s=2", "RDS r=2", "LDS l=2", "EDS c=2", "CDS c=2")
            .ShouldBe(["CDS +c=2", "EDS +c=2", "LDS +l=2", "RDS +r=2", "SDS +s=2"]);

    [Fact]
    public void Later_type_does_not_wait_for_the_acknowledgement_of_an_earlier_one()
    {
        var server = AllAcknowledged();
        server.Change("CDS c=2").ShouldBe(["CDS +c=2"]);
        server.Change("RDS r=2").ShouldBe(["RDS +r=2"]);
    }

    [Fact]
    public void Route_update_waits_until_the_clusters_of_its_snapshot_are_sent()
    {
        var server = AllAcknowledged();
        server.Change("CDS c=2").ShouldBe(["CDS +c=2"]);
        server.Change("CDS d=1", "RDS r=2", "LDS l=2").ShouldBeEmpty();
        server.Ack(XdsType.Cluster).ShouldBe(["CDS +d=1", "LDS +l=2", "RDS +r=2"]);
    }

    [Fact]
    public void Endpoints_and_secrets_never_wait()
    {
        var server = AllAcknowledged();
        server.Change("CDS c=2");
        server.Change("CDS c=3", "EDS c=2", "SDS s=2").ShouldBe(["EDS +c=2", "SDS +s=2"]);
    }

    [Fact]
    public void Answer_to_a_new_name_does_not_wait_for_other_types()
    {
        var server = AllAcknowledged();
        server.Change("CDS c=2");
        server.Change("CDS c=3", "RDS q=1", "LDS m=1").ShouldBeEmpty();
        server.Ask("RDS +q").ShouldBe(["RDS +q=1"]);
        server.Ask("LDS +m").ShouldBe(["LDS +m=1"]);
    }

    [Fact]
    public void Resource_that_appears_under_a_subscribed_name_does_not_wait_either()
    {
        // A client that was told "does not exist" may be holding the ACK of what needs it.
        var server = AllAcknowledged("CDS +c", "EDS +c", "RDS +r +q");
        server.Change("CDS c=2");
        server.Change("CDS c=3", "RDS q=1").ShouldBe(["RDS +q=1"]);
    }

    [Fact]
    public void Routes_of_a_client_with_all_clusters_wait_even_as_answers()
    {
        var server = AllAcknowledged("CDS", "EDS +c", "LDS +l", "RDS +r");
        server.Change("CDS c=2");
        server.Change("CDS d=1", "RDS q=d").ShouldBeEmpty();
        server.Ask("RDS +q").ShouldBeEmpty();
        server.Ack(XdsType.Cluster).ShouldBe(["CDS +d=1", "RDS +q=d"]);
    }

    [Fact]
    public void Held_route_acknowledgement_does_not_stop_what_it_waits_for()
    {
        var server = AllAcknowledged("CDS +c", "EDS +c", "LDS +l", "RDS +r");
        server.Change("RDS r=d", "CDS d=1", "EDS d=1").ShouldBe(["RDS +r=d"]);
        // The client holds the ACK of the route table and asks for what it names.
        server.Ask("CDS +d").ShouldBe(["CDS +d=1"]);
        // It holds the cluster's ACK too, until the endpoints come, and the mesh goes on changing meanwhile.
        server.Change("CDS c=2").ShouldBeEmpty();
        server.Ask("EDS +d").ShouldBe(["EDS +d=1"]);
        server.Ack(XdsType.Endpoint).ShouldBeEmpty();
        server.Ack(XdsType.Cluster).ShouldBe(["CDS +c=2"]);
        server.Stream.SyncedRevision.ShouldBe(2);
        server.Ack(XdsType.Route).ShouldBeEmpty();
        server.Ack(XdsType.Cluster).ShouldBeEmpty();
        server.Stream.SyncedRevision.ShouldBe(4);
    }

    [Fact]
    public void Cluster_is_removed_after_the_routes_that_leave_it_are_acknowledged()
    {
        var server = AllAcknowledged();
        server.Change("CDS d=1 c-", "EDS d=1 c-", "RDS r=d").ShouldBe(["CDS +d=1", "EDS +d=1", "RDS +r=d"]);
        server.Ack(XdsType.Cluster).ShouldBeEmpty();
        server.Ack(XdsType.Endpoint).ShouldBeEmpty();
        server.Ack(XdsType.Route).ShouldBe(["CDS -c", "EDS -c"]);
        server.Stream.SyncedRevision.ShouldBe(2);
        server.AckAll();
        server.Stream.SyncedRevision.ShouldBe(3);
    }

    [Fact]
    public void Cluster_that_no_route_change_goes_with_is_removed_at_once() => AllAcknowledged().Change("CDS c-").ShouldBe(["CDS -c"]);

    [Fact]
    public void Removal_is_not_postponed_by_later_changes()
    {
        var server = AllAcknowledged();
        server.Change("RDS r=2", "CDS c-").ShouldBe(["RDS +r=2"]);
        server.Change("RDS r=3", "CDS d=1").ShouldBe(["CDS +d=1"]);
        server.Change("CDS d=2").ShouldBeEmpty();
        server.Ack(XdsType.Route).ShouldBeEmpty();
        server.Ack(XdsType.Cluster).ShouldBe(["CDS +d=2 -c", "RDS +r=3"]);
    }

    [Fact]
    public void Removed_cluster_that_comes_back_in_time_was_never_away()
    {
        var server = AllAcknowledged();
        server.Change("RDS r=2", "CDS c-").ShouldBe(["RDS +r=2"]);
        server.Change("CDS c=1").ShouldBeEmpty();
        server.AckAll().ShouldBeEmpty();
        server.Stream.SyncedRevision.ShouldBe(4);
    }

    [Fact]
    public void Refused_routes_release_the_removal()
    {
        var server = AllAcknowledged();
        server.Change("RDS r=2", "CDS c-").ShouldBe(["RDS +r=2"]);
        server.Nack("r: no").ShouldBe(["CDS -c"]);
    }

    [Fact]
    public void Response_is_closed_at_its_limit_and_the_rest_follows_its_acknowledgement()
    {
        var server = new ServerHarness(
            TestSnapshot.Empty.With($"CDS a={new string('a', 60)} b={new string('b', 60)} c={new string('c', 200)} d=1", "RDS r=1"),
            new DeltaServerLimits { MaxResponseBytes = 150 });
        server.Ask("CDS +a +b +c +d").ShouldBe([$"CDS +a={new string('a', 60)} +b={new string('b', 60)}"]);
        server.Ack().ShouldBe([$"CDS +c={new string('c', 200)}"]);
        server.Stream.SyncedRevision.ShouldBeNull();
        server.Ack().ShouldBe(["CDS +d=1"]);
        server.Ack();
        server.Stream.SyncedRevision.ShouldBe(2);
    }
}
