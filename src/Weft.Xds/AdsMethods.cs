using Envoy.Service.Discovery.V3;
using Weft.Grpc;

namespace Weft.Xds;

/// <summary>The methods of the aggregated discovery service.</summary>
public static class AdsMethods
{
    /// <summary>The incremental stream that Weft speaks. The state-of-the-world twin (<c>StreamAggregatedResources</c>) is not served.</summary>
    public static GrpcMethod<DeltaDiscoveryRequest, DeltaDiscoveryResponse> Delta { get; } = new(
        "envoy.service.discovery.v3.AggregatedDiscoveryService", "DeltaAggregatedResources",
        DeltaDiscoveryRequest.Parser, DeltaDiscoveryResponse.Parser);
}
