using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Google.Protobuf.WellKnownTypes;
using Weft.Control.Model;

namespace Weft.Control.Translation;

/// <summary>Where a cluster is now: only endpoints that take requests, by locality.</summary>
internal static class EndpointTranslation
{
    public static ClusterLoadAssignment Of(MeshEndpoints endpoints)
    {
        var assignment = new ClusterLoadAssignment { ClusterName = endpoints.Port.Key.ToString() };
        // The model has sorted them, so that the groups and their members always stand in one order.
        foreach (var locality in endpoints.Endpoints.GroupBy(e => (e.Region, e.Zone)))
        {
            var group = new LocalityLbEndpoints { Locality = new Locality { Region = locality.Key.Region, Zone = locality.Key.Zone } };
            group.LbEndpoints.Add(locality.Select(Of));
            assignment.Endpoints.Add(group);
        }
        return assignment;
    }

    private static LbEndpoint Of(MeshEndpoint endpoint)
    {
        var result = new LbEndpoint
        {
            Endpoint = new Endpoint { Address = EnvoyParts.Socket(endpoint.Address, endpoint.Port) },
            HealthStatus = HealthStatus.Healthy,
            LoadBalancingWeight = (uint)endpoint.Weight,
        };
        if (endpoint.Workload.Length == 0) return result;
        var metadata = new Metadata();
        if (endpoint.HasSidecar) metadata.FilterMetadata.Add(XdsNames.TransportSocketMatch, EnvoyParts.Fields(("weft", Value.ForString("mtls"))));
        metadata.FilterMetadata.Add(XdsNames.Metadata, EnvoyParts.Fields(
            ("spiffe", Value.ForString(endpoint.Identity)), ("workload", Value.ForString(endpoint.Workload)), ("service", Value.ForString(endpoint.Service)), ("version", Value.ForString(endpoint.Version))));
        result.Metadata = metadata;
        return result;
    }
}
