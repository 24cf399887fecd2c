using Opentelemetry.Proto.Collector.Metrics.V1;
using Weft.Control.Serving;
using Weft.Grpc;
using Weft.Telemetry.Otlp;

namespace Weft.Control.Insights;

/// <summary><c>opentelemetry.proto.collector.metrics.v1.MetricsService/Export</c>: what proxies push every few seconds.</summary>
public sealed class MetricsService(TrafficWindow traffic)
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
        foreach (var push in pushes) traffic.Add(push);
        return Task.FromResult(new ExportMetricsServiceResponse());
    }
}
