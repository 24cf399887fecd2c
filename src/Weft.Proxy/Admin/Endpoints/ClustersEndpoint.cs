using System.Text.Json;
using Weft.Proxy.Configuration;
using Weft.Routing.Clusters;
using Weft.Xds;

namespace Weft.Proxy.Admin;

/// <summary><c>/clusters</c>: every cluster with its limits and its endpoints with their counts (envoy.admin.v3.Clusters, and Envoy's
/// <c>cluster::address::name::value</c> lines).</summary>
internal static class ClustersEndpoint
{
    public static void Serve(AdminSources sources, AdminRequest request, AdminResponse response)
    {
        var clusters = sources.Config.Current.Clusters.Items.Select(i => i.Value).OrderBy(c => c.Cluster.Name, StringComparer.Ordinal);
        if (request.WantsJson)
        {
            EnvoyJson.Respond(response, json =>
            {
                json.WriteStartArray("cluster_statuses");
                foreach (var cluster in clusters) WriteJson(json, cluster, IsDynamic(sources, cluster));
                json.WriteEndArray();
            });
            return;
        }
        foreach (var cluster in clusters) WriteText(response.Body, cluster, IsDynamic(sources, cluster));
    }

    private static bool IsDynamic(AdminSources sources, BoundCluster cluster) => sources.History.IsDynamic(XdsType.Cluster, cluster.Cluster.Name);

    private static void WriteJson(Utf8JsonWriter json, BoundCluster bound, bool dynamic)
    {
        var cluster = bound.Cluster;
        json.WriteStartObject();
        json.WriteString("name", cluster.Name);
        json.WriteString("observability_name", cluster.Name);
        json.WriteBoolean("added_via_api", dynamic);
        if (cluster.EdsServiceName.Length > 0) json.WriteString("eds_service_name", cluster.EdsServiceName);
        json.WriteStartObject("circuit_breakers");
        json.WriteStartArray("thresholds");
        json.WriteStartObject();
        foreach (var (name, limit) in Limits(cluster)) json.WriteNumber(name, (uint)Math.Max(0, limit));
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteStartArray("host_statuses");
        foreach (var endpoint in bound.Endpoints.Endpoints) WriteJson(json, endpoint);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteJson(Utf8JsonWriter json, Endpoint endpoint)
    {
        json.WriteStartObject();
        json.WriteAddress("address", endpoint.Address);
        json.WriteStartArray("stats");
        foreach (var (name, isGauge, value) in Counts(endpoint.State))
        {
            json.WriteStartObject();
            json.WriteString("type", isGauge ? "GAUGE" : "COUNTER");
            json.WriteLong("value", value);
            json.WriteString("name", name);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartObject("health_status");
        json.WriteString("eds_health_status", Health(endpoint.Health));
        json.WriteEndObject();
        json.WriteNumber("weight", endpoint.Weight);
        if (endpoint.Workload.Length > 0) json.WriteString("hostname", endpoint.Workload);
        json.WriteNumber("priority", endpoint.Priority);
        json.WriteStartObject("locality");
        if (endpoint.Region.Length > 0) json.WriteString("region", endpoint.Region);
        if (endpoint.Zone.Length > 0) json.WriteString("zone", endpoint.Zone);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteText(ResponseBody text, BoundCluster bound, bool dynamic)
    {
        var cluster = bound.Cluster;
        text.Write($"{cluster.Name}::observability_name::{cluster.Name}\n");
        foreach (var (name, limit) in Limits(cluster)) text.Write($"{cluster.Name}::default_priority::{name}::{limit}\n");
        text.Write($"{cluster.Name}::added_via_api::{(dynamic ? "true" : "false")}\n");
        if (cluster.EdsServiceName.Length > 0) text.Write($"{cluster.Name}::eds_service_name::{cluster.EdsServiceName}\n");
        foreach (var endpoint in bound.Endpoints.Endpoints)
        {
            var prefix = $"{cluster.Name}::{endpoint.Address}::";
            foreach (var (name, _, value) in Counts(endpoint.State)) text.Write($"{prefix}{name}::{value}\n");
            text.Write($"{prefix}hostname::{endpoint.Workload}\n");
            text.Write($"{prefix}health_flags::{HealthFlags(endpoint.Health)}\n");
            text.Write($"{prefix}weight::{endpoint.Weight}\n");
            text.Write($"{prefix}region::{endpoint.Region}\n");
            text.Write($"{prefix}zone::{endpoint.Zone}\n");
            text.Write($"{prefix}priority::{endpoint.Priority}\n");
        }
    }

    private static (string Name, int Limit)[] Limits(Cluster cluster) =>
    [
        ("max_connections", cluster.CircuitBreakers.MaxConnections),
        ("max_pending_requests", cluster.CircuitBreakers.MaxPendingRequests),
        ("max_requests", cluster.CircuitBreakers.MaxRequests),
        ("max_retries", cluster.CircuitBreakers.MaxRetries),
    ];

    /// <summary>Read one after the other while workers count: success is what is left, never less than nothing.</summary>
    private static (string Name, bool IsGauge, long Value)[] Counts(EndpointState state)
    {
        var (active, failed, total) = (state.ActiveRequests, state.Failures, state.Requests);
        return
        [
            ("cx_active", true, state.ActiveConnections),
            ("rq_active", true, active),
            ("rq_error", false, failed),
            ("rq_success", false, Math.Max(0, total - active - failed)),
            ("rq_total", false, total),
        ];
    }

    /// <summary>envoy.config.core.v3.HealthStatus. Nothing said counts as healthy, and Envoy shows it so.</summary>
    private static string Health(EndpointHealth health) => health switch
    {
        EndpointHealth.Unhealthy => "UNHEALTHY",
        EndpointHealth.Draining => "DRAINING",
        EndpointHealth.Timeout => "TIMEOUT",
        EndpointHealth.Degraded => "DEGRADED",
        _ => "HEALTHY",
    };

    private static string HealthFlags(EndpointHealth health) => health switch
    {
        EndpointHealth.Unhealthy or EndpointHealth.Timeout => "/failed_eds_health",
        EndpointHealth.Draining => "/eds_status_draining",
        EndpointHealth.Degraded => "/degraded_eds_health",
        _ => "healthy",
    };
}
