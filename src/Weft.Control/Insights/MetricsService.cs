using Opentelemetry.Proto.Collector.Metrics.V1;
using Weft.Control.Model;
using Weft.Control.Serving;
using Weft.Control.Translation;
using Weft.Grpc;
using Weft.Telemetry.Metrics;
using Weft.Telemetry.Otlp;

namespace Weft.Control.Insights;

/// <summary><c>opentelemetry.proto.collector.metrics.v1.MetricsService/Export</c>: what proxies push every few seconds.</summary>
public sealed class MetricsService(TrafficWindow traffic, VerdictBoard verdicts, Latest<MeshModel> models)
{
    public static GrpcMethod<ExportMetricsServiceRequest, ExportMetricsServiceResponse> Export { get; } = new(
        "opentelemetry.proto.collector.metrics.v1.MetricsService", "Export", ExportMetricsServiceRequest.Parser, ExportMetricsServiceResponse.Parser);

    /// <exception cref="GrpcException">UNAUTHENTICATED without an identity; PERMISSION_DENIED for the numbers of another namespace's proxy.</exception>
    public Task<ExportMetricsServiceResponse> ExportAsync(ExportMetricsServiceRequest request, GrpcServerCall call, KestrelExchange exchange)
    {
        var identity = exchange.RequireIdentity();
        var pushes = OtlpMetricsReader.Read(request).ToList();
        foreach (var push in pushes)
        {
            if (!identity.TryGetServiceAccount(out var ns, out _) || !push.Source.NodeId.EndsWith($".{ns}", StringComparison.Ordinal))
                throw new GrpcException(GrpcStatusCode.PermissionDenied, $"{identity} may not report for {push.Source.NodeId}");
        }
        foreach (var push in pushes)
        {
            traffic.Add(push);
            if (push.Verdicts.Count > 0) verdicts.Report(Undeclared(push.Verdicts));
        }
        return Task.FromResult(new ExportMetricsServiceResponse());
    }

    /// <summary>Of ports that declare nothing. Every workload of the mesh may call each of them: rules about who may connect are asked where the connection arrives.</summary>
    private IEnumerable<(ServicePortKey Port, bool ClientsSpeakHttp)> Undeclared(IEnumerable<DestinationVerdict> said)
    {
        var model = models.Value;
        foreach (var verdict in said)
        {
            if (XdsNames.TryBytes(verdict.Destination, out var key) && model.FindPort(key) is { CarriesHttp: true, CarriesBytes: true }) yield return (key, verdict.ClientsSpeakHttp);
        }
    }
}
