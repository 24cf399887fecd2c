namespace Weft.Telemetry.Outcomes;

/// <summary>
/// Why a request did not end as the application meant it to. A closed vocabulary: each code has one row in <see cref="Faults"/>,
/// which is the only place that turns it into a status, a flag, a label or a sentence. Numbers are not persisted and may change;
/// the text code is the contract.
/// </summary>
public enum Fault : byte
{
    /// <summary>Nothing went wrong in the mesh. The application may still have answered with an error of its own.</summary>
    None,
    NoRoute,
    NoEndpoint,
    ConnectFailure,
    ConnectTimeout,
    TlsFailure,
    UpstreamReset,
    UpstreamClosed,
    UpstreamProtocol,
    Unprocessed,
    ResponseTimeout,
    DeadlineExceeded,
    HeaderTimeout,
    BodyTimeout,
    InvalidBackend,
    DownstreamClosed,
    Denied,
    Unauthenticated,
    RateLimited,
    CircuitOpen,
    Overloaded,
    Draining,
    HeaderTooLarge,
    BodyTooLarge,
    BadRequest,
    FaultInjected,
    EgressDenied,
    IdleTimeout,
    MaxDuration,
}

/// <summary>Who has to act on a fault.</summary>
public enum FaultSide : byte
{
    /// <summary>The caller sent, or failed to send, something.</summary>
    Downstream,

    /// <summary>The proxy's own configuration or limits decided.</summary>
    Proxy,

    /// <summary>The called workload, or the way to it, failed.</summary>
    Upstream,
}
