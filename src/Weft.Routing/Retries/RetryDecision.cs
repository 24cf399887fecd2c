using Weft.Grpc;

namespace Weft.Routing.Retries;

/// <summary>How an attempt ended when it may be worth another one.</summary>
public enum AttemptOutcome : byte
{
    /// <summary>Refused, unreachable, timed out or failed in TLS before a connection was there: the request was not sent.</summary>
    ConnectFailed,

    /// <summary>The peer has proved that it did not act on the request: REFUSED_STREAM, an id above GOAWAY's last (RFC 9113 section 8.7), or the mark of a mesh peer
    /// whose application was not given a byte of it.</summary>
    Refused,

    /// <summary>The connection broke or was closed before a response head.</summary>
    Reset,

    /// <summary>A response head came.</summary>
    Response,

    /// <summary>The attempt's own time limit (per_try_timeout) passed before a response head.</summary>
    PerTryTimeout,
}

/// <summary>How far the request had gone.</summary>
public enum RequestProgress : byte
{
    /// <summary>Not one byte was written upstream.</summary>
    NothingSent,

    /// <summary>The head was written, at least in part, and the whole request is still here: no body byte has left, or those that have are kept.</summary>
    HeadSent,

    /// <summary>Body bytes were written and are not kept: the request cannot be sent again, whatever the policy.</summary>
    BodySent,
}

/// <summary>One finished attempt, as the retry decision sees it.</summary>
/// <param name="Number">1 for the first attempt.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Status">The response's status; 0 without one.</param>
/// <param name="MarkedElsewhere">The response came from a mesh peer with a fault mark that says that its application was not reached or was lost: another endpoint may do
/// better.</param>
/// <param name="Idempotent">The method is one that may be repeated (RFC 9110 section 9.2.2).</param>
/// <param name="Progress">How far the request had gone.</param>
/// <param name="Reused">The connection broke under its second or a later request, before any byte of an answer: the peer had in all likelihood closed it, idle, before
/// the request came (RFC 9112 section 9.3.1).</param>
/// <param name="GrpcStatus">What a gRPC call's response says in its head, which is then all of it (Trailers-Only); null for any other response.</param>
public readonly record struct Attempt(
    int Number, AttemptOutcome Outcome, int Status, bool MarkedElsewhere, bool Idempotent, RequestProgress Progress, bool Reused = false,
    GrpcStatusCode? GrpcStatus = null);

/// <summary>Whether a failed attempt is followed by another. Pure.</summary>
public static class RetryDecision
{
    /// <summary>Attempts in all when no policy was set: two more endpoints are asked after a connect failure.</summary>
    public const int AttemptsWithoutPolicy = 3;

    /// <summary>GET, HEAD, OPTIONS, TRACE, PUT and DELETE (RFC 9110 section 9.2.2).</summary>
    public static bool IsIdempotent(ReadOnlySpan<byte> method) => method.Length switch
    {
        3 => method.SequenceEqual("GET"u8) || method.SequenceEqual("PUT"u8),
        4 => method.SequenceEqual("HEAD"u8),
        5 => method.SequenceEqual("TRACE"u8),
        6 => method.SequenceEqual("DELETE"u8),
        7 => method.SequenceEqual("OPTIONS"u8),
        _ => false,
    };

    /// <summary>
    /// True when the request goes to another endpoint. A request whose body has left and was not kept is never repeated. What is not proven unprocessed is repeated
    /// only when its method is idempotent, also where the policy's words would allow more: Envoy repeats a POST on <c>reset</c>, which may pay twice.
    /// </summary>
    /// <param name="policy">Null: nothing was configured; then only what was provably not processed is repeated.</param>
    /// <param name="attempt">The attempt that ended.</param>
    public static bool Decide(RetryPolicy? policy, in Attempt attempt)
    {
        if (attempt.Progress == RequestProgress.BodySent) return false;
        if (attempt.Number >= (policy is null ? AttemptsWithoutPolicy : 1 + policy.NumRetries)) return false;
        if (policy is null) return attempt.Outcome is AttemptOutcome.ConnectFailed or AttemptOutcome.Refused;
        return Wanted(policy, attempt);
    }

    private static bool Wanted(RetryPolicy policy, in Attempt attempt)
    {
        var on = policy.On;
        var repeatable = attempt.Idempotent || attempt.Progress == RequestProgress.NothingSent;
        switch (attempt.Outcome)
        {
            case AttemptOutcome.ConnectFailed:
                return Has(on, RetryOn.ConnectFailure | RetryOn.ServerError | RetryOn.Reset);
            case AttemptOutcome.Refused:
                return Has(on, RetryOn.RefusedStream | RetryOn.ServerError | RetryOn.Reset);
            case AttemptOutcome.Reset:
                if ((attempt.Progress == RequestProgress.NothingSent || attempt is { Reused: true, Idempotent: true }) && Has(on, RetryOn.ResetBeforeRequest)) return true;
                return repeatable && Has(on, RetryOn.Reset | RetryOn.ServerError);
            case AttemptOutcome.PerTryTimeout:
                return repeatable && Has(on, RetryOn.Reset | RetryOn.ServerError | RetryOn.GatewayError);
            default:
                // gRPC is POST always: who names its statuses says that these calls may be repeated.
                return GrpcStatusWanted(on, attempt.GrpcStatus) || (attempt.Idempotent && StatusWanted(policy, attempt));
        }
    }

    private static bool StatusWanted(RetryPolicy policy, in Attempt attempt)
    {
        var on = policy.On;
        if (attempt.MarkedElsewhere && Has(on, RetryOn.RefusedStream | RetryOn.Reset | RetryOn.ServerError)) return true;
        if (attempt.Status is >= 500 and < 600 && Has(on, RetryOn.ServerError)) return true;
        if (attempt.Status is 502 or 503 or 504 && Has(on, RetryOn.GatewayError)) return true;
        if (attempt.Status == 409 && Has(on, RetryOn.Retriable4xx)) return true;
        return Has(on, RetryOn.RetriableStatusCodes) && policy.RetriableStatusCodes.Contains(attempt.Status);
    }

    private static bool GrpcStatusWanted(RetryOn on, GrpcStatusCode? status) => status switch
    {
        GrpcStatusCode.Cancelled => Has(on, RetryOn.GrpcCancelled),
        GrpcStatusCode.DeadlineExceeded => Has(on, RetryOn.GrpcDeadlineExceeded),
        GrpcStatusCode.Internal => Has(on, RetryOn.GrpcInternal),
        GrpcStatusCode.ResourceExhausted => Has(on, RetryOn.GrpcResourceExhausted),
        GrpcStatusCode.Unavailable => Has(on, RetryOn.GrpcUnavailable),
        _ => false,
    };

    private static bool Has(RetryOn on, RetryOn any) => (on & any) != RetryOn.None;
}
