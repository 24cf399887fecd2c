using Shouldly;
using Weft.Xds.Tests.Harness;
using Xunit;

namespace Weft.Xds.Tests.Server;

public sealed class ReportTests
{
    [Fact]
    public void Synced_follows_the_acknowledgement()
    {
        var server = new ServerHarness(TestSnapshot.Empty.With("CDS a=1"));
        server.Ask("CDS +a");
        server.Stream.SyncedRevision.ShouldBeNull();
        server.Ack();
        server.Stream.SyncedRevision.ShouldBe(2);
        server.Change("CDS a=2");
        server.Stream.SyncedRevision.ShouldBe(2);
        server.Ack();
        server.Stream.SyncedRevision.ShouldBe(3);
    }

    [Fact]
    public void Snapshot_that_changes_nothing_here_is_synced_at_once()
    {
        var server = new ServerHarness(TestSnapshot.Empty.With("CDS a=1"));
        server.Ask("CDS +a");
        server.Ack();
        server.Change("CDS b=1");
        server.Stream.SyncedRevision.ShouldBe(3);
    }

    [Fact]
    public void Acknowledged_snapshot_is_reported_although_the_next_is_on_its_way()
    {
        var server = new ServerHarness(TestSnapshot.Empty.With("CDS a=1"));
        server.Ask("CDS +a");
        server.Ack();
        server.Change("CDS a=2");
        server.Change("CDS a=3");
        server.Ack().ShouldBe(["CDS +a=3"]);
        server.Stream.SyncedRevision.ShouldBe(3);
        server.Ack();
        server.Stream.SyncedRevision.ShouldBe(4);
    }

    [Fact]
    public void Refusal_stops_the_synced_revision_until_it_is_mended()
    {
        var server = new ServerHarness(TestSnapshot.Empty.With("RDS a=1"));
        server.Ask("RDS +a");
        server.Ack();
        server.Change("RDS a=bad");
        server.Nack("a: bad");
        server.Change("CDS x=1");
        server.Stream.SyncedRevision.ShouldBe(2);
        server.Change("RDS a=3");
        server.Stream.SyncedRevision.ShouldBe(2);
        server.Ack();
        server.Stream.SyncedRevision.ShouldBe(5);
    }

    [Fact]
    public void Refusal_of_a_response_without_resources_is_reported_and_cleared_by_the_next_acknowledgement()
    {
        var server = new ServerHarness(TestSnapshot.Empty);
        server.Ask("LDS");
        server.Nack("no listeners, no service");
        server.Stream.Nacks.ShouldBe([new XdsNack(XdsType.Listener, "", "", "no listeners, no service")]);
        server.Change("LDS l=1");
        server.Ack();
        server.Stream.Nacks.ShouldBeEmpty();
        server.Stream.SyncedRevision.ShouldBe(2);
    }

    [Fact]
    public void Status_shows_sent_and_acknowledged_versions()
    {
        var server = new ServerHarness(TestSnapshot.Empty.With("RDS a=1 b=1"));
        server.Ask("RDS +a +x");
        server.Ack();
        server.Change("RDS a=2");
        var routes = server.Stream.Status[(int)XdsType.Route];
        routes.AwaitingAck.ShouldBeTrue();
        routes.Wildcard.ShouldBeFalse();
        routes.Resources.ShouldBe(
        [
            new XdsResourceStatus("a", TestSnapshot.Version("2"), TestSnapshot.Version("1")),
            new XdsResourceStatus("x", null, null),
        ]);
    }

    [Fact]
    public void Resource_that_left_a_wildcard_is_forgotten()
    {
        var server = new ServerHarness(TestSnapshot.Empty.With("LDS a=1 b=1"));
        server.Ask("LDS");
        server.Ack();
        server.Change("LDS a-");
        server.AckAll();
        server.Stream.Status[(int)XdsType.Listener].Resources.Select(r => r.Name).ShouldBe(["b"]);
    }
}
