using System.Net;
using System.Text.Json;
using Google.Protobuf.WellKnownTypes;

namespace Weft.Proxy.Admin;

/// <summary>
/// Pieces of envoy.admin.v3 messages in the proto3 JSON mapping, written by hand with proto field names as Envoy writes them.
/// </summary>
/// <remarks>Protobuf's own JsonFormatter asks each message for its descriptor, and a descriptor's file brings in all that it imports, for good: 1.5 MB
/// for the clusters alone. Scripts ask for these pages; only a person asks for a whole dump. The tests read every page with Envoy's messages.</remarks>
internal static class EnvoyJson
{
    /// <summary>Writes one JSON object as the whole response.</summary>
    public static void Respond(AdminResponse response, Action<Utf8JsonWriter> fields)
    {
        response.ContentType = AdminResponse.Json;
        using var json = new Utf8JsonWriter(response.Body, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        fields(json);
        json.WriteEndObject();
        json.Flush();
        response.Body.Write("\n");
    }

    /// <summary>envoy.config.core.v3.Address.</summary>
    public static void WriteAddress(this Utf8JsonWriter json, string field, IPEndPoint address)
    {
        json.WriteStartObject(field);
        json.WriteStartObject("socket_address");
        json.WriteString("address", address.Address.ToString());
        json.WriteNumber("port_value", address.Port);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>google.protobuf.Duration: seconds with <c>s</c>.</summary>
    public static void WriteDuration(this Utf8JsonWriter json, string field, TimeSpan duration) =>
        json.WriteString(field, $"{duration.Ticks / TimeSpan.TicksPerSecond}s");

    /// <summary>google.protobuf.Timestamp.</summary>
    public static void WriteTimestamp(this Utf8JsonWriter json, string field, DateTimeOffset at) =>
        json.WriteString(field, at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'"));

    /// <summary>A 64-bit number, which JSON carries as text.</summary>
    public static void WriteLong(this Utf8JsonWriter json, string field, long value) => json.WriteString(field, value.ToString());

    /// <summary>google.protobuf.Struct.</summary>
    public static void WriteStruct(this Utf8JsonWriter json, string field, Struct value)
    {
        json.WritePropertyName(field);
        Write(json, value);
    }

    private static void Write(Utf8JsonWriter json, Struct value)
    {
        json.WriteStartObject();
        foreach (var (name, inner) in value.Fields)
        {
            json.WritePropertyName(name);
            Write(json, inner);
        }
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, Value value)
    {
        switch (value.KindCase)
        {
            case Value.KindOneofCase.StringValue:
                json.WriteStringValue(value.StringValue);
                break;
            case Value.KindOneofCase.NumberValue when double.IsFinite(value.NumberValue):
                json.WriteNumberValue(value.NumberValue);
                break;
            case Value.KindOneofCase.BoolValue:
                json.WriteBooleanValue(value.BoolValue);
                break;
            case Value.KindOneofCase.StructValue:
                Write(json, value.StructValue);
                break;
            case Value.KindOneofCase.ListValue:
                json.WriteStartArray();
                foreach (var item in value.ListValue.Values) Write(json, item);
                json.WriteEndArray();
                break;
            default:
                json.WriteNullValue();
                break;
        }
    }
}
