using System.Collections.Immutable;

namespace Weft.Routing.Retries;

/// <summary>What may be sent again (envoy.config.route.v3.RetryPolicy). Immutable.</summary>
public sealed class RetryPolicy
{
    public RetryOn On { get; init; }

    /// <summary>Further attempts after the first. Default 1 (Envoy's).</summary>
    public int NumRetries { get; init; } = 1;

    /// <summary>Limit on each attempt; infinite leaves only the route's timeout.</summary>
    public TimeSpan PerTryTimeout { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>First pause between attempts, doubled each time and fully jittered. Default 25 ms.</summary>
    public TimeSpan BackOffBase { get; init; } = TimeSpan.FromMilliseconds(25);

    /// <summary>Longest pause. Default 10 times the base.</summary>
    public TimeSpan BackOffMax { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Statuses that <see cref="RetryOn.RetriableStatusCodes"/> means; 100 to 599.</summary>
    public ImmutableArray<int> RetriableStatusCodes { get; init; } = [];

    /// <summary>The pause before attempt <paramref name="attempt"/> (2 is the first retry): a random part of base * 2^(attempt - 2).</summary>
    /// <param name="attempt">At least 2.</param>
    /// <param name="unit">From 0 (included) to 1 (excluded).</param>
    public TimeSpan BackOff(int attempt, double unit)
    {
        var ceiling = Math.Min(BackOffMax.Ticks, BackOffBase.Ticks * Math.Pow(2, attempt - 2));
        return TimeSpan.FromTicks((long)(ceiling * unit));
    }
}

/// <summary>The words of <c>retry_on</c> that Weft knows.</summary>
[Flags]
public enum RetryOn
{
    None = 0,

    /// <summary><c>5xx</c>: any 5xx answer, and everything that <see cref="Reset"/> means.</summary>
    ServerError = 1,

    /// <summary><c>gateway-error</c>: 502, 503, 504.</summary>
    GatewayError = 1 << 1,

    /// <summary><c>reset</c>: no answer, the connection broke or was closed, or an attempt took too long.</summary>
    Reset = 1 << 2,

    /// <summary><c>connect-failure</c>: the connection was never made.</summary>
    ConnectFailure = 1 << 3,

    /// <summary><c>refused-stream</c>: the peer proved that it has not processed the request.</summary>
    RefusedStream = 1 << 4,

    /// <summary><c>retriable-4xx</c>: 409.</summary>
    Retriable4xx = 1 << 5,

    /// <summary><c>retriable-status-codes</c>.</summary>
    RetriableStatusCodes = 1 << 6,

    /// <summary><c>reset-before-request</c>: the connection broke before the request was sent; or it was used again and the peer had, in all likelihood, closed it before
    /// the request came, which is not certain enough but for idempotent requests.</summary>
    ResetBeforeRequest = 1 << 7,

    /// <summary><c>cancelled</c>: gRPC status CANCELLED (1) in the answer's head, as all words of gRPC that follow.</summary>
    GrpcCancelled = 1 << 8,

    /// <summary><c>deadline-exceeded</c>: 4.</summary>
    GrpcDeadlineExceeded = 1 << 9,

    /// <summary><c>internal</c>: 13.</summary>
    GrpcInternal = 1 << 10,

    /// <summary><c>resource-exhausted</c>: 8.</summary>
    GrpcResourceExhausted = 1 << 11,

    /// <summary><c>unavailable</c>: 14.</summary>
    GrpcUnavailable = 1 << 12,
}
