using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Weft.Resources.Documents;

/// <summary>JSON text, or a JSON tree in memory, to a document. One value per text (RFC 8259), duplicate names are findings.</summary>
internal static class JsonReader
{
    /// <summary>Null when the text is not JSON or passes a limit; the finding says where.</summary>
    public static Document? Read(ReadOnlySpan<byte> utf8, ReadOptions options, Findings findings)
    {
        if (utf8.StartsWith("\uFEFF"u8)) utf8 = utf8[3..];
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = options.MaxDepth + 1 }); // ours comes first, and names its setting
        try
        {
            var state = new State(utf8, options, findings);
            reader.Read();
            var before = findings.Errors;
            var node = Value(ref reader, ref state);
            // Throws at anything but white space after the value.
            reader.Read();
            return new Document(node, Intact: findings.Errors == before);
        }
        catch (JsonException e)
        {
            var at = new Position((int)(e.LineNumber ?? 0) + 1, (int)(e.BytePositionInLine ?? 0) + 1);
            findings.Report(DiagnosticRule.Syntax, at, Reason(e.Message));
            return null;
        }
        catch (LimitException limit)
        {
            findings.Report(DiagnosticRule.Limit, limit.At, limit.Message, "split the file");
            return null;
        }
        catch (InvalidOperationException e)
        {
            // Text that is not valid UTF-16 after unescaping (a lone surrogate).
            findings.Report(DiagnosticRule.Syntax, new Position(1, 1), e.Message);
            return null;
        }
    }

    /// <summary>A tree in memory; its values have no position.</summary>
    public static DocumentNode FromTree(JsonNode? node) => node switch
    {
        JsonObject map => new MapNode(default, [.. map.Select(p => new MapEntry(p.Key, default, FromTree(p.Value)))]),
        JsonArray list => new ListNode(default, [.. list.Select(FromTree)]),
        null => new ScalarNode(default, ScalarType.Null, "", Plain: false),
        _ => FromValue(node),
    };

    private static ScalarNode FromValue(JsonNode node) => node.GetValueKind() switch
    {
        JsonValueKind.String => new ScalarNode(default, ScalarType.Text, node.GetValue<string>(), Plain: false),
        JsonValueKind.True => new ScalarNode(default, ScalarType.Boolean, "true", Plain: false),
        JsonValueKind.False => new ScalarNode(default, ScalarType.Boolean, "false", Plain: false),
        JsonValueKind.Number => Number(default, node.ToJsonString()),
        _ => new ScalarNode(default, ScalarType.Null, "", Plain: false),
    };

    private static DocumentNode Value(ref Utf8JsonReader reader, ref State state)
    {
        var at = state.PositionOf(reader.TokenStartIndex);
        state.Count(at);
        state.CheckDepth(at, reader.CurrentDepth);
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                return Map(ref reader, ref state, at);
            case JsonTokenType.StartArray:
                var items = ImmutableArray.CreateBuilder<DocumentNode>();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray) items.Add(Value(ref reader, ref state));
                return new ListNode(at, items.ToImmutable());
            case JsonTokenType.String:
                return new ScalarNode(at, ScalarType.Text, reader.GetString()!, Plain: false);
            case JsonTokenType.Number:
                return Number(at, Encoding.UTF8.GetString(reader.ValueSpan));
            case JsonTokenType.True or JsonTokenType.False:
                return new ScalarNode(at, ScalarType.Boolean, reader.GetBoolean() ? "true" : "false", Plain: false);
            default:
                return new ScalarNode(at, ScalarType.Null, "", Plain: false);
        }
    }

    private static MapNode Map(ref Utf8JsonReader reader, ref State state, Position at)
    {
        var entries = ImmutableArray.CreateBuilder<MapEntry>();
        var keys = new Dictionary<string, Position>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var keyAt = state.PositionOf(reader.TokenStartIndex);
            var key = reader.GetString()!;
            reader.Read();
            var value = Value(ref reader, ref state);
            if (keys.TryAdd(key, keyAt))
                entries.Add(new MapEntry(key, keyAt, value));
            else
                state.Findings.Report(DiagnosticRule.DuplicateKey, keyAt, $"\"{ScalarNode.Shorten(key)}\" stands twice; the first is at line {keys[key].Line}", "remove one of the two");
        }
        return new MapNode(at, entries.ToImmutable());
    }

    private static ScalarNode Number(Position at, string text) =>
        // Turning digits into a number costs the square of their count, so an absurdly long number is no integer here.
        new(at, text.Length > 64 || text.AsSpan().ContainsAny('.', 'e', 'E') ? ScalarType.Float : ScalarType.Integer, text, Plain: false);

    private static string Reason(string message)
    {
        var end = message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        return end < 0 ? message : message[..end];
    }

    private ref struct State(ReadOnlySpan<byte> text, ReadOptions options, Findings findings)
    {
        private readonly ReadOnlySpan<byte> _text = text;
        private int _values;
        private int _line = 1;
        private int _column = 1;
        private int _scanned;

        public readonly Findings Findings => findings;

        // Tokens arrive in order, so that each byte is looked at once, however long the line.
        public Position PositionOf(long offset)
        {
            for (; _scanned < offset; _scanned++)
            {
                if (_text[_scanned] == (byte)'\n')
                    (_line, _column) = (_line + 1, 1);
                else if ((_text[_scanned] & 0xC0) != 0x80) // continuation bytes are no character of their own
                    _column++;
            }
            return new Position(_line, _column);
        }

        public readonly void CheckDepth(Position at, int depth)
        {
            if (depth >= options.MaxDepth) throw new LimitException(at, $"nested deeper than {options.MaxDepth} levels (ReadOptions.MaxDepth)");
        }

        public void Count(Position at)
        {
            if (++_values > options.MaxValues) throw new LimitException(at, $"more than {options.MaxValues} values (ReadOptions.MaxValues)");
        }
    }
}
