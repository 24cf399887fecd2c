using Shouldly;
using Weft.Grpc;
using Weft.Routing.Retries;
using Xunit;

namespace Weft.Routing.Tests.Retries;

public sealed class RetryDecisionTests
{
    private static readonly RetryPolicy WeftDefault = new() { On = RetryOn.ConnectFailure | RetryOn.RefusedStream | RetryOn.Reset, NumRetries = 2 };

    private static Attempt Failed(
        AttemptOutcome outcome, int number = 1, int status = 0, bool marked = false, bool idempotent = true, RequestProgress progress = RequestProgress.HeadSent) =>
        new(number, outcome, status, marked, idempotent, progress);

    [Theory]
    [InlineData(AttemptOutcome.ConnectFailed, true)]
    [InlineData(AttemptOutcome.Refused, true)]
    [InlineData(AttemptOutcome.Reset, false)]
    [InlineData(AttemptOutcome.Response, false)]
    [InlineData(AttemptOutcome.PerTryTimeout, false)]
    public void Without_a_policy_only_what_was_not_processed_goes_on(AttemptOutcome outcome, bool retried) =>
        RetryDecision.Decide(null, Failed(outcome, status: 503, progress: RequestProgress.NothingSent)).ShouldBe(retried);

    [Fact]
    public void Without_a_policy_the_third_attempt_is_the_last()
    {
        RetryDecision.Decide(null, Failed(AttemptOutcome.ConnectFailed, number: 2)).ShouldBeTrue();
        RetryDecision.Decide(null, Failed(AttemptOutcome.ConnectFailed, number: 3)).ShouldBeFalse();
    }

    [Theory]
    [InlineData(true, RequestProgress.HeadSent, true)]
    [InlineData(false, RequestProgress.HeadSent, false)]
    [InlineData(false, RequestProgress.NothingSent, true)]
    [InlineData(true, RequestProgress.BodySent, false)]
    public void Reset_is_repeated_only_when_that_is_safe(bool idempotent, RequestProgress progress, bool retried) =>
        RetryDecision.Decide(WeftDefault, Failed(AttemptOutcome.Reset, idempotent: idempotent, progress: progress)).ShouldBe(retried);

    [Theory]
    [InlineData(true, true, true)]
    [InlineData(true, false, false)]
    [InlineData(false, true, false)]
    public void Reset_before_request_means_also_a_reused_connection_under_an_idempotent_request(bool idempotent, bool reused, bool retried) =>
        RetryDecision.Decide(new RetryPolicy { On = RetryOn.ResetBeforeRequest }, Failed(AttemptOutcome.Reset, idempotent: idempotent) with { Reused = reused }).ShouldBe(retried);

    [Theory]
    [InlineData(true, RequestProgress.HeadSent, true)]
    [InlineData(false, RequestProgress.HeadSent, true)]
    [InlineData(true, RequestProgress.BodySent, false)]
    public void What_was_refused_goes_elsewhere_whatever_its_method_while_it_is_whole(bool idempotent, RequestProgress progress, bool retried) =>
        RetryDecision.Decide(WeftDefault, Failed(AttemptOutcome.Refused, idempotent: idempotent, progress: progress)).ShouldBe(retried);

    [Theory]
    [InlineData(true, true, true)]
    [InlineData(true, false, false)]
    [InlineData(false, true, false)]
    public void Marked_answer_of_an_idempotent_request_goes_elsewhere(bool marked, bool idempotent, bool retried) =>
        RetryDecision.Decide(WeftDefault, Failed(AttemptOutcome.Response, status: 503, marked: marked, idempotent: idempotent)).ShouldBe(retried);

    [Fact]
    public void Attempts_are_one_more_than_retries()
    {
        RetryDecision.Decide(WeftDefault, Failed(AttemptOutcome.ConnectFailed, number: 2)).ShouldBeTrue();
        RetryDecision.Decide(WeftDefault, Failed(AttemptOutcome.ConnectFailed, number: 3)).ShouldBeFalse();
    }

    [Theory]
    [InlineData(RetryOn.ServerError, 500, true)]
    [InlineData(RetryOn.ServerError, 404, false)]
    [InlineData(RetryOn.GatewayError, 500, false)]
    [InlineData(RetryOn.GatewayError, 503, true)]
    [InlineData(RetryOn.Retriable4xx, 409, true)]
    [InlineData(RetryOn.Retriable4xx, 404, false)]
    [InlineData(RetryOn.RetriableStatusCodes, 418, true)]
    [InlineData(RetryOn.RetriableStatusCodes, 500, false)]
    public void Words_select_statuses(RetryOn on, int status, bool retried) =>
        RetryDecision.Decide(new RetryPolicy { On = on, RetriableStatusCodes = [418] }, Failed(AttemptOutcome.Response, status: status)).ShouldBe(retried);

    [Theory]
    [InlineData("GET", true)]
    [InlineData("PUT", true)]
    [InlineData("DELETE", true)]
    [InlineData("TRACE", true)]
    [InlineData("OPTIONS", true)]
    [InlineData("HEAD", true)]
    [InlineData("POST", false)]
    [InlineData("PATCH", false)]
    [InlineData("get", false)]
    public void Idempotent_methods_are_those_of_RFC_9110(string method, bool idempotent) =>
        RetryDecision.IsIdempotent(System.Text.Encoding.ASCII.GetBytes(method)).ShouldBe(idempotent);

    [Fact]
    public void Pauses_double_up_to_their_limit_and_are_jittered()
    {
        var policy = new RetryPolicy();
        policy.BackOff(2, 0.5).ShouldBe(TimeSpan.FromMilliseconds(12.5));
        policy.BackOff(3, 0.5).ShouldBe(TimeSpan.FromMilliseconds(25));
        policy.BackOff(60, 0.999).ShouldBeLessThan(TimeSpan.FromMilliseconds(250));
        policy.BackOff(2, 0).ShouldBe(TimeSpan.Zero);
    }

    [Theory]
    [InlineData(RetryOn.GrpcUnavailable, GrpcStatusCode.Unavailable, RequestProgress.HeadSent, true)]
    [InlineData(RetryOn.GrpcUnavailable, GrpcStatusCode.Unavailable, RequestProgress.BodySent, false)]
    [InlineData(RetryOn.GrpcUnavailable, GrpcStatusCode.Internal, RequestProgress.HeadSent, false)]
    [InlineData(RetryOn.GrpcUnavailable, null, RequestProgress.HeadSent, false)]
    [InlineData(RetryOn.GrpcCancelled | RetryOn.GrpcInternal, GrpcStatusCode.Internal, RequestProgress.HeadSent, true)]
    [InlineData(RetryOn.GrpcResourceExhausted, GrpcStatusCode.ResourceExhausted, RequestProgress.HeadSent, true)]
    [InlineData(RetryOn.GrpcDeadlineExceeded, GrpcStatusCode.DeadlineExceeded, RequestProgress.HeadSent, true)]
    [InlineData(RetryOn.GrpcCancelled, GrpcStatusCode.Cancelled, RequestProgress.HeadSent, true)]
    [InlineData(RetryOn.ServerError | RetryOn.Reset | RetryOn.GatewayError, GrpcStatusCode.Unavailable, RequestProgress.HeadSent, false)]
    public void A_status_of_gRPC_is_repeated_where_it_is_named_although_the_method_is_POST(RetryOn on, GrpcStatusCode? status, RequestProgress progress, bool retried) =>
        RetryDecision.Decide(new RetryPolicy { On = on }, new Attempt(1, AttemptOutcome.Response, 200, false, Idempotent: false, progress, GrpcStatus: status)).ShouldBe(retried);
}
