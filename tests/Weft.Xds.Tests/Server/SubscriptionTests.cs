using Shouldly;
using Weft.Xds.Tests.Harness;
using Xunit;

namespace Weft.Xds.Tests.Server;

public sealed class SubscriptionTests
{
    private static TestSnapshot Abc => TestSnapshot.Empty.With("CDS a=1 b=1 c=1");

    [Fact]
    public void Only_what_is_subscribed_is_sent() => new ServerHarness(Abc).Ask("CDS +a +c").ShouldBe(["CDS +a=1 +c=1"]);

    [Fact]
    public void Nothing_is_sent_before_the_first_snapshot()
    {
        var server = new ServerHarness();
        server.Ask("CDS +a").ShouldBeEmpty();
        server.Change("CDS a=1").ShouldBe(["CDS +a=1"]);
    }

    [Fact]
    public void Name_that_does_not_exist_is_answered_as_removed_once()
    {
        var server = new ServerHarness(Abc);
        server.Ask("CDS +x").ShouldBe(["CDS -x"]);
        server.Ack().ShouldBeEmpty();
        server.Change("CDS a=2").ShouldBeEmpty();
        server.Change("CDS x=1").ShouldBe(["CDS +x=1"]);
    }

    [Fact]
    public void Subscribed_name_that_is_subscribed_again_is_answered_again()
    {
        var server = new ServerHarness(Abc);
        server.Ask("CDS +a +x");
        server.Ack();
        server.Ask("CDS +a").ShouldBe(["CDS +a=1"]);
        server.Ack();
        server.Ask("CDS +x").ShouldBe(["CDS -x"]);
    }

    [Fact]
    public void Unsubscribed_name_is_not_sent_and_not_answered()
    {
        var server = new ServerHarness(Abc);
        server.Ask("CDS +a +b");
        server.Ack();
        server.Ask("CDS -a").ShouldBeEmpty();
        server.Change("CDS a=2 b=2").ShouldBe(["CDS +b=2"]);
    }

    [Fact]
    public void Name_in_both_lists_of_one_request_ends_subscribed() => new ServerHarness(Abc).Ask("CDS -a +a").ShouldBe(["CDS +a=1"]);

    [Fact]
    public void Unchanged_content_in_a_new_snapshot_is_not_sent()
    {
        var server = new ServerHarness(Abc);
        server.Ask("CDS +a");
        server.Ack();
        server.Change("CDS b=9").ShouldBeEmpty();
        server.Change("CDS a=1").ShouldBeEmpty();
    }

    [Fact]
    public void Change_and_removal_of_routes_go_in_one_response()
    {
        var server = new ServerHarness(TestSnapshot.Empty.With("RDS a=1 b=1"));
        server.Ask("RDS +a +b");
        server.Ack();
        server.Change("RDS a=2 b-").ShouldBe(["RDS +a=2 -b"]);
    }

    [Fact]
    public void First_request_with_no_names_means_everything()
    {
        var server = new ServerHarness(Abc);
        server.Ask("CDS").ShouldBe(["CDS +a=1 +b=1 +c=1"]);
        server.Ack();
        server.Change("CDS d=1 a-").ShouldBe(["CDS +d=1"]);
        server.Ack().ShouldBe(["CDS -a"]);
    }

    [Fact]
    public void Star_means_everything_and_can_be_given_up()
    {
        var server = new ServerHarness(Abc);
        server.Ask("LDS +*").ShouldBe(["LDS"]);
        server.Ask("CDS +* +x").ShouldBe(["CDS +a=1 +b=1 +c=1 -x"]);
        server.AckAll();
        server.Ask("CDS -*").ShouldBeEmpty();
        server.Change("CDS a=2 x=1").ShouldBe(["CDS +x=1"]);
    }

    [Fact]
    public void Wildcard_without_resources_is_answered_empty()
    {
        new ServerHarness(TestSnapshot.Empty).Ask("CDS").ShouldBe(["CDS"]);
        new ServerHarness(TestSnapshot.Empty).Ask("LDS +*").ShouldBe(["LDS"]);
    }

    [Fact]
    public void Naming_anything_ends_the_legacy_wildcard()
    {
        var server = new ServerHarness(Abc);
        server.Ask("CDS");
        server.Ack();
        server.Ask("CDS +b").ShouldBe(["CDS +b=1"]);
        server.Ack();
        server.Change("CDS a=2 b=2").ShouldBe(["CDS +b=2"]);
    }

    [Fact]
    public void Empty_request_after_a_name_is_not_a_wildcard()
    {
        var server = new ServerHarness(Abc);
        server.Ask("CDS +b");
        server.Ack();
        server.Ask("CDS -b");
        server.Ask("CDS").ShouldBeEmpty();
        server.Change("CDS a=2").ShouldBeEmpty();
    }

    [Fact]
    public void Name_given_up_under_a_wildcard_is_answered_with_what_the_wildcard_has()
    {
        var server = new ServerHarness(Abc);
        server.Ask("CDS +* +a +x");
        server.Ack();
        server.Ask("CDS -a").ShouldBe(["CDS +a=1"]);
        server.Ack();
        server.Ask("CDS -x").ShouldBe(["CDS -x"]);
        server.Ack();
        server.Change("CDS a=2").ShouldBe(["CDS +a=2"]);
    }

    [Fact]
    public void Star_that_is_subscribed_again_is_answered_again()
    {
        var server = new ServerHarness(Abc);
        server.Ask("CDS +*");
        server.Ack();
        server.Ask("CDS +*").ShouldBe(["CDS +a=1 +b=1 +c=1"]);
    }

    [Fact]
    public void Type_that_is_not_served_is_counted_and_not_answered()
    {
        var server = new ServerHarness(Abc);
        server.Request(new() { TypeUrl = "type.googleapis.com/envoy.service.runtime.v3.Runtime" }).ShouldBeEmpty();
        server.Stream.UnknownTypes.ShouldBe(1);
        server.Ask("CDS +a").ShouldBe(["CDS +a=1"]);
    }

    [Fact]
    public void Response_carries_type_nonce_revision_and_the_servers_name()
    {
        var stream = new DeltaServerStream(controlPlane: "weft-1");
        stream.OnSnapshot(Abc);
        var request = ServerHarness.Parse("CDS +a");
        request.Node = new() { Id = "n" };
        var response = stream.OnRequest(request).ShouldHaveSingleItem();
        response.TypeUrl.ShouldBe(XdsType.Cluster.TypeUrl());
        response.Nonce.ShouldNotBeEmpty();
        response.SystemVersionInfo.ShouldBe("2");
        response.ControlPlane.Identifier.ShouldBe("weft-1");
        var resource = response.Resources.ShouldHaveSingleItem();
        resource.Version.ShouldBe(TestSnapshot.Version("1"));
        resource.Resource_.TypeUrl.ShouldBe(XdsType.Cluster.TypeUrl());
        stream.Node!.Id.ShouldBe("n");
    }
}
