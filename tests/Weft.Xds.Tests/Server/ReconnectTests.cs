using Shouldly;
using Weft.Xds.Tests.Harness;
using Xunit;

namespace Weft.Xds.Tests.Server;

public sealed class ReconnectTests
{
    private static TestSnapshot Mesh => TestSnapshot.Empty.With("CDS a=1 b=1", "EDS a=1", "LDS l=1", "RDS r=1");

    [Fact]
    public void Unchanged_resource_is_not_sent_again()
    {
        var server = new ServerHarness(Mesh);
        server.Ask("CDS +a +b ~a=1 ~b=1").ShouldBe(["CDS"]);
        server.Ask("LDS +* ~l=1").ShouldBe(["LDS"]);
    }

    [Fact]
    public void Only_the_difference_is_sent() =>
        new ServerHarness(Mesh).Ask("CDS +a +b +x ~a=1 ~b=0").ShouldBe(["CDS +b=1 -x"]);

    [Fact]
    public void It_is_the_same_when_the_snapshot_comes_after_the_request()
    {
        var server = new ServerHarness();
        server.Ask("CDS +a +b ~a=1 ~b=0");
        server.Ask("LDS +* ~l=1 ~old=1");
        server.Change("CDS a=1 b=1", "LDS l=1").ShouldBe(["CDS +b=1", "LDS -old"]);
    }

    [Fact]
    public void Resource_that_went_away_meanwhile_is_removed_from_the_wildcard() =>
        new ServerHarness(Mesh).Ask("LDS ~l=1 ~old=1").ShouldBe(["LDS -old"]);

    [Fact]
    public void Version_of_a_name_that_is_not_subscribed_is_ignored() => new ServerHarness(Mesh).Ask("CDS +a ~a=1 ~gone=1").ShouldBe(["CDS"]);

    [Fact]
    public void Initial_versions_count_in_the_first_request_only()
    {
        var server = new ServerHarness(Mesh);
        server.Ask("CDS +a");
        server.Ack();
        server.Ask("CDS +b ~b=1").ShouldBe(["CDS +b=1"]);
    }

    [Fact]
    public void Cluster_that_went_away_is_not_removed_before_the_routes_have_moved()
    {
        // During the break the route moved from "old" to "a". The requests of a new stream come one by one.
        var server = new ServerHarness(TestSnapshot.Empty.With("CDS a=1", "EDS a=1", "RDS r=a"));
        server.Ask("CDS +old ~old=1").ShouldBe(["CDS"]);
        server.Ask("EDS +old ~old=1").ShouldBe(["EDS"]);
        server.Ask("RDS +r ~r=old").ShouldBe(["RDS +r=a"]);
        server.Ack(XdsType.Cluster).ShouldBeEmpty();
        server.Ask("CDS +a").ShouldBe(["CDS +a=1"]);
        server.Ack(XdsType.Endpoint).ShouldBeEmpty();
        server.Ask("EDS +a").ShouldBe(["EDS +a=1"]);
        server.Ack(XdsType.Endpoint).ShouldBeEmpty();
        server.Ack(XdsType.Cluster).ShouldBeEmpty();
        server.Ack(XdsType.Route).ShouldBe(["CDS -old", "EDS -old"]);
    }

    [Fact]
    public void Stream_is_not_synced_before_its_first_answer()
    {
        var server = new ServerHarness(Mesh);
        server.Ask("CDS +a ~a=1");
        server.Stream.SyncedRevision.ShouldBeNull();
        server.Ask("RDS +r ~r=0").ShouldBe(["RDS +r=1"]);
        server.Ack(XdsType.Cluster);
        server.Stream.SyncedRevision.ShouldBeNull();
        server.Ack(XdsType.Route);
        server.Stream.SyncedRevision.ShouldBe(2);
    }
}
