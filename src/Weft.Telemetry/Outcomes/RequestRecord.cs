using Weft.Grpc;
using Weft.Telemetry.Metrics;
using Weft.Telemetry.Tracing;

namespace Weft.Telemetry.Outcomes;

/// <summary>
/// How one request ended: the single exit of every pipeline, the source of metrics and access logs. A worker keeps one per exchange,
/// fills it as the request goes its way and hands it on by reference; nothing in it is allocated per request.
/// </summary>
public struct RequestRecord
{
    public Direction Direction { get; set; }

    public ChannelSecurity Security { get; set; }

    public RequestMethod Method { get; set; }

    public Fault Fault { get; set; }

    /// <summary>HTTP status that the caller was given, 100 to 599; 0 when the connection ended before one was sent.</summary>
    public int Status { get; set; }

    /// <summary>How a gRPC call ended for the caller; null for a request that is no gRPC call.</summary>
    public GrpcStatusCode? GrpcStatus { get; set; }

    /// <summary>Calling service as <c>namespace/name</c>; null reads as <see cref="Vocabulary.Unknown"/>.</summary>
    public string? Source { get; set; }

    /// <summary>Called service as <c>namespace/name</c>; null reads as <see cref="Vocabulary.Unknown"/>.</summary>
    public string? Destination { get; set; }

    /// <summary>Version of the endpoint that answered; null or empty when it declares none.</summary>
    public string? DestinationVersion { get; set; }

    /// <summary>SPIFFE ID of the peer at the other end of the mesh hop; null on a plaintext hop.</summary>
    public string? PeerIdentity { get; set; }

    /// <summary>The request id in force, its own or the caller's.</summary>
    public RequestIdText RequestId { get; set; }

    /// <summary>Microseconds from the head's first byte to the last byte handed to the caller's socket.</summary>
    public long TotalMicros { get; set; }

    /// <summary>Microseconds from the head's first byte to the first byte of the final response; 0 when none came.</summary>
    public long FirstByteMicros { get; set; }

    /// <summary>Body bytes received from the caller, without framing.</summary>
    public long BytesReceived { get; set; }

    /// <summary>Body bytes sent to the caller, without framing.</summary>
    public long BytesSent { get; set; }

    /// <summary>Endpoints that the request was sent to, or tried to be; 0 when it was answered here.</summary>
    public int Attempts { get; set; }

    public readonly EdgeKey Edge =>
        new(Direction, Source ?? Vocabulary.Unknown, Destination ?? Vocabulary.Unknown, DestinationVersion ?? "", Security);
}
