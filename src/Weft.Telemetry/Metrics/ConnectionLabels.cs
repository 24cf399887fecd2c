using Weft.Telemetry.Outcomes;

namespace Weft.Telemetry.Metrics;

/// <summary>The labels of byte connections, in Prometheus and in OTLP: those of their edge, and with what ends the fault.</summary>
public static class ConnectionLabels
{
    public static (string Name, string Value)[] Of(in EdgeKey edge) => SeriesLabels.OfEdge(edge);

    public static (string Name, string Value)[] Of(in EdgeKey edge, Fault fault) => [.. SeriesLabels.OfEdge(edge), (SeriesLabels.Fault, fault.Describe().Code)];
}
