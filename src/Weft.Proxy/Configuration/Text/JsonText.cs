using System.Text;
using System.Text.Json;

namespace Weft.Proxy.Configuration.Text;

/// <summary>Reads JSON (RFC 8259) into nodes that know their line. Every JSON text is YAML too, but this reader is there when the process starts.</summary>
internal ref struct JsonText
{
    private const int MaxDepth = 100;

    private readonly ReadOnlySpan<byte> _text;
    private Utf8JsonReader _reader;
    private long _counted;
    private int _line;
    private long _lineStart;

    private JsonText(ReadOnlySpan<byte> text)
    {
        _text = text;
        _reader = new Utf8JsonReader(text, new JsonReaderOptions { MaxDepth = MaxDepth });
        _line = 1;
    }

    /// <summary>Null when the text is not JSON.</summary>
    public static TextNode? TryRead(string text)
    {
        var json = new JsonText(Encoding.UTF8.GetBytes(text));
        try
        {
            if (!json._reader.Read()) return null;
            var root = json.Value();
            return json._reader.Read() ? null : root;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private TextNode Value()
    {
        var (line, column) = Place();
        switch (_reader.TokenType)
        {
            case JsonTokenType.StartObject:
                var entries = new List<TextEntry>();
                while (Next() != JsonTokenType.EndObject)
                {
                    var key = _reader.GetString()!;
                    var (keyLine, keyColumn) = Place();
                    Next();
                    entries.Add(new TextEntry(key, keyLine, keyColumn, Value()));
                }
                return new TextMap(entries, line, column);
            case JsonTokenType.StartArray:
                var items = new List<TextNode>();
                while (Next() != JsonTokenType.EndArray) items.Add(Value());
                return new TextList(items, line, column);
            case JsonTokenType.String:
                return new TextScalar(_reader.GetString(), IsPlain: false, line, column);
            case JsonTokenType.Null:
                return new TextScalar(null, IsPlain: true, line, column);
            default: // true, false and numbers, in their own spelling
                return new TextScalar(Encoding.ASCII.GetString(_reader.ValueSpan), IsPlain: true, line, column);
        }
    }

    private JsonTokenType Next()
    {
        _reader.Read();
        return _reader.TokenType;
    }

    private (int Line, int Column) Place()
    {
        for (; _counted < _reader.TokenStartIndex; _counted++)
        {
            if (_text[(int)_counted] != '\n') continue;
            _line++;
            _lineStart = _counted + 1;
        }
        return (_line, (int)(_reader.TokenStartIndex - _lineStart) + 1);
    }
}
