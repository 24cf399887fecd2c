using System.Globalization;
using System.Numerics;
using Weft.Resources.Documents;

namespace Weft.Resources.Schema;

/// <summary>Walks one document against its kind's schema and reports everything that is wrong with it, not only the first.</summary>
internal sealed class SchemaValidator(Findings findings, string resource)
{
    public void Check(DocumentNode node, FieldType type, string path)
    {
        switch (type)
        {
            case ObjectType expected when node is MapNode map:
                CheckObject(map, expected, path);
                break;
            case MapType expected when node is MapNode map:
                CheckMap(map, expected, path);
                break;
            case ListType expected when node is ListNode list:
                CheckList(list, expected, path);
                break;
            case TextType expected when node is ScalarNode { Type: ScalarType.Text } text:
                CheckText(text, expected, path);
                break;
            case IntegerType expected when node is ScalarNode { Type: ScalarType.Integer } number:
                CheckInteger(number, expected, path);
                break;
            case BooleanType when node is ScalarNode { Type: ScalarType.Boolean }:
            case AnyType:
                break;
            case NumberOrTextType expected when node is ScalarNode { Type: ScalarType.Integer } number:
                CheckInteger(number, expected.Number, path);
                break;
            case NumberOrTextType expected when node is ScalarNode { Type: ScalarType.Text } text:
                CheckText(text, expected.Text, path);
                break;
            default:
                Report(DiagnosticRule.WrongType, node.At, $"{Last(path)} must be {Article(type)}, not {node.Describe()}", TypeFix(node, type, path), path);
                break;
        }
    }

    private void CheckObject(MapNode map, ObjectType type, string path)
    {
        var before = findings.Errors;
        foreach (var entry in map.Entries)
        {
            var at = Join(path, entry.Key);
            if (type.Find(entry.Key) is not { } field)
                Report(DiagnosticRule.UnknownField, entry.KeyAt, $"unknown field \"{ScalarNode.Shorten(entry.Key)}\"", UnknownFix(entry.Key, type), at);
            else if (entry.Value is ScalarNode { Type: ScalarType.Null })
                RequireSet(field, entry, at);
            else
                Check(entry.Value, field.Type, at);
        }
        foreach (var field in type.Fields)
        {
            if (field.Required && map.Entry(field.Name) is null)
                Report(DiagnosticRule.Missing, map.At, $"{field.Name} is required", $"add {field.Name}: {Lower(field.Doc)}", Join(path, field.Name));
        }
        // A rule may read any field, so it runs on objects whose fields are right; the mistakes found so far come first anyway.
        if (findings.Errors != before) return;
        foreach (var rule in type.Rules)
            rule(new RuleScope(map, path, (code, at, message, fix, where) => Report(code, at, message, fix, where.TrimStart('.'))));
    }

    // An explicit null is the same as leaving the field out, everywhere in Kubernetes.
    private void RequireSet(Field field, MapEntry entry, string path)
    {
        if (field.Required) Report(DiagnosticRule.Missing, entry.KeyAt, $"{field.Name} is required and has no value", Lower(field.Doc), path);
    }

    private void CheckMap(MapNode map, MapType type, string path)
    {
        if (map.Entries.Length > type.MaxEntries)
            Report(DiagnosticRule.Length, map.At, $"{Last(path)} has {map.Entries.Length} entries; at most {type.MaxEntries} are allowed", "", path);
        foreach (var entry in map.Entries)
        {
            var at = $"{path}[{ScalarNode.Shorten(entry.Key)}]";
            CheckText(new ScalarNode(entry.KeyAt, ScalarType.Text, entry.Key, Plain: false), type.Key, at);
            Check(entry.Value, type.Value, at);
        }
    }

    private void CheckList(ListNode list, ListType type, string path)
    {
        if (list.Items.Length < type.MinItems)
            Report(DiagnosticRule.Length, list.At, $"{Last(path)} has {list.Items.Length} items; at least {type.MinItems} are needed", "", path);
        if (list.Items.Length > type.MaxItems)
            Report(DiagnosticRule.Length, list.At, $"{Last(path)} has {list.Items.Length} items; at most {type.MaxItems} are allowed", "", path);
        var seen = new Dictionary<string, int>(type.KeyIgnoresCase ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal);
        for (var i = 0; i < list.Items.Length; i++)
        {
            var at = $"{path}[{i}]";
            Check(list.Items[i], type.Item, at);
            if (KeyOf(list.Items[i], type) is { } key && !seen.TryAdd(key, i))
                Report(DiagnosticRule.DuplicateItem, list.Items[i].At, $"{DescribeKey(type, key)} stands already in {Last(path)}[{seen[key]}]", "remove or rename one of the two", at);
        }
    }

    private static string? KeyOf(DocumentNode item, ListType type)
    {
        if (type.Unique) return (item as ScalarNode)?.Text;
        if (type.KeyedBy.IsEmpty || item is not MapNode map) return null;
        // Absent parts of a key count as empty, as the API server compares them.
        return string.Join('/', type.KeyedBy.Select(k => (map[k] as ScalarNode)?.Text ?? ""));
    }

    private static string DescribeKey(ListType type, string key) => type.Unique ? $"\"{key}\"" : $"{string.Join('/', type.KeyedBy)} \"{key}\"";

    private void CheckText(ScalarNode node, TextType type, string path)
    {
        var text = node.Text;
        if (node.Plain && YamlScalars.IsAmbiguous(text))
            Report(DiagnosticRule.AmbiguousScalar, node.At, $"{text} is text here, but some YAML readers take it for something else", $"write \"{text}\"", path);
        if (!type.Allowed.IsEmpty && !type.Allowed.Contains(text, StringComparer.Ordinal))
        {
            var near = Spelling.Nearest(text, type.Allowed);
            Report(DiagnosticRule.NotAllowedValue, node.At, $"{Last(path)} cannot be \"{ScalarNode.Shorten(text)}\"",
                near is null ? $"write one of {string.Join(", ", type.Allowed)}" : $"did you mean {near}? Allowed: {string.Join(", ", type.Allowed)}", path);
        }
        else if (text.Length < type.MinLength)
        {
            Report(DiagnosticRule.Length, node.At, type.MinLength == 1 ? $"{Last(path)} is empty" : $"{Last(path)} is shorter than {type.MinLength} characters", "", path);
        }
        else if (text.Length > type.MaxLength)
        {
            Report(DiagnosticRule.Length, node.At, $"{Last(path)} has {text.Length} characters; at most {type.MaxLength} are allowed", "", path);
        }
        else if (type.Format is { } format && !format.Check(text))
        {
            Report(DiagnosticRule.Format, node.At, $"\"{ScalarNode.Shorten(text)}\" is not a valid {format.Name}", format.Rule, path);
        }
    }

    private void CheckInteger(ScalarNode node, IntegerType type, string path)
    {
        var value = BigInteger.Parse(node.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        if (value >= type.Min && value <= type.Max) return;
        var range = type.Max == long.MaxValue ? $"at least {type.Min}" : $"from {type.Min} to {type.Max}";
        Report(DiagnosticRule.Range, node.At, $"{Last(path)} is {ScalarNode.Shorten(node.Text)}; it must be {range}", "", path);
    }

    private static string UnknownFix(string name, ObjectType type)
    {
        var names = type.Fields.Select(f => f.Name);
        return Spelling.Nearest(name, names) is { } near ? $"did you mean {near}?" : $"known here: {string.Join(", ", names)}";
    }

    private static string TypeFix(DocumentNode node, FieldType type, string path) => (type, node) switch
    {
        (IntegerType, ScalarNode { Type: ScalarType.Text } text) when long.TryParse(text.Text, out _) => $"remove the quotes: {Last(path)}: {text.Text}",
        (BooleanType, ScalarNode { Type: ScalarType.Text } text) when text.Text.ToLowerInvariant() is "on" or "yes" or "y" or "true" => $"write {Last(path)}: true",
        (BooleanType, ScalarNode { Type: ScalarType.Text } text) when text.Text.ToLowerInvariant() is "off" or "no" or "n" or "false" => $"write {Last(path)}: false",
        (TextType text, ScalarNode { Type: not (ScalarType.Text or ScalarType.Null) } scalar) => AsTextFix(scalar.Text, text),
        (ListType, not ListNode) => "put a dash and a space before each item",
        _ => "",
    };

    /// <summary>Quotes alone make text of it, but not always text that the field takes: advice must not lead to the next error.</summary>
    private static string AsTextFix(string scalar, TextType type)
    {
        if (!type.Allowed.IsEmpty && !type.Allowed.Contains(scalar, StringComparer.Ordinal)) return $"write one of {string.Join(", ", type.Allowed)}";
        if (type.Format is not { } format || format.Check(scalar)) return $"put it in quotes: \"{scalar}\"";
        return format == TextFormat.Duration && format.Check(scalar + "s") ? $"a duration has a unit: {scalar}s" : format.Rule;
    }

    private void Report(DiagnosticRule rule, Position at, string message, string fix, string path) => findings.Report(rule, at, message, fix, resource, path);

    private static string Join(string path, string name) => path.Length == 0 ? ScalarNode.Shorten(name) : $"{path}.{ScalarNode.Shorten(name)}";

    private static string Last(string path) => path[(path.LastIndexOf('.') + 1)..];

    private static string Article(FieldType type) => type switch
    {
        TextType { Allowed.IsEmpty: false } => $"one of {type.Name}",
        TextType { Format: null } => "text",
        IntegerType or BooleanType or TextType or ListType or MapType or NumberOrTextType => "a " + type.Name,
        _ => "an " + type.Name,
    };

    private static string Lower(string doc) => doc.Length == 0 ? "" : char.ToLowerInvariant(doc[0]) + doc[1..];
}
