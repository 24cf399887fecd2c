using System.Text.Json;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Weft.Identity;
using Weft.Proxy.Configuration;
using Weft.Xds;

namespace Weft.Proxy.Admin;

/// <summary>Writes what was received as the messages of envoy/admin/v3/config_dump.proto.</summary>
/// <remarks>One resource at a time becomes a message, JSON and garbage. Building the whole ConfigDump first is shorter, and keeps several copies of
/// the configuration alive together: every collection in between then stops the workers for as long as it takes to move them.</remarks>
/// <param name="own">The proxy's own certificate.</param>
/// <param name="name">Only resources of this name; null for all.</param>
internal sealed class ConfigDumpWriter(Utf8JsonWriter json, ConfigHistory history, CertificateMaterial? own, string? name)
{
    /// <summary>The secret that comes from the proxy's own store and never over the wire.</summary>
    private const string OwnSecret = "default";

    private static readonly JsonFormatter Formatter = new(
        JsonFormatter.Settings.Default.WithTypeRegistry(ConfigTypes.Registry).WithPreserveProtoFieldNames(true));

    public void WriteBootstrap()
    {
        if (history.Bootstrap is not { } bootstrap) return;
        json.WriteStartObject();
        json.WriteString("@type", ConfigDumpSection.Package + "BootstrapConfigDump");
        var message = Envoy.Config.Bootstrap.V3.Bootstrap.Parser.ParseFrom(bootstrap.Body);
        var resources = message.StaticResources;
        message.StaticResources = null;
        json.WriteStartObject("bootstrap");
        WriteFields(Redaction.Redact(message));
        if (resources is not null)
        {
            json.WriteStartObject("static_resources");
            WriteResources(resources);
            json.WriteEndObject();
        }
        json.WriteEndObject();
        json.WriteTimestamp("last_updated", bootstrap.At);
        json.WriteEndObject();
    }

    public void WriteSection(ConfigDumpSection section)
    {
        json.WriteStartObject();
        json.WriteString("@type", ConfigDumpSection.Package + section.Message);
        foreach (var list in section.Lists)
        {
            json.WriteStartArray(list);
            Write(section, list, typed: false);
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    /// <summary>The elements of one list, each with its type, as Envoy answers <c>?resource=</c>.</summary>
    public void WriteElements(ConfigDumpSection section, string list) => Write(section, list, typed: true);

    private void Write(ConfigDumpSection section, string list, bool typed)
    {
        foreach (var record in history.Of(section.Type))
        {
            if ((name is not null && record.Name != name) || !IsIn(section, list, record)) continue;
            json.WriteStartObject();
            if (typed) json.WriteString("@type", section.ElementType(list));
            if (section.Type is XdsType.Listener && !record.IsStatic) WriteListener(section, record);
            else WriteElement(section, list, record);
            json.WriteEndObject();
        }
        if (section.Type is XdsType.Route && list == section.Static) WriteInlineRoutes(section, typed);
        if (section.Type is XdsType.Secret && list == section.Dynamic && own is not null && name is null or OwnSecret) WriteOwn(section, typed);
    }

    private static bool IsIn(ConfigDumpSection section, string list, ConfigRecord record)
    {
        if (record.IsStatic || list == section.Static) return record.IsStatic && list == section.Static;
        // What has only been asked for stands with the active ones, where its status says so.
        if (list == section.Warming) return record.Warming is not null;
        return section.Warming is null || record.Active is not null || record.Warming is null;
    }

    private void WriteElement(ConfigDumpSection section, string list, ConfigRecord record)
    {
        var shown = list == section.Warming ? record.Warming : record.Active ?? record.Warming;
        if (section.Type is XdsType.Secret) json.WriteString("name", record.Name);
        if (!record.IsStatic) json.WriteString("version_info", shown?.Version ?? "");
        WriteBody(section, shown, record.Name);
        if (!record.IsStatic) WriteStatus(section, record);
    }

    /// <summary>Route tables that stand in the bootstrap's listeners are listed as well, as Envoy does.</summary>
    private void WriteInlineRoutes(ConfigDumpSection section, bool typed)
    {
        foreach (var listener in history.Of(XdsType.Listener))
        {
            if (listener is not { IsStatic: true, Active: { } received }) continue;
            var message = Listener.Parser.ParseFrom(received.Body);
            var chains = message.DefaultFilterChain is { } last ? message.FilterChains.Append(last) : message.FilterChains;
            foreach (var filter in chains.SelectMany(c => c.Filters))
            {
                if (filter.TypedConfig?.Is(HttpConnectionManager.Descriptor) != true) continue;
                if (filter.TypedConfig.Unpack<HttpConnectionManager>().RouteConfig is not { } table || (name is not null && table.Name != name)) continue;
                json.WriteStartObject();
                if (typed) json.WriteString("@type", section.ElementType(section.Static));
                WriteAny(section.Body, XdsType.Route, table.ToByteString());
                json.WriteTimestamp("last_updated", received.At);
                json.WriteEndObject();
            }
        }
    }

    /// <summary>A dynamic listener shows both of its versions in one element.</summary>
    private void WriteListener(ConfigDumpSection section, ConfigRecord record)
    {
        json.WriteString("name", record.Name);
        WriteState("active_state", record.Active);
        WriteState("warming_state", record.Warming);
        WriteStatus(section, record);

        void WriteState(string field, ReceivedConfig? received)
        {
            if (received is null) return;
            json.WriteStartObject(field);
            json.WriteString("version_info", received.Version);
            WriteBody(section, received, record.Name);
            json.WriteEndObject();
        }
    }

    /// <summary>What has not come has no body; where the element has no name of its own either, an empty resource carries it.</summary>
    private void WriteBody(ConfigDumpSection section, ReceivedConfig? received, string resource)
    {
        if (received is not null)
        {
            WriteAny(section.Body, section.Type, received.Body);
            json.WriteTimestamp("last_updated", received.At);
            return;
        }
        IMessage? named = section.Type switch
        {
            XdsType.Cluster => new Envoy.Config.Cluster.V3.Cluster { Name = resource },
            XdsType.Endpoint => new ClusterLoadAssignment { ClusterName = resource },
            XdsType.Route => new RouteConfiguration { Name = resource },
            _ => null,
        };
        if (named is not null) WriteAny(section.Body, section.Type, named.ToByteString());
    }

    private void WriteStatus(ConfigDumpSection section, ConfigRecord record)
    {
        if (record.Failure is { } failure)
        {
            json.WriteStartObject("error_state");
            WriteAny("failed_configuration", section.Type, failure.Config.Body);
            json.WriteTimestamp("last_update_attempt", failure.Config.At);
            json.WriteString("details", failure.Reason);
            json.WriteString("version_info", failure.Config.Version);
            json.WriteEndObject();
        }
        json.WriteString("client_status", record.Status switch
        {
            ConfigStatus.Requested => "REQUESTED",
            ConfigStatus.Absent => "DOES_NOT_EXIST",
            ConfigStatus.Accepted => "ACKED",
            _ => "NACKED",
        });
    }

    /// <summary>The static resources, which may be the whole configuration: one by one.</summary>
    private void WriteResources(IMessage resources)
    {
        foreach (var list in resources.Descriptor.Fields.InDeclarationOrder())
        {
            json.WriteStartArray(list.Name);
            foreach (IMessage resource in (System.Collections.IEnumerable)list.Accessor.GetValue(resources)) Write(resource);
            json.WriteEndArray();
        }
    }

    /// <summary>The set fields of an object that is open.</summary>
    private void WriteFields(IMessage message)
    {
        foreach (var field in message.Descriptor.Fields.InDeclarationOrder())
        {
            var value = field.Accessor.GetValue(message);
            if (field.HasPresence ? !field.Accessor.HasValue(message) : value is null or "" or false or System.Collections.ICollection { Count: 0 }) continue;
            var text = new StringWriter();
            Formatter.WriteValue(text, value);
            json.WritePropertyName(field.Name);
            json.WriteRawValue(text.ToString(), skipInputValidation: true);
        }
    }

    private void Write(IMessage message) => json.WriteRawValue(Formatter.Format(Redaction.Redact(message)), skipInputValidation: true);

    /// <summary>The key is not even asked for: the field says that there is one.</summary>
    private void WriteOwn(ConfigDumpSection section, bool typed)
    {
        var secret = new Secret
        {
            Name = OwnSecret,
            TlsCertificate = new TlsCertificate
            {
                CertificateChain = new DataSource { InlineBytes = ByteString.CopyFrom(own!.ChainPem.Span) },
                PrivateKey = new DataSource { InlineString = "in the keys directory" },
            },
        };
        json.WriteStartObject();
        if (typed) json.WriteString("@type", section.ElementType(section.Dynamic));
        json.WriteString("name", OwnSecret);
        json.WriteString("version_info", own.SerialNumber.ToLowerInvariant());
        json.WriteTimestamp("last_updated", own.NotBefore);
        WriteAny(section.Body, XdsType.Secret, secret.ToByteString());
        json.WriteString("client_status", "ACKED");
        json.WriteEndObject();
    }

    private void WriteAny(string field, XdsType type, ByteString body)
    {
        json.WritePropertyName(field);
        Write(new Any { TypeUrl = type.TypeUrl(), Value = body });
    }
}
