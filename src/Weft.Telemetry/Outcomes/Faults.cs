using System.Collections.Immutable;
using System.Text;
using Weft.Grpc;

namespace Weft.Telemetry.Outcomes;

/// <summary>One row of the fault table.</summary>
/// <param name="Fault">The code this row describes.</param>
/// <param name="Code">The text that travels in <c>x-weft-fault</c> and in the metric label <c>fault</c>: lower-case words joined by hyphens.</param>
/// <param name="HttpStatus">Status of the answer; 0 for <see cref="Fault.FaultInjected"/>, where the policy names it.</param>
/// <param name="GrpcStatus">gRPC status of the answer to a gRPC request; OK where the policy names it.</param>
/// <param name="ResponseFlag">Envoy's access log response flag for the nearest cause; <c>-</c> where Envoy sets none.</param>
/// <param name="Side">Who has to act.</param>
/// <param name="RetryElsewhere">A mesh peer that answers with this code has either not handed the request to its application or has lost
/// the application, so an idempotent request may be sent to another endpoint.</param>
/// <param name="Sentence">What happened and what to do next, for people.</param>
public sealed record FaultDescription(
    Fault Fault, string Code, int HttpStatus, GrpcStatusCode GrpcStatus, string ResponseFlag, FaultSide Side, bool RetryElsewhere, string Sentence);

/// <summary>The fault table: the one mapping from <see cref="Fault"/> to everything that is said about it.</summary>
public static class Faults
{
    private const GrpcStatusCode Cancelled = GrpcStatusCode.Cancelled, InvalidArgument = GrpcStatusCode.InvalidArgument,
        DeadlineExceeded = GrpcStatusCode.DeadlineExceeded, PermissionDenied = GrpcStatusCode.PermissionDenied,
        ResourceExhausted = GrpcStatusCode.ResourceExhausted, Unimplemented = GrpcStatusCode.Unimplemented, Internal = GrpcStatusCode.Internal,
        Unavailable = GrpcStatusCode.Unavailable, Unauthenticated = GrpcStatusCode.Unauthenticated;

    private const FaultSide Downstream = FaultSide.Downstream, Proxy = FaultSide.Proxy, Upstream = FaultSide.Upstream;

    private static readonly FaultDescription[] Table =
    [
        new(Fault.None, "", 200, GrpcStatusCode.Ok, "-", Proxy, false, "The mesh did what was asked."),
        new(Fault.NoRoute, "no-route", 404, Unimplemented, "NR", Proxy, false,
            "No route matches this host, path, method and headers; check the host name and the HTTPRoute rules of the service."),
        new(Fault.NoEndpoint, "no-endpoint", 503, Unavailable, "UH", Proxy, false,
            "The service has no live endpoint; start an instance, or check that its labels match the Service's selector."),
        new(Fault.ConnectFailure, "connect-failure", 502, Unavailable, "UF", Upstream, true,
            "No connection to the endpoint could be made; check that the application listens on its port and that the address is reachable."),
        new(Fault.ConnectTimeout, "connect-timeout", 502, Unavailable, "UF", Upstream, true,
            "The endpoint did not answer the connection attempt in time; check the network and firewall on the way, or raise the connect timeout."),
        new(Fault.TlsFailure, "tls-failure", 502, Unavailable, "UF", Upstream, false,
            "The TLS handshake with the endpoint failed, or it showed an identity that is not the expected one; compare its certificate with its service account."),
        new(Fault.UpstreamReset, "upstream-reset", 502, Unavailable, "UR", Upstream, true,
            "The endpoint reset the connection before its answer was complete; look for a crash or restart of the application."),
        new(Fault.UpstreamClosed, "upstream-closed", 502, Unavailable, "UC", Upstream, true,
            "The endpoint closed the connection before its answer was complete; look for a crash, or an idle timeout shorter than the proxy's."),
        new(Fault.UpstreamProtocol, "upstream-protocol", 502, Unavailable, "UPE", Upstream, false,
            "The endpoint's answer is not valid HTTP; check that its port speaks the protocol that the Service declares."),
        new(Fault.Unprocessed, "unprocessed", 503, Unavailable, "UR", Upstream, true,
            "The application went away before it was given a byte of the request; the caller's proxy may safely send it to another endpoint."),
        new(Fault.ResponseTimeout, "response-timeout", 504, DeadlineExceeded, "UT", Proxy, false,
            "The endpoint did not answer within the route's timeout; find out why it is slow, or raise the timeout of the route."),
        new(Fault.DeadlineExceeded, "deadline-exceeded", 504, DeadlineExceeded, "DT", Proxy, false,
            "The deadline that the first caller set ran out on the way; give the call more time, or shorten the chain of calls."),
        new(Fault.HeaderTimeout, "header-timeout", 408, DeadlineExceeded, "SI", Downstream, false,
            "The caller did not finish its request head in time; check the caller, or raise the request headers timeout."),
        new(Fault.BodyTimeout, "body-timeout", 408, DeadlineExceeded, "SI", Downstream, false,
            "The caller stopped sending its request body; check the caller, or raise the stream idle timeout."),
        new(Fault.InvalidBackend, "invalid-backend", 500, Unavailable, "NC", Proxy, false,
            "The matching route names a backend that does not exist; correct the backendRefs of the route."),
        new(Fault.DownstreamClosed, "downstream-closed", 499, Cancelled, "DC", Downstream, false,
            "The caller went away before it had the whole answer; its own timeout is the usual reason."),
        new(Fault.Denied, "denied", 403, PermissionDenied, "-", Proxy, false,
            "An access policy does not allow this caller to make this request; ask for a rule that names the caller's identity."),
        new(Fault.Unauthenticated, "unauthenticated", 401, Unauthenticated, "-", Downstream, false,
            "The request needs proof of who sends it and carries none that is valid; send a fresh credential, or call through the mesh."),
        new(Fault.RateLimited, "rate-limited", 429, ResourceExhausted, "RL", Proxy, false,
            "The caller has used up its rate limit; slow down and honour retry-after, or raise the limit."),
        new(Fault.CircuitOpen, "circuit-open", 503, Unavailable, "UO", Proxy, false,
            "The service already has as many connections or requests in flight as its circuit breaker allows; add capacity, or raise the limit."),
        new(Fault.Overloaded, "overloaded", 503, Unavailable, "OM", Proxy, true,
            "The proxy is out of a resource of its own and sheds load; give it more memory or another worker, or add instances."),
        new(Fault.Draining, "draining", 503, Unavailable, "-", Proxy, true,
            "The proxy is shutting down and takes no new requests; retry, another instance will answer."),
        new(Fault.HeaderTooLarge, "header-too-large", 431, InvalidArgument, "DPE", Downstream, false,
            "The request's head is larger, or has more fields, than the listener allows; send less (cookies are the usual reason), or raise the limit."),
        new(Fault.BodyTooLarge, "body-too-large", 413, ResourceExhausted, "-", Downstream, false,
            "The request's body is larger than the route allows; send less, or raise the limit."),
        new(Fault.BadRequest, "bad-request", 400, Internal, "DPE", Downstream, false,
            "The request is not valid HTTP, or asks for something that this listener does not do; correct the caller."),
        new(Fault.FaultInjected, "fault-injected", 0, GrpcStatusCode.Ok, "FI", Proxy, false,
            "A fault injection policy made this answer on purpose; remove the policy when the experiment is over."),
        new(Fault.EgressDenied, "egress-denied", 403, PermissionDenied, "-", Proxy, false,
            "The destination is outside the mesh, and the mesh lets nobody call it; make it a Service with an EndpointSlice, or let the Mesh say egress: Allow."),
        new(Fault.IdleTimeout, "idle-timeout", 408, DeadlineExceeded, "SI", Proxy, false,
            "No byte went either way for as long as a connection may be idle; have the application send keep-alives, or raise the idle timeout."),
        new(Fault.MaxDuration, "max-duration", 408, DeadlineExceeded, "DT", Proxy, false,
            "The connection reached the age at which it is ended, or a certificate that it rests on did; connect again, or raise the maximum duration."),
    ];

    private static readonly byte[][] CodeBytes = [.. Table.Select(row => Encoding.ASCII.GetBytes(row.Code))];

    /// <summary>Every row, in the order of the enumeration; the first is <see cref="Fault.None"/>.</summary>
    public static ImmutableArray<FaultDescription> All { get; } = [.. Table];

    public static FaultDescription Describe(this Fault fault) => Table[(int)fault];

    /// <summary>The code as it is written into <c>x-weft-fault</c>; empty for <see cref="Fault.None"/>.</summary>
    public static ReadOnlySpan<byte> CodeUtf8(this Fault fault) => CodeBytes[(int)fault];

    /// <summary>Reads the value of <c>x-weft-fault</c>. False for an empty value and for a code this version does not know.</summary>
    public static bool TryParse(ReadOnlySpan<byte> code, out Fault fault)
    {
        for (var i = 1; i < CodeBytes.Length; i++)
        {
            if (code.SequenceEqual(CodeBytes[i]))
            {
                fault = (Fault)i;
                return true;
            }
        }
        fault = Fault.None;
        return false;
    }

    /// <summary>Reads a metric label: the empty text is <see cref="Fault.None"/>.</summary>
    public static bool TryParse(string code, out Fault fault)
    {
        var found = Array.FindIndex(Table, row => row.Code == code);
        fault = (Fault)Math.Max(found, 0);
        return found >= 0;
    }
}
