using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Weft.Proxy.Configuration.Text;

/// <summary>Reads one YAML document into nodes that know their line. Anchors are followed.</summary>
internal static class YamlText
{
    /// <summary>Aliases may repeat content; no bootstrap has this many values, a hostile file would.</summary>
    private const int MaxNodes = 1_000_000;

    private const int MaxDepth = 100;

    /// <exception cref="TextException">It is not YAML, not one document, or larger than any bootstrap.</exception>
    public static TextNode Read(string text)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(text));
        }
        catch (YamlException e)
        {
            throw new TextException(e.Message, e.Start.Line, e.Start.Column);
        }
        if (stream.Documents.Count != 1) throw new TextException($"one document is needed, found {stream.Documents.Count}", 1, 1);
        var nodes = 0;
        return Convert(stream.Documents[0].RootNode, 0, ref nodes);
    }

    private static TextNode Convert(YamlNode node, int depth, ref int nodes)
    {
        var (line, column) = ((int)node.Start.Line, (int)node.Start.Column);
        if (++nodes > MaxNodes) throw new TextException($"more than {MaxNodes} values", line, column);
        if (depth > MaxDepth) throw new TextException($"nested more than {MaxDepth} deep", line, column);
        switch (node)
        {
            case YamlMappingNode mapping:
                var entries = new List<TextEntry>(mapping.Children.Count);
                foreach (var (key, value) in mapping.Children)
                {
                    if (key is not YamlScalarNode { Value: { } name }) throw new TextException("a key is a single value", key.Start.Line, key.Start.Column);
                    entries.Add(new TextEntry(name, (int)key.Start.Line, (int)key.Start.Column, Convert(value, depth + 1, ref nodes)));
                }
                return new TextMap(entries, line, column);
            case YamlSequenceNode sequence:
                var items = new List<TextNode>(sequence.Children.Count);
                foreach (var item in sequence.Children) items.Add(Convert(item, depth + 1, ref nodes));
                return new TextList(items, line, column);
            default:
                var scalar = (YamlScalarNode)node;
                var plain = scalar.Style is ScalarStyle.Plain or ScalarStyle.Any;
                return new TextScalar(plain && scalar.Value is (null or "" or "null" or "~") ? null : scalar.Value, plain, line, column);
        }
    }
}
