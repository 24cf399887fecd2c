using Shouldly;
using Weft.Routing.Routes;
using Xunit;

namespace Weft.Routing.Tests.Routes;

/// <summary>envoy RouteAction.MaxStreamDuration and gRFC A31, and that a caller's own timeout always counts. Milliseconds; -1 is none.</summary>
public sealed class StreamDurationTests
{
    [Theory]
    [InlineData(-1, null, 0, null, -1)]
    [InlineData(500, null, 0, null, 500)]
    [InlineData(500, 100, 50, null, 500)]  // the header's limits are for requests that have it
    [InlineData(-1, null, 0, 200, 200)]    // no route asks for it, and still nobody waits longer
    [InlineData(500, null, 0, 200, 200)]
    [InlineData(500, null, 0, 900, 500)]
    [InlineData(500, 0, 0, 900, 900)]      // zero: the header as it is, instead of max_stream_duration
    [InlineData(500, 700, 0, 900, 700)]
    [InlineData(500, 700, 0, 600, 600)]
    [InlineData(-1, 0, 50, 200, 150)]
    [InlineData(-1, 0, 50, 40, 40)]        // the offset is not taken from less than itself
    [InlineData(-1, 100, 50, 200, 100)]
    [InlineData(-1, null, 0, 0, 0)]
    public void The_shortest_limit_that_applies_wins(int max, int? grpcMax, int offset, int? grpcTimeout, int expected) =>
        new StreamDuration
        {
            Max = TimeSpan.FromMilliseconds(max),
            GrpcMax = grpcMax is { } most ? TimeSpan.FromMilliseconds(most) : null,
            GrpcOffset = TimeSpan.FromMilliseconds(offset),
        }.For(grpcTimeout is { } asked ? TimeSpan.FromMilliseconds(asked) : null).ShouldBe(TimeSpan.FromMilliseconds(expected));
}
