using System.Text.Json;
using Weft.Xds;

namespace Weft.Proxy.Admin;

/// <summary><c>/config_dump</c>: envoy.admin.v3.ConfigDump in the proto3 JSON mapping, with proto field names as Envoy writes them.</summary>
internal static class ConfigDumpEndpoint
{
    private const string EndpointsParameter = "include_eds", ListParameter = "resource", NameParameter = "name";

    public static void Serve(AdminSources sources, AdminRequest request, AdminResponse response)
    {
        // A filter that is passed over in silence shows what the asker wanted left out.
        if (request.Query.Keys.FirstOrDefault(k => k is not (EndpointsParameter or ListParameter or NameParameter)) is { } unknown)
        {
            response.Say(400, $"there is no parameter {unknown}: {EndpointsParameter}, {ListParameter} and {NameParameter} are known\n");
            return;
        }
        var list = request.Query.GetValueOrDefault(ListParameter);
        var section = ConfigDumpSection.All.FirstOrDefault(s => s.Lists.Contains(list));
        if (list is not null && section is null)
        {
            response.Say(400, $"no section of a configuration dump has a list {list}: {string.Join(", ", ConfigDumpSection.All.SelectMany(s => s.Lists))} are known\n");
            return;
        }
        EnvoyJson.Respond(response, json =>
        {
            var writer = new ConfigDumpWriter(json, sources.History, sources.Certificate(), request.Query.GetValueOrDefault(NameParameter));
            json.WriteStartArray("configs");
            if (section is not null) writer.WriteElements(section, list!);
            else WriteAll(writer, request.Has(EndpointsParameter));
            json.WriteEndArray();
        });
    }

    /// <param name="withEndpoints">Endpoint assignments are most of a large configuration, so they are asked for.</param>
    private static void WriteAll(ConfigDumpWriter writer, bool withEndpoints)
    {
        writer.WriteBootstrap();
        foreach (var section in ConfigDumpSection.All.Where(s => withEndpoints || s.Type != XdsType.Endpoint)) writer.WriteSection(section);
    }
}
