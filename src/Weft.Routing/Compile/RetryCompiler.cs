using Weft.Routing.Retries;
using ProtoRetryPolicy = Envoy.Config.Route.V3.RetryPolicy;

namespace Weft.Routing.Compile;

/// <summary>RetryPolicy, of a route or a virtual host.</summary>
internal static class RetryCompiler
{
    private const string Words =
        "5xx, gateway-error, reset, reset-before-request, connect-failure, refused-stream, retriable-4xx, retriable-status-codes, " +
        "cancelled, deadline-exceeded, internal, resource-exhausted, unavailable";

    private static readonly TimeSpan DefaultBackOff = TimeSpan.FromMilliseconds(25);

    public static RetryPolicy Compile(ProtoRetryPolicy policy, FieldPath at, Compilation into)
    {
        for (var i = 0; i < policy.RetryHostPredicate.Count; i++)
        {
            // Weft never asks an endpoint again while there is another one, which is what this predicate says.
            if (policy.RetryHostPredicate[i].Name != "envoy.retry_host_predicates.previous_hosts")
                into.Refuse(at.Field("retry_host_predicate", i), $"{policy.RetryHostPredicate[i].Name} is not supported");
        }
        for (var i = 0; i < policy.RetriableStatusCodes.Count; i++)
        {
            if (policy.RetriableStatusCodes[i] is < 100 or > 599)
                into.Refuse(at.Field("retriable_status_codes", i), $"{policy.RetriableStatusCodes[i]} is outside 100 to 599");
        }
        var backOffAt = at.Field("retry_back_off");
        var backOff = into.Time(policy.RetryBackOff?.BaseInterval, DefaultBackOff, backOffAt.Field("base_interval"));
        var longest = into.Time(policy.RetryBackOff?.MaxInterval, backOff * 10, backOffAt.Field("max_interval"));
        if (policy.RetryBackOff is { BaseInterval: null }) into.Refuse(backOffAt.Field("base_interval"), "is needed");
        if (longest < backOff) into.Refuse(backOffAt.Field("max_interval"), "is shorter than base_interval");
        return new RetryPolicy
        {
            On = RetryOnWords(policy.RetryOn, at.Field("retry_on"), into),
            NumRetries = into.Number(policy.NumRetries, unset: 1, min: 0, max: 100, at.Field("num_retries")),
            PerTryTimeout = into.Limit(policy.PerTryTimeout, Timeout.InfiniteTimeSpan, at.Field("per_try_timeout")),
            BackOffBase = backOff,
            BackOffMax = longest,
            RetriableStatusCodes = [.. policy.RetriableStatusCodes.Select(s => (int)s)],
        };
    }

    private static RetryOn RetryOnWords(string words, FieldPath at, Compilation into)
    {
        var on = RetryOn.None;
        foreach (var word in words.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            on |= word switch
            {
                "5xx" => RetryOn.ServerError,
                "gateway-error" => RetryOn.GatewayError,
                "reset" => RetryOn.Reset,
                "reset-before-request" => RetryOn.ResetBeforeRequest,
                "connect-failure" => RetryOn.ConnectFailure,
                "refused-stream" => RetryOn.RefusedStream,
                "retriable-4xx" => RetryOn.Retriable4xx,
                "retriable-status-codes" => RetryOn.RetriableStatusCodes,
                "cancelled" => RetryOn.GrpcCancelled,
                "deadline-exceeded" => RetryOn.GrpcDeadlineExceeded,
                "internal" => RetryOn.GrpcInternal,
                "resource-exhausted" => RetryOn.GrpcResourceExhausted,
                "unavailable" => RetryOn.GrpcUnavailable,
                _ => Unknown(word),
            };
        }
        return on;

        RetryOn Unknown(string word)
        {
            into.Refuse(at, $"\"{word}\" is not one of {Words}");
            return RetryOn.None;
        }
    }
}
