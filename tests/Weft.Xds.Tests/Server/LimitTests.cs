using Shouldly;
using Weft.Grpc;
using Weft.Xds.Tests.Harness;
using Xunit;

namespace Weft.Xds.Tests.Server;

public sealed class LimitTests
{
    private static readonly DeltaServerLimits Small = new() { MaxSubscriptions = 3, MaxNameLength = 10, MaxRequestBytes = 400, MaxRequestsBetweenResponses = 5 };

    private static ServerHarness Server() => new(TestSnapshot.Empty.With("CDS a=1"), Small);

    [Fact]
    public void Subscriptions_of_all_types_together_are_bounded()
    {
        var server = Server();
        server.Ask("CDS +a +b");
        server.Ask("EDS +a");
        server.Ask("EDS -a");
        server.Ask("EDS +b");
        Refused(() => server.Ask("RDS +c"), nameof(Small.MaxSubscriptions));
    }

    [Fact]
    public void Name_is_bounded() => Refused(() => Server().Ask("CDS +" + new string('x', 11)), nameof(Small.MaxNameLength));

    [Fact]
    public void Request_is_bounded() =>
        Refused(() => Server().Ask("CDS " + string.Join(' ', Enumerable.Range(0, 100).Select(i => $"-name{i}"))), nameof(Small.MaxRequestBytes));

    [Fact]
    public void Requests_that_ask_for_nothing_are_bounded()
    {
        var server = Server();
        server.Ask("CDS +a");
        for (var i = 0; i < 5; i++) server.Ask("CDS");
        Refused(() => server.Ask("CDS"), nameof(Small.MaxRequestsBetweenResponses));
    }

    [Fact]
    public void Requests_that_are_answered_are_not()
    {
        var server = Server();
        server.Ask("CDS +a");
        for (var i = 0; i < 100; i++)
        {
            server.AckAll();
            server.Ask("CDS -b");
            server.Ask("CDS +b").ShouldBe(["CDS -b"]);
        }
    }

    [Fact]
    public void Flood_of_subscriptions_without_acknowledgement_makes_one_response()
    {
        var server = new ServerHarness(TestSnapshot.Empty.With("CDS a=1"));
        Enumerable.Range(0, 1000).Sum(_ => server.Ask("CDS +a").Length).ShouldBe(1);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void First_request_without_a_node_ends_the_stream(string? id)
    {
        var request = ServerHarness.Parse("CDS +a");
        request.Node = id is null ? null : new() { Id = id };
        Should.Throw<GrpcException>(() => new DeltaServerStream().OnRequest(request)).Status.Code.ShouldBe(GrpcStatusCode.InvalidArgument);
    }

    [Fact]
    public void Later_node_changes_nothing()
    {
        var server = Server();
        server.Ask("CDS +a");
        var request = ServerHarness.Parse("EDS +a");
        request.Node = new() { Id = "somebody-else" };
        server.Request(request);
        server.Stream.Node!.Id.ShouldBe("test");
    }

    private static void Refused(Action act, string setting)
    {
        var error = Should.Throw<GrpcException>(act);
        error.Status.Code.ShouldBe(GrpcStatusCode.ResourceExhausted);
        error.Message.ShouldContain(setting);
    }
}
