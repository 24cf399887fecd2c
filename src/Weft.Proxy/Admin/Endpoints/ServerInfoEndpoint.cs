using System.Reflection;
using System.Text.Json;
using Envoy.Config.Core.V3;

namespace Weft.Proxy.Admin;

/// <summary><c>/server_info</c> (envoy.admin.v3.ServerInfo).</summary>
internal static class ServerInfoEndpoint
{
    private static readonly string Version = "weft-proxy/" +
        (typeof(ServerInfoEndpoint).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0.0.0");

    public static void Serve(AdminSources sources, AdminResponse response) => EnvoyJson.Respond(response, json =>
    {
        var up = sources.Time.GetUtcNow() - sources.Options.Started;
        json.WriteString("version", Version);
        json.WriteString("state", Readiness.Text(sources.Readiness.State));
        json.WriteDuration("uptime_current_epoch", up);
        json.WriteDuration("uptime_all_epochs", up);
        json.WriteStartObject("command_line_options");
        json.WriteNumber("concurrency", sources.Options.Workers);
        json.WriteString("config_path", sources.Options.BootstrapFile);
        json.WriteString("service_cluster", sources.Node.Cluster);
        json.WriteString("service_node", sources.Node.Id);
        json.WriteDuration("drain_time", sources.Options.DrainTime);
        json.WriteEndObject();
        WriteNode(json, sources.Node);
        // Not Envoy's fields, and only there while they say something: strict readers of Envoy's message are spared them.
        if (sources.Stale() is { } stale)
        {
            json.WriteBoolean("stale", true);
            json.WriteDuration("stale_age", stale.Age(sources.Time));
            json.WriteTimestamp("stale_saved_at", stale.SavedAt);
        }
    });

    private static void WriteNode(Utf8JsonWriter json, Node node)
    {
        json.WriteStartObject("node");
        json.WriteString("id", node.Id);
        json.WriteString("cluster", node.Cluster);
        if (node.Metadata is { } metadata) json.WriteStruct("metadata", metadata);
        if (node.Locality is { } locality)
        {
            json.WriteStartObject("locality");
            json.WriteString("region", locality.Region);
            json.WriteString("zone", locality.Zone);
            json.WriteString("sub_zone", locality.SubZone);
            json.WriteEndObject();
        }
        json.WriteString("user_agent_name", node.UserAgentName);
        json.WriteStartArray("client_features");
        foreach (var feature in node.ClientFeatures) json.WriteStringValue(feature);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
