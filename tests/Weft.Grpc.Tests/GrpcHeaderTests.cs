using Shouldly;
using Xunit;

namespace Weft.Grpc.Tests;

public sealed class GrpcHeaderTests
{
    [Theory]
    [InlineData("application/grpc", true)]
    [InlineData("application/grpc+proto", true)]
    [InlineData("Application/GRPC; charset=utf-8", true)]
    [InlineData("application/grpc+proto;x=y", true)]
    [InlineData("application/grpc-web", false)]
    [InlineData("application/grpc+json", false)]
    [InlineData("application/grpcx", false)]
    [InlineData("application/json", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void Content_type_is_told_from_its_relatives(string? contentType, bool grpc) => GrpcHeader.IsGrpcContentType(contentType).ShouldBe(grpc);

    [Theory]
    [InlineData("gzip", true)]
    [InlineData("identity, GZIP ,deflate", true)]
    [InlineData("deflate", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void Encoding_is_sent_only_to_who_lists_it(string? accepts, bool gzip)
    {
        GrpcEncodings.Accepts(accepts, GrpcEncoding.Gzip).ShouldBe(gzip);
        GrpcEncodings.Accepts(accepts, GrpcEncoding.Identity).ShouldBeTrue();
    }
}
