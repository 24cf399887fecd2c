using Envoy.Admin.V3;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Weft.Proxy.Configuration;

namespace Weft.Proxy.Admin;

/// <summary><c>/config_dump</c>: envoy.admin.v3.ConfigDump in the proto3 JSON mapping, with proto field names as Envoy writes them.</summary>
internal static class ConfigDumpEndpoint
{
    private const string EndpointsParameter = "include_eds", ResourceParameter = "resource", NameParameter = "name";

    public static void Serve(AdminSources sources, AdminRequest request, AdminResponse response)
    {
        // A filter that is passed over in silence shows what the asker wanted left out.
        if (request.Query.Keys.FirstOrDefault(k => k is not (EndpointsParameter or ResourceParameter or NameParameter)) is { } unknown)
        {
            response.Say(400, $"there is no parameter {unknown}: {EndpointsParameter}, {ResourceParameter} and {NameParameter} are known\n");
            return;
        }
        var resource = request.Query.GetValueOrDefault(ResourceParameter);
        var sections = ConfigDumpBuilder.Build(
            sources.History, sources.Certificate(), withEndpoints: resource is not null || request.Has(EndpointsParameter), request.Query.GetValueOrDefault(NameParameter));
        var dump = new ConfigDump();
        if (resource is null) dump.Configs.Add(sections.Select(s => Pack(s)));
        else if (Items(sections, resource) is { } items) dump.Configs.Add(items.Select(Pack));
        else
        {
            response.Say(400, $"no section of a configuration dump has a list {resource}: {string.Join(", ", sections.SelectMany(Lists).Select(f => f.Name))} are known\n");
            return;
        }
        response.ContentType = AdminResponse.Json;
        var settings = JsonFormatter.Settings.Default.WithTypeRegistry(ConfigTypes.Registry).WithPreserveProtoFieldNames(true).WithIndentation("  ");
        new JsonFormatter(settings).Format(dump, response.Body);
        response.Body.Write("\n");
    }

    private static Any Pack(IMessage section) => Any.Pack(Redaction.Redact(section));

    private static IEnumerable<IMessage>? Items(IReadOnlyList<IMessage> sections, string list)
    {
        foreach (var section in sections)
        {
            if (Lists(section).FirstOrDefault(f => f.Name == list) is { } field)
                return ((System.Collections.IEnumerable)field.Accessor.GetValue(section)).Cast<IMessage>();
        }
        return null;
    }

    private static IEnumerable<FieldDescriptor> Lists(IMessage section) => section.Descriptor.Fields.InDeclarationOrder().Where(f => f.IsRepeated);
}
