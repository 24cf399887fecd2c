namespace Weft.Routing.Routes;

/// <summary>
/// How long a request may take in all, from its head to the response's last byte (envoy RouteAction.MaxStreamDuration, gRFC A31). Where a time is zero
/// or infinite it sets no limit. Immutable.
/// </summary>
public sealed class StreamDuration
{
    public static readonly StreamDuration Unlimited = new();

    /// <summary><c>max_stream_duration</c>; infinite without one.</summary>
    public TimeSpan Max { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary><c>grpc_timeout_header_max</c>: a call that tells its own timeout is limited by that and at most by this, instead of by
    /// <see cref="Max"/>; zero for "by its own alone". Null: such a call is limited by <see cref="Max"/> like any other.</summary>
    public TimeSpan? GrpcMax { get; init; }

    /// <summary><c>grpc_timeout_header_offset</c>: how much earlier than the caller this proxy gives up, where the caller allows more than this.</summary>
    public TimeSpan GrpcOffset { get; init; }

    /// <summary>The limit for one request; infinite for none. A caller's own timeout always counts: nobody waits for the answer after it.</summary>
    /// <param name="grpcTimeout">The value of <c>grpc-timeout</c>, zero or more; null for a request without.</param>
    public TimeSpan For(TimeSpan? grpcTimeout)
    {
        if (grpcTimeout is not { } asked) return Max;
        if (GrpcMax is not { } most) return Shorter(asked, Max);
        var adjusted = asked > GrpcOffset ? asked - GrpcOffset : asked;
        return most == TimeSpan.Zero ? adjusted : Shorter(adjusted, most);
    }

    private static TimeSpan Shorter(TimeSpan a, TimeSpan b) => b == Timeout.InfiniteTimeSpan || a < b ? a : b;
}
