using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Resources.Documents;

namespace Weft.Resources;

/// <summary>Writes an object as YAML for people: block style, two spaces, text in quotes only where a reader might take it for something else.</summary>
public static class YamlText
{
    /// <summary>One document without markers, ending in a line break. Entries keep their order.</summary>
    public static string Write(JsonNode node)
    {
        var text = new StringBuilder();
        if (node is JsonObject { Count: > 0 } or JsonArray { Count: > 0 }) Block(text, node, 0);
        else text.Append(Inline(node)).Append('\n');
        return text.ToString();
    }

    private static void Block(StringBuilder text, JsonNode node, int indent)
    {
        if (node is JsonArray list)
        {
            foreach (var item in list) Item(text, item, indent);
            return;
        }
        foreach (var (key, value) in (JsonObject)node) Entry(text, key, value, indent);
    }

    private static void Entry(StringBuilder text, string key, JsonNode? value, int indent)
    {
        text.Append(' ', indent).Append(Scalar(key)).Append(':');
        switch (value)
        {
            case JsonObject { Count: > 0 }:
                text.Append('\n');
                Block(text, value, indent + 2);
                break;
            case JsonArray { Count: > 0 }:
                text.Append('\n');
                Block(text, value, indent);
                break;
            default:
                text.Append(' ').Append(Inline(value)).Append('\n');
                break;
        }
    }

    private static void Item(StringBuilder text, JsonNode? item, int indent)
    {
        if (item is not (JsonObject { Count: > 0 } or JsonArray { Count: > 0 }))
        {
            text.Append(' ', indent).Append("- ").Append(Inline(item)).Append('\n');
            return;
        }
        // The item is written at the depth of its dash's content, and then the dash takes the place of two of its leading spaces.
        var start = text.Length;
        Block(text, item, indent + 2);
        text[start + indent] = '-';
    }

    private static string Inline(JsonNode? node) => node switch
    {
        null => "null",
        JsonObject => "{}",
        JsonArray => "[]",
        _ when node.GetValueKind() == JsonValueKind.String => Scalar(node.GetValue<string>()),
        _ => node.ToJsonString(),
    };

    private static string Scalar(string text) => IsPlain(text) ? text : Quoted(text);

    private static bool IsPlain(string text) =>
        text.Length > 0 && char.IsAsciiLetterOrDigit(text[0]) && text[^1] is not (' ' or ':')
        && text.All(c => c is >= ' ' and < '\x7f') && !text.Contains(": ", StringComparison.Ordinal) && !text.Contains(" #", StringComparison.Ordinal)
        && YamlScalars.Resolve(default, text).Type == ScalarType.Text && !YamlScalars.IsAmbiguous(text);

    private static string Quoted(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
        {
            _ = c switch
            {
                '"' => quoted.Append("\\\""),
                '\\' => quoted.Append("\\\\"),
                '\n' => quoted.Append("\\n"),
                '\t' => quoted.Append("\\t"),
                // Line separators, byte order marks and lone surrogates are legal text and illegal or invisible in a file.
                < ' ' or >= '\x7f' and <= '\xa0' or '\u2028' or '\u2029' or '\ufeff' or >= '\ud800' and <= '\udfff' => quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}"),
                _ => quoted.Append(c),
            };
        }
        return quoted.Append('"').ToString();
    }
}
