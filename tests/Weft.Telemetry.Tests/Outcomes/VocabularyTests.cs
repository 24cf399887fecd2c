using System.Text;
using Shouldly;
using Weft.Grpc;
using Weft.Telemetry.Metrics;
using Weft.Telemetry.Outcomes;
using Xunit;

namespace Weft.Telemetry.Tests.Outcomes;

public sealed class VocabularyTests
{
    [Fact]
    public void Every_method_reads_back_from_its_text()
    {
        foreach (var method in Enum.GetValues<RequestMethod>())
            Vocabulary.ParseMethod(Encoding.ASCII.GetBytes(method.Text())).ShouldBe(method);
    }

    [Theory]
    [InlineData("get")]
    [InlineData("BREW")]
    [InlineData("")]
    public void Method_nobody_registered_is_other(string token)
    {
        Vocabulary.ParseMethod(Encoding.ASCII.GetBytes(token)).ShouldBe(RequestMethod.Other);
    }

    [Theory]
    [InlineData(200, Fault.None, true)]
    [InlineData(404, Fault.None, true)]
    [InlineData(500, Fault.None, false)]
    [InlineData(0, Fault.None, false)]
    [InlineData(200, Fault.UpstreamReset, false)]
    public void Success_is_the_mesh_and_the_application_both_doing_their_part(int status, Fault fault, bool success)
    {
        new SeriesKey(new EdgeKey(Direction.Inbound, "a/b", "c/d", "", ChannelSecurity.Mtls), status, fault).IsSuccess.ShouldBe(success);
    }

    [Theory]
    [InlineData(GrpcStatusCode.Ok, true)]
    [InlineData(GrpcStatusCode.NotFound, true)]
    [InlineData(GrpcStatusCode.Cancelled, true)]
    [InlineData(GrpcStatusCode.PermissionDenied, true)]
    [InlineData(GrpcStatusCode.ResourceExhausted, true)]
    [InlineData(GrpcStatusCode.Unknown, false)]
    [InlineData(GrpcStatusCode.DeadlineExceeded, false)]
    [InlineData(GrpcStatusCode.Unimplemented, false)]
    [InlineData(GrpcStatusCode.Internal, false)]
    [InlineData(GrpcStatusCode.Unavailable, false)]
    [InlineData(GrpcStatusCode.DataLoss, false)]
    public void A_call_fails_by_the_statuses_that_are_a_servers_errors(GrpcStatusCode status, bool success) =>
        new SeriesKey(new EdgeKey(Direction.Inbound, "a/b", "c/d", "", ChannelSecurity.Mtls), 200, Fault.None, status).IsSuccess.ShouldBe(success);

    [Fact]
    public void A_series_is_read_back_from_its_labels()
    {
        foreach (GrpcStatusCode? status in new GrpcStatusCode?[] { null, GrpcStatusCode.Ok, GrpcStatusCode.Unauthenticated })
        {
            var key = new SeriesKey(new EdgeKey(Direction.Outbound, "a/b", "c/d", "v2", ChannelSecurity.Mtls), 200, Fault.DeadlineExceeded, status);
            SeriesLabels.TryRead(SeriesLabels.Of(key), out var read).ShouldBeTrue();
            read.ShouldBe(key);
        }
        var labels = SeriesLabels.Of(default(SeriesKey) with { Edge = new EdgeKey(Direction.Outbound, "a/b", "c/d", "", ChannelSecurity.None) });
        SeriesLabels.TryRead(labels.Where(label => label.Name != "grpc_status"), out _).ShouldBeTrue("a proxy of an earlier version does not send it");
        SeriesLabels.TryRead([.. labels.Where(label => label.Name != "grpc_status"), ("grpc_status", "17")], out _).ShouldBeFalse();
    }
}
