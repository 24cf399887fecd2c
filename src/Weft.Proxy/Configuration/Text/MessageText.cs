using System.Globalization;
using System.Text;
using Weft.Routing.Compile.Fields;

namespace Weft.Proxy.Configuration.Text;

/// <summary>
/// Turns a message written in the proto3 JSON mapping (protobuf.dev/programming-guides/json), as YAML or JSON, into its bytes. What a plain scalar means
/// is the field's business, and everything that is wrong is reported at once with its path and place.
/// </summary>
/// <remarks>
/// The field lists of <see cref="FieldPolicy"/> are the schema. Protobuf's own JSON parser would need the descriptors of all of xDS: half a second and 50 MB of
/// every proxy's start. Harmless fields are left out; a refused one is written empty, so that whoever compiles the message names it.
/// </remarks>
internal sealed class MessageText
{
    private readonly List<string> _errors = [];
    private readonly Dictionary<string, (int Line, int Column)> _places = new(StringComparer.Ordinal);
    private readonly string _file;

    private MessageText(string file) => _file = file;

    /// <summary>Everything that is wrong, as <c>file:line:column: path: what</c>.</summary>
    public IReadOnlyList<string> Errors => _errors;

    /// <summary>The message's bytes; of no use when there are <see cref="Errors"/>.</summary>
    public ReadOnlyMemory<byte> Bytes { get; private set; }

    /// <param name="text">YAML or JSON.</param>
    /// <param name="file">Named in errors.</param>
    /// <param name="fullName">The message's full proto name; it must be one that <see cref="FieldPolicy"/> has.</param>
    public static MessageText Read(string text, string file, string fullName)
    {
        var reader = new MessageText(file);
        try
        {
            var root = JsonText.TryRead(text) ?? YamlText.Read(text);
            var writer = new WireWriter();
            reader.Message(root, FieldPolicy.Find(fullName)!, "", writer);
            reader.Bytes = writer.Written.ToArray();
        }
        catch (TextException e)
        {
            reader._errors.Add($"{file}:{e.Line}:{e.Column}: {e.Message}");
        }
        return reader;
    }

    /// <summary>Where a field was written: <c>file:line:column</c>. The nearest message around it when the field itself is absent.</summary>
    public string? PlaceOf(string path)
    {
        for (; path.Length > 0; path = path[..Math.Max(path.LastIndexOfAny(['.', '[']), 0)])
        {
            if (_places.TryGetValue(path, out var place)) return $"{_file}:{place.Line}:{place.Column}";
        }
        return null;
    }

    private void Message(TextNode node, MessageFields fields, string path, WireWriter into)
    {
        if (node is not TextMap map)
        {
            Error(node, path, $"a mapping is needed ({fields.FullName})");
            return;
        }
        var written = new HashSet<string>(StringComparer.Ordinal);
        var oneofs = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in map.Entries)
        {
            if (entry.Key == "@type") continue; // of the Any around this message
            var fieldPath = path.Length == 0 ? entry.Key : $"{path}.{entry.Key}";
            var rule = fields.Find(entry.Key);
            if (rule is null)
            {
                Error(entry, fieldPath, $"{fields.FullName} has no field of this name");
                continue;
            }
            if (entry.Value is TextScalar { Text: null }) continue; // null is "not set"
            fieldPath = path.Length == 0 ? rule.Name : $"{path}.{rule.Name}";
            _places.TryAdd(fieldPath, (entry.Line, entry.Column));
            if (!written.Add(rule.Name)) Error(entry, fieldPath, "is written twice");
            if (rule.Oneof.Length > 0 && !oneofs.TryAdd(rule.Oneof, rule.Name)) Error(entry, fieldPath, $"only one of {oneofs[rule.Oneof]} and {rule.Name} may be set");
            if (rule.List == FieldList.Refused) into.Bytes(rule.Number, default);
            else if (rule.List == FieldList.Honoured) Field(entry.Value, rule, fieldPath, into);
        }
    }

    private void Field(TextNode node, FieldRule rule, string path, WireWriter into)
    {
        if (rule.IsMap) Map(node, rule, path, into);
        else if (!rule.Repeated) Single(node, rule, path, into);
        else if (node is TextList list)
        {
            for (var i = 0; i < list.Items.Count; i++) Single(Placed(list.Items[i], $"{path}[{i}]"), rule, $"{path}[{i}]", into);
        }
        else Error(node, path, "a list is needed");
    }

    private void Map(TextNode node, FieldRule rule, string path, WireWriter into)
    {
        if (node is not TextMap map)
        {
            Error(node, path, "a mapping is needed");
            return;
        }
        var value = FieldPolicy.Find(rule.Child)!.Find(2)!;
        for (var i = 0; i < map.Entries.Count; i++)
        {
            var entry = new WireWriter();
            entry.Bytes(1, Encoding.UTF8.GetBytes(map.Entries[i].Key));
            Single(Placed(map.Entries[i].Value, $"{path}[{i}]"), value, $"{path}[{i}].value", entry);
            into.Bytes(rule.Number, entry.Written);
        }
    }

    private void Single(TextNode node, FieldRule rule, string path, WireWriter into)
    {
        var content = new WireWriter();
        switch (rule.Kind)
        {
            case FieldKind.Message:
                Message(node, FieldPolicy.Find(rule.Child)!, path, content);
                break;
            case FieldKind.Any:
                Any(node, path, content);
                break;
            case FieldKind.Struct:
                Free.Struct(node, content);
                break;
            case FieldKind.Duration:
                Duration(node, path, content);
                break;
            case FieldKind.BoolValue:
                content.Number(1, Scalar(node, FieldKind.Bool, rule, path));
                break;
            case FieldKind.UInt32Value:
                content.Number(1, Scalar(node, FieldKind.UInt32, rule, path));
                break;
            case FieldKind.String when Text(node, path) is { } text:
                into.Bytes(rule.Number, Encoding.UTF8.GetBytes(text));
                return;
            case FieldKind.Bytes when Text(node, path) is { } text:
                var bytes = new byte[text.Length];
                if (!Convert.TryFromBase64String(text, bytes, out var length)) Error(node, path, "is not base64");
                into.Bytes(rule.Number, bytes.AsSpan(0, length));
                return;
            case FieldKind.Double:
                into.Fixed64(rule.Number, Scalar(node, rule.Kind, rule, path));
                return;
            case FieldKind.String or FieldKind.Bytes:
                return; // not a single value: reported
            default:
                into.Number(rule.Number, Scalar(node, rule.Kind, rule, path));
                return;
        }
        into.Bytes(rule.Number, content.Written);
    }

    /// <summary>A type without lists is written without its content: whoever compiles the message refuses it by name, or skips it where it is optional.</summary>
    private void Any(TextNode node, string path, WireWriter into)
    {
        var type = (node as TextMap)?.Entries.FirstOrDefault(e => e.Key == "@type")?.Value is TextScalar { Text: { } text } ? text : null;
        if (type is null)
        {
            Error(node, path, "a mapping with \"@type\" is needed");
            return;
        }
        into.Bytes(1, Encoding.UTF8.GetBytes(type));
        if (FieldPolicy.Find(type[(type.LastIndexOf('/') + 1)..]) is not { } fields) return;
        var content = new WireWriter();
        Message(node, fields, path, content);
        into.Bytes(2, content.Written);
    }

    /// <summary>Numbers, truth values and names of enumerations, as the varint or the bits that stand for them.</summary>
    private ulong Scalar(TextNode node, FieldKind kind, FieldRule rule, string path)
    {
        if (Text(node, path) is not { } text) return 0;
        switch (kind)
        {
            case FieldKind.Bool when text is "true" or "false":
                return text == "true" ? 1UL : 0;
            case FieldKind.UInt32 when uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number):
                return number;
            case FieldKind.UInt64 when ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number):
                return number;
            case FieldKind.Int32 when int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number):
                return (ulong)number;
            case FieldKind.Int64 when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number):
                return (ulong)number;
            case FieldKind.Double when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number):
                return BitConverter.DoubleToUInt64Bits(number);
            case FieldKind.Enum:
                foreach (var (name, number) in rule.Values)
                {
                    if (text == name || text == number.ToString(CultureInfo.InvariantCulture)) return (ulong)number;
                }
                Error(node, path, $"\"{text}\" is not one of {string.Join(", ", rule.Values.Select(v => v.Name))}");
                return 0;
        }
        Error(node, path, $"\"{text}\" is not a value of type {kind.ToString().ToLowerInvariant()}");
        return 0;
    }

    /// <summary>google.protobuf.Duration: seconds with up to nine decimals and an s, such as <c>0.25s</c>.</summary>
    private void Duration(TextNode node, string path, WireWriter into)
    {
        if (Text(node, path) is not { } text) return;
        if (text.EndsWith('s') && decimal.TryParse(text[..^1], NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seconds)
            && Math.Abs(seconds) <= 315_576_000_000 && decimal.Round(seconds, 9) == seconds)
        {
            into.Number(1, (ulong)(long)decimal.Truncate(seconds));
            into.Number(2, (ulong)(long)((seconds - decimal.Truncate(seconds)) * 1_000_000_000));
            return;
        }
        Error(node, path, $"\"{text}\" is not a duration: seconds with an s behind them, such as 0.25s");
    }

    private string? Text(TextNode node, string path)
    {
        if (node is TextScalar { Text: { } text }) return text;
        Error(node, path, "a single value is needed");
        return null;
    }

    private TextNode Placed(TextNode node, string path)
    {
        _places.TryAdd(path, (node.Line, node.Column));
        return node;
    }

    private void Error(TextNode node, string path, string message) => Error(node.Line, node.Column, path, message);

    private void Error(TextEntry entry, string path, string message) => Error(entry.Line, entry.Column, path, message);

    private void Error(int line, int column, string path, string message) =>
        _errors.Add($"{_file}:{line}:{column}: {(path.Length == 0 ? "" : $"{path}: ")}{message}");
}
