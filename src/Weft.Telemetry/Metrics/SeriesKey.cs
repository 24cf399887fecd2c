using Weft.Grpc;
using Weft.Telemetry.Outcomes;

namespace Weft.Telemetry.Metrics;

/// <summary>Who called whom, as one proxy saw it.</summary>
/// <param name="Direction">The side of the call that the reporting proxy stands on.</param>
/// <param name="Source"><c>namespace/name</c> of the calling service, or <see cref="Vocabulary.Unknown"/>.</param>
/// <param name="Destination"><c>namespace/name</c> of the called service, or <see cref="Vocabulary.Unknown"/>.</param>
/// <param name="DestinationVersion">Version that the endpoint declares; empty when it declares none.</param>
/// <param name="Security">What protected the hop between them.</param>
public readonly record struct EdgeKey(
    Direction Direction, string Source, string Destination, string DestinationVersion, ChannelSecurity Security);

/// <summary>The labels of one series of request metrics: an edge and how its requests ended.</summary>
/// <param name="Edge">Who called whom.</param>
/// <param name="Status">HTTP status given to the caller; 0 when none was.</param>
/// <param name="Fault">Why the mesh ended the request, or <see cref="Outcomes.Fault.None"/>.</param>
/// <param name="GrpcStatus">How a gRPC call ended; null for other requests.</param>
public readonly record struct SeriesKey(EdgeKey Edge, int Status, Fault Fault, GrpcStatusCode? GrpcStatus = null)
{
    /// <summary>The series that takes every request for whose labels there was no room.</summary>
    public static SeriesKey Overflow { get; } =
        new(new EdgeKey(Direction.Inbound, "overflow", "overflow", "", ChannelSecurity.None), 0, Fault.None);

    /// <summary>A request succeeded when the mesh did its part and the application did not answer with a server error. An error that
    /// the caller made (4xx) is a success of the service. Of the gRPC statuses those are errors of a server that OpenTelemetry's conventions for
    /// server spans count so: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE and DATA_LOSS.</summary>
    public bool IsSuccess => Fault == Fault.None && Status is > 0 and < 500 && GrpcStatus is not (GrpcStatusCode.Unknown or GrpcStatusCode.DeadlineExceeded
        or GrpcStatusCode.Unimplemented or GrpcStatusCode.Internal or GrpcStatusCode.Unavailable or GrpcStatusCode.DataLoss);
}
