using Shouldly;
using Weft.Xds.Tests.Harness;
using Xunit;

namespace Weft.Xds.Tests.Server;

public sealed class AcknowledgementTests
{
    private static ServerHarness Subscribed()
    {
        var server = new ServerHarness(TestSnapshot.Empty.With("RDS a=1 b=1"));
        server.Ask("RDS +a +b").ShouldBe(["RDS +a=1 +b=1"]);
        return server;
    }

    [Fact]
    public void Changes_gather_while_a_response_is_not_acknowledged()
    {
        var server = Subscribed();
        server.Change("RDS a=2").ShouldBeEmpty();
        server.Change("RDS a=3 b=2").ShouldBeEmpty();
        server.Change("RDS b=1").ShouldBeEmpty();
        server.Ack().ShouldBe(["RDS +a=3"]);
    }

    [Fact]
    public void New_subscription_of_the_same_type_waits_for_the_acknowledgement()
    {
        var server = Subscribed();
        server.Ask("RDS +c").ShouldBeEmpty();
        server.Ack().ShouldBe(["RDS -c"]);
    }

    [Fact]
    public void Stale_nonce_acknowledges_nothing_but_its_subscriptions_count()
    {
        var server = Subscribed();
        server.Change("RDS a=2");
        var request = ServerHarness.Parse("RDS +c");
        request.ResponseNonce = "no such";
        server.Request(request).ShouldBeEmpty();
        server.Stream.StaleNonces.ShouldBe(1);
        server.Ack().ShouldBe(["RDS +a=2 -c"]);
    }

    [Fact]
    public void Nonce_is_answered_once()
    {
        var server = new ServerHarness(TestSnapshot.Empty.With("CDS a=1"));
        server.Ask("CDS +a");
        server.Ack();
        server.Change("CDS a=2");
        server.Request(new() { TypeUrl = XdsType.Cluster.TypeUrl(), ResponseNonce = "1" }).ShouldBeEmpty();
        server.Stream.StaleNonces.ShouldBe(1);
        server.Stream.Status[0].AwaitingAck.ShouldBeTrue();
    }

    [Fact]
    public void Acknowledgement_and_subscription_may_share_a_request()
    {
        var server = Subscribed();
        var request = ServerHarness.Parse("RDS +c -b");
        request.ResponseNonce = "1";
        server.Request(request).ShouldBe(["RDS -c"]);
        server.Stream.StaleNonces.ShouldBe(0);
    }

    [Fact]
    public void Refused_version_is_not_sent_again_until_it_changes()
    {
        var server = Subscribed();
        server.Nack("a: no").ShouldBeEmpty();
        server.Change("CDS x=1").ShouldBeEmpty();
        server.Change("RDS a=1").ShouldBeEmpty();
        server.Change("RDS a=2").ShouldBe(["RDS +a=2"]);
    }

    [Fact]
    public void Return_to_the_version_before_a_refusal_is_sent()
    {
        var server = Subscribed();
        server.Ack();
        server.Change("RDS a=bad").ShouldBe(["RDS +a=bad"]);
        server.Nack("a: bad");
        server.Change("RDS a=1").ShouldBe(["RDS +a=1"]);
        server.Ack();
        server.Stream.Nacks.ShouldBeEmpty();
    }

    [Fact]
    public void Refusal_names_the_resources_that_its_message_names()
    {
        var server = Subscribed();
        server.Nack("b: unknown cluster 'x'");
        server.Stream.Nacks.ShouldBe([new XdsNack(XdsType.Route, "b", TestSnapshot.Version("1"), "b: unknown cluster 'x'")]);
        var routes = server.Stream.Status[(int)XdsType.Route].Resources;
        routes.Select(r => (r.Name, r.AckedVersion is not null)).ShouldBe([("a", true), ("b", false)]);
    }

    [Fact]
    public void Refusal_whose_message_names_nothing_blames_all()
    {
        var server = Subscribed();
        server.Nack("out of memory");
        server.Stream.Nacks.Select(n => n.Name).ShouldBe(["a", "b"]);
    }

    [Fact]
    public void Refusal_stands_until_the_resource_is_accepted_removed_or_given_up()
    {
        var server = new ServerHarness(TestSnapshot.Empty.With("RDS a=1 b=1 c=1"));
        server.Ask("RDS +a +b +c");
        server.Nack("bad");
        server.Stream.Nacks.Count.ShouldBe(3);
        server.Change("RDS a=2");
        server.Ack();
        server.Stream.Nacks.Select(n => n.Name).ShouldBe(["b", "c"]);
        server.Change("RDS b-").ShouldBe(["RDS -b"]);
        server.Ack();
        server.Stream.Nacks.Select(n => n.Name).ShouldBe(["c"]);
        server.Ask("RDS -c");
        server.Stream.Nacks.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("catalog.default:80: no cluster", "catalog.default:80")]
    [InlineData("Error adding/updating listener(s) catalog.default:80", "catalog.default:80")]
    [InlineData("bad 'log.default:80', sorry", "log.default:80")]
    [InlineData("see log.default:8.", "log.default:8")]
    [InlineData("log.default:80.", "log.default:80")]
    public void Names_are_found_whole(string message, string blamed)
    {
        var server = new ServerHarness(TestSnapshot.Empty.With("RDS catalog.default:80=1 log.default:80=1 log.default:8=1"));
        server.Ask("RDS +catalog.default:80 +log.default:80 +log.default:8");
        server.Nack(message);
        server.Stream.Nacks.Select(n => n.Name).ShouldBe([blamed]);
    }
}
