using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Weft.Proxy.Configuration;

/// <summary>
/// Reads a message from YAML or JSON in the proto3 JSON mapping (protobuf.dev/programming-guides/json), directed by the message's descriptor: what a
/// plain scalar means is the field's business, and everything that is wrong is reported at once with its path and line.
/// </summary>
internal sealed partial class ProtoYaml(TypeRegistry types)
{
    /// <summary>Aliases may repeat content; no bootstrap has this many nodes, a hostile file would.</summary>
    private const int MaxNodes = 1_000_000;

    private readonly List<string> _errors = [];
    private readonly ArrayBufferWriter<byte> _json = new();
    private string _file = "";
    private int _nodes;

    /// <summary>The message, or every error in it as <c>file:line:column: path: what is wrong</c>.</summary>
    /// <param name="text">YAML; JSON is YAML too.</param>
    /// <param name="file">Named in errors.</param>
    /// <param name="descriptor">Of <typeparamref name="T"/>.</param>
    /// <param name="types">What an Any may hold.</param>
    public static (T? Message, IReadOnlyList<string> Errors) Read<T>(string text, string file, MessageDescriptor descriptor, TypeRegistry types)
        where T : class, IMessage
    {
        var reader = new ProtoYaml(types) { _file = file };
        var json = reader.ToJson(text, descriptor);
        if (json is null) return (null, reader._errors);
        try
        {
            return ((T)new JsonParser(new JsonParser.Settings(JsonParser.Settings.Default.RecursionLimit, types)).Parse(json, descriptor), []);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidJsonException)
        {
            return (null, [$"{file}: {e.Message}"]);
        }
    }

    private string? ToJson(string text, MessageDescriptor descriptor)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(text));
        }
        catch (YamlException e)
        {
            _errors.Add($"{_file}:{e.Start.Line}:{e.Start.Column}: {e.Message}");
            return null;
        }
        if (stream.Documents.Count != 1)
        {
            _errors.Add($"{_file}: one document is needed, found {stream.Documents.Count}");
            return null;
        }
        using var json = new Utf8JsonWriter(_json);
        Message(stream.Documents[0].RootNode, descriptor, "", json);
        json.Flush();
        return _errors.Count == 0 ? System.Text.Encoding.UTF8.GetString(_json.WrittenSpan) : null;
    }

    private void Message(YamlNode node, MessageDescriptor descriptor, string path, Utf8JsonWriter json)
    {
        if (++_nodes > MaxNodes)
        {
            if (_nodes == MaxNodes + 1) Error(node, path, $"more than {MaxNodes} values");
            json.WriteNullValue();
            return;
        }
        switch (descriptor.FullName)
        {
            case "google.protobuf.Struct" or "google.protobuf.Value" or "google.protobuf.ListValue":
                Free(node, path, json);
                break;
            case "google.protobuf.Duration":
                Duration(node, path, json);
                break;
            case "google.protobuf.Timestamp" or "google.protobuf.FieldMask":
                Scalar(node, FieldType.String, null, path, json);
                break;
            case "google.protobuf.Any":
                Any(node, path, json);
                break;
            case "google.protobuf.DoubleValue" or "google.protobuf.FloatValue" or "google.protobuf.Int64Value" or "google.protobuf.UInt64Value"
                or "google.protobuf.Int32Value" or "google.protobuf.UInt32Value" or "google.protobuf.BoolValue" or "google.protobuf.StringValue"
                or "google.protobuf.BytesValue":
                Scalar(node, descriptor.FindFieldByNumber(1).FieldType, null, path, json);
                break;
            default:
                json.WriteStartObject();
                Fields(node, descriptor, path, json);
                json.WriteEndObject();
                break;
        }
    }

    private void Fields(YamlNode node, MessageDescriptor descriptor, string path, Utf8JsonWriter json)
    {
        if (node is not YamlMappingNode mapping)
        {
            Error(node, path, $"a mapping is needed ({descriptor.FullName})");
            return;
        }
        var written = new HashSet<FieldDescriptor>();
        var oneofs = new Dictionary<OneofDescriptor, string>();
        foreach (var (key, value) in mapping.Children)
        {
            var name = (key as YamlScalarNode)?.Value ?? "";
            if (name == "@type") continue; // of the Any around this message
            var fieldPath = path.Length == 0 ? name : $"{path}.{name}";
            var field = descriptor.FindFieldByName(name) ?? descriptor.Fields.InDeclarationOrder().FirstOrDefault(f => f.JsonName == name);
            if (field is null)
            {
                Error(key, fieldPath, $"{descriptor.FullName} has no field of this name");
                continue;
            }
            if (IsNull(value)) continue;
            if (!written.Add(field)) Error(key, fieldPath, "is written twice");
            if (field.RealContainingOneof is { } oneof && !oneofs.TryAdd(oneof, name)) Error(key, fieldPath, $"only one of {oneofs[oneof]} and {name} may be set");
            json.WritePropertyName(field.JsonName);
            if (field.IsMap) Map(value, field, fieldPath, json);
            else if (field.IsRepeated) Sequence(value, field, fieldPath, json);
            else Single(value, field, fieldPath, json);
        }
    }

    private void Map(YamlNode node, FieldDescriptor field, string path, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        if (node is YamlMappingNode mapping)
        {
            foreach (var (key, value) in mapping.Children)
            {
                var name = (key as YamlScalarNode)?.Value ?? "";
                json.WritePropertyName(name);
                Single(value, field.MessageType.FindFieldByNumber(2), $"{path}[\"{name}\"]", json);
            }
        }
        else
        {
            Error(node, path, "a mapping is needed");
        }
        json.WriteEndObject();
    }

    private void Sequence(YamlNode node, FieldDescriptor field, string path, Utf8JsonWriter json)
    {
        json.WriteStartArray();
        if (node is YamlSequenceNode sequence)
        {
            for (var i = 0; i < sequence.Children.Count; i++) Single(sequence.Children[i], field, $"{path}[{i}]", json);
        }
        else
        {
            Error(node, path, "a list is needed");
        }
        json.WriteEndArray();
    }

    private void Single(YamlNode node, FieldDescriptor field, string path, Utf8JsonWriter json)
    {
        if (field.FieldType == FieldType.Message) Message(node, field.MessageType, path, json);
        else Scalar(node, field.FieldType, field.FieldType == FieldType.Enum ? field.EnumType : null, path, json);
    }

    private void Any(YamlNode node, string path, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        var mapping = node as YamlMappingNode;
        var type = (mapping?.Children.FirstOrDefault(c => c.Key is YamlScalarNode { Value: "@type" }).Value as YamlScalarNode)?.Value;
        if (type is null) Error(node, path, "a mapping with \"@type\" is needed");
        else if (types.Find(type[(type.LastIndexOf('/') + 1)..]) is not { } descriptor) Error(node, path, $"{type} is not a type that this build knows");
        else
        {
            json.WriteString("@type", type);
            Fields(mapping!, descriptor, path, json);
        }
        json.WriteEndObject();
    }

    private void Scalar(YamlNode node, FieldType type, EnumDescriptor? values, string path, Utf8JsonWriter json)
    {
        var text = (node as YamlScalarNode)?.Value;
        if (text is null)
        {
            Error(node, path, "a single value is needed");
            json.WriteNullValue();
            return;
        }
        switch (type)
        {
            case FieldType.Bool when text is "true" or "false":
                json.WriteBooleanValue(text == "true");
                return;
            case FieldType.String:
                json.WriteStringValue(text);
                return;
            case FieldType.Bytes when Convert.TryFromBase64String(text, new byte[text.Length], out _):
                json.WriteStringValue(text);
                return;
            case FieldType.Enum when values!.FindValueByName(text) is not null:
                json.WriteStringValue(text);
                return;
            case FieldType.Enum or FieldType.Int32 or FieldType.SInt32 or FieldType.SFixed32 when int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number):
                json.WriteNumberValue(number);
                return;
            case FieldType.UInt32 or FieldType.Fixed32 when uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number):
                json.WriteNumberValue(number);
                return;
            case FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64 when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number):
                json.WriteStringValue(number.ToString(CultureInfo.InvariantCulture));
                return;
            case FieldType.UInt64 or FieldType.Fixed64 when ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number):
                json.WriteStringValue(number.ToString(CultureInfo.InvariantCulture));
                return;
            case FieldType.Double or FieldType.Float when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number):
                json.WriteNumberValue(number);
                return;
        }
        var wanted = type == FieldType.Enum ? $"one of {string.Join(", ", values!.Values.Select(v => v.Name))}" : $"a value of type {type.ToString().ToLowerInvariant()}";
        Error(node, path, $"\"{text}\" is not {wanted}");
        json.WriteNullValue();
    }

    private void Duration(YamlNode node, string path, Utf8JsonWriter json)
    {
        if (node is YamlScalarNode { Value: { } text } && DurationText().IsMatch(text))
        {
            json.WriteStringValue(text);
            return;
        }
        Error(node, path, $"\"{(node as YamlScalarNode)?.Value}\" is not a duration: seconds with an s behind them, such as 0.25s");
        json.WriteNullValue();
    }

    /// <summary>google.protobuf.Struct and its parts: here YAML's own rules say what a plain scalar is.</summary>
    private void Free(YamlNode node, string path, Utf8JsonWriter json)
    {
        if (++_nodes > MaxNodes) json.WriteNullValue();
        else if (node is YamlMappingNode mapping)
        {
            json.WriteStartObject();
            foreach (var (key, value) in mapping.Children)
            {
                var name = (key as YamlScalarNode)?.Value ?? "";
                json.WritePropertyName(name);
                Free(value, $"{path}.{name}", json);
            }
            json.WriteEndObject();
        }
        else if (node is YamlSequenceNode sequence)
        {
            json.WriteStartArray();
            foreach (var item in sequence.Children) Free(item, path, json);
            json.WriteEndArray();
        }
        else if (IsNull(node)) json.WriteNullValue();
        else
        {
            var scalar = (YamlScalarNode)node;
            var text = scalar.Value ?? "";
            if (scalar.Style != ScalarStyle.Plain) json.WriteStringValue(text);
            else if (text is "true" or "false") json.WriteBooleanValue(text == "true");
            else if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)) json.WriteNumberValue(number);
            else json.WriteStringValue(text);
        }
    }

    private static bool IsNull(YamlNode node) => node is YamlScalarNode { Style: ScalarStyle.Plain, Value: null or "" or "null" or "~" };

    private void Error(YamlNode node, string path, string message) =>
        _errors.Add($"{_file}:{node.Start.Line}:{node.Start.Column}: {(path.Length == 0 ? "" : $"{path}: ")}{message}");

    [GeneratedRegex(@"\A-?[0-9]{1,12}(\.[0-9]{1,9})?s\z", RegexOptions.NonBacktracking)]
    private static partial Regex DurationText();
}
