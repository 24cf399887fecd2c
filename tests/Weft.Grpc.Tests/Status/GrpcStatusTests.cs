using Shouldly;
using Xunit;

namespace Weft.Grpc.Tests.Status;

public sealed class GrpcStatusTests
{
    [Theory]
    [InlineData("0", GrpcStatusCode.Ok)]
    [InlineData("16", GrpcStatusCode.Unauthenticated)]
    [InlineData("17", GrpcStatusCode.Unknown)]
    [InlineData("-1", GrpcStatusCode.Unknown)]
    [InlineData("+1", GrpcStatusCode.Unknown)]
    [InlineData("x", GrpcStatusCode.Unknown)]
    [InlineData("99999999999", GrpcStatusCode.Unknown)]
    public void Code_that_gRPC_does_not_define_is_unknown(string text, GrpcStatusCode code) => GrpcStatus.Parse(text, null).Code.ShouldBe(code);

    [Fact]
    public void Undefined_code_keeps_the_peers_message() =>
        GrpcStatus.Parse("99", "sorry%21").ShouldBe(new GrpcStatus(GrpcStatusCode.Unknown, "sorry!"));

    [Theory]
    [InlineData(400, GrpcStatusCode.Internal)]
    [InlineData(401, GrpcStatusCode.Unauthenticated)]
    [InlineData(403, GrpcStatusCode.PermissionDenied)]
    [InlineData(404, GrpcStatusCode.Unimplemented)]
    [InlineData(429, GrpcStatusCode.Unavailable)]
    [InlineData(502, GrpcStatusCode.Unavailable)]
    [InlineData(503, GrpcStatusCode.Unavailable)]
    [InlineData(504, GrpcStatusCode.Unavailable)]
    [InlineData(500, GrpcStatusCode.Unknown)]
    [InlineData(302, GrpcStatusCode.Unknown)]
    public void Http_status_maps_as_specified(int http, GrpcStatusCode code) => GrpcStatus.FromHttpStatus(http).Code.ShouldBe(code);

    [Theory]
    [InlineData(0x0, GrpcStatusCode.Internal)]
    [InlineData(0x7, GrpcStatusCode.Unavailable)]
    [InlineData(0x8, GrpcStatusCode.Cancelled)]
    [InlineData(0xb, GrpcStatusCode.ResourceExhausted)]
    [InlineData(0xc, GrpcStatusCode.PermissionDenied)]
    public void Http2_error_maps_as_specified(long error, GrpcStatusCode code) => GrpcStatus.FromHttp2Error(error).ShouldBe(code);
}
