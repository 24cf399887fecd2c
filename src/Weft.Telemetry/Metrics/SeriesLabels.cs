using System.Globalization;
using Weft.Grpc;
using Weft.Telemetry.Outcomes;

namespace Weft.Telemetry.Metrics;

/// <summary>The labels of a request series as text, the same in Prometheus and in OTLP. Only gRPC calls have <c>grpc_status</c>.</summary>
public static class SeriesLabels
{
    internal const string Fault = "fault";

    private const string Direction = "direction", Source = "source", Destination = "destination", Version = "destination_version",
        Security = "security", Code = "code", GrpcStatus = "grpc_status";

    public static (string Name, string Value)[] Of(in SeriesKey key) =>
    [
        .. OfEdge(key.Edge),
        (Code, key.Status.ToString(CultureInfo.InvariantCulture)),
        (Fault, key.Fault.Describe().Code),
        .. key.GrpcStatus is { } status ? [(GrpcStatus, ((int)status).ToString(CultureInfo.InvariantCulture))] : ReadOnlySpan<(string, string)>.Empty,
    ];

    /// <summary>Who called whom.</summary>
    internal static (string Name, string Value)[] OfEdge(in EdgeKey edge) =>
    [
        (Direction, edge.Direction.Text()),
        (Source, edge.Source),
        (Destination, edge.Destination),
        (Version, edge.DestinationVersion),
        (Security, edge.Security.Text()),
    ];

    /// <summary>The way back of <see cref="OfEdge"/>, with the same strictness as <see cref="TryRead"/>.</summary>
    internal static bool TryReadEdge(IEnumerable<(string Name, string Value)> labels, out EdgeKey edge)
    {
        var (direction, source, destination, version, security) = ("", "", "", "", "");
        foreach (var (name, value) in labels)
        {
            switch (name)
            {
                case Direction: direction = value; break;
                case Source: source = value; break;
                case Destination: destination = value; break;
                case Version: version = value; break;
                case Security: security = value; break;
            }
        }
        edge = default;
        if (direction is not ("inbound" or "outbound") || security is not ("mtls" or "none") || source.Length == 0 || destination.Length == 0) return false;
        edge = new EdgeKey(direction == "inbound" ? Outcomes.Direction.Inbound : Outcomes.Direction.Outbound, source, destination, version,
            security == "mtls" ? ChannelSecurity.Mtls : ChannelSecurity.None);
        return true;
    }

    /// <summary>The way back. False when a label is missing or has a value that is not in the vocabulary; labels of other names are ignored.</summary>
    public static bool TryRead(IEnumerable<(string Name, string Value)> labels, out SeriesKey key)
    {
        key = default;
        if (!TryReadEdge(labels, out var edge)) return false;
        var (code, fault, grpcStatus) = ("", (string?)null, "");
        foreach (var (name, value) in labels)
        {
            switch (name)
            {
                case Code: code = value; break;
                case Fault: fault = value; break;
                case GrpcStatus: grpcStatus = value; break;
            }
        }
        if (!int.TryParse(code, NumberStyles.None, CultureInfo.InvariantCulture, out var status) || status > 999) return false;
        if (fault is null || !Faults.TryParse(fault, out var known)) return false;
        var call = -1;
        if (grpcStatus.Length > 0 && (!int.TryParse(grpcStatus, NumberStyles.None, CultureInfo.InvariantCulture, out call) || call > (int)GrpcStatusCode.Unauthenticated)) return false;
        key = new SeriesKey(edge, status, known, call < 0 ? null : (GrpcStatusCode)call);
        return true;
    }
}
