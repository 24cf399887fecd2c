using System.Collections.Immutable;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Weft.Resources.Documents;

/// <summary>
/// YAML text to documents. Each document is parsed alone, so that one that cannot be parsed does not hide the mistakes of the others.
/// Aliases share the node of their anchor (expansion costs no memory) and count towards <see cref="ReadOptions.MaxValues"/> as if copied,
/// so the file known as a billion laughs is refused while its first lines are read.
/// </summary>
internal sealed class YamlReader
{
    private readonly ReadOptions _options;
    private readonly Findings _findings;
    private readonly Dictionary<AnchorName, DocumentNode> _anchors = [];
    private int _values;
    private int _lineOffset;

    private YamlReader(ReadOptions options, Findings findings)
    {
        _options = options;
        _findings = findings;
    }

    public static List<Document> Read(string text, ReadOptions options, Findings findings)
    {
        var reader = new YamlReader(options, findings);
        var documents = new List<Document>();
        foreach (var (line, chunk) in Split(text))
        {
            reader._lineOffset = line;
            if (!reader.ReadChunk(chunk, documents)) break;
        }
        return documents;
    }

    /// <summary>Cuts at lines that start with <c>---</c>. YAML 1.2 forbids such a line inside any scalar (rule c-forbidden), so the cut never
    /// lands within a value.</summary>
    private static IEnumerable<(int Line, string Chunk)> Split(string text)
    {
        int start = 0, startLine = 0, line = 0;
        for (var at = 0; at < text.Length; line++)
        {
            var end = text.IndexOf('\n', at);
            var next = end < 0 ? text.Length : end + 1;
            var marker = text.AsSpan(at, next - at).StartsWith("---") && (at + 3 >= text.Length || text[at + 3] is ' ' or '\t' or '\r' or '\n');
            if (marker && at > start)
            {
                yield return (startLine, text[start..at]);
                (start, startLine) = (at, line);
            }
            at = next;
        }
        if (start < text.Length) yield return (startLine, text[start..]);
    }

    /// <summary>False when a limit ended the reading of the whole text.</summary>
    private bool ReadChunk(string chunk, List<Document> documents)
    {
        try
        {
            var parser = new Parser(new StringReader(chunk));
            parser.Consume<StreamStart>();
            while (!parser.Accept<StreamEnd>(out _))
            {
                parser.Consume<DocumentStart>();
                _anchors.Clear();
                var before = _findings.Errors;
                var node = Node(parser, depth: 1);
                parser.Consume<DocumentEnd>();
                // An empty document (a trailing ---) and one that holds only comments are nothing.
                if (node is not ScalarNode { Type: ScalarType.Null }) documents.Add(new Document(node, Intact: _findings.Errors == before));
            }
            return true;
        }
        catch (LimitException limit)
        {
            _findings.Report(DiagnosticRule.Limit, limit.At, limit.Message, "split the file, or write it without aliases");
            return false;
        }
        catch (YamlException e)
        {
            _findings.Report(DiagnosticRule.Syntax, At(e.Start), Reason(e), "check indentation, quotes and colons at this line and the one before");
            return true;
        }
    }

    private DocumentNode Node(IParser parser, int depth)
    {
        var at = At(parser.Current!.Start);
        if (depth > _options.MaxDepth) throw new LimitException(at, $"nested deeper than {_options.MaxDepth} levels (ReadOptions.MaxDepth)");
        if (parser.TryConsume<AnchorAlias>(out var alias))
        {
            if (!_anchors.TryGetValue(alias.Value, out var target))
                throw new YamlException(alias.Start, alias.End, $"the alias *{alias.Value} has no anchor before it (an anchor cannot contain itself)");
            Count(at, target.Size);
            return target;
        }
        Count(at, 1);
        var properties = (NodeEvent)parser.Current!;
        DocumentNode node = properties switch
        {
            MappingStart => Map(parser, at, depth),
            SequenceStart => List(parser, at, depth),
            _ => Scalar(parser.Consume<Scalar>(), at),
        };
        if (!properties.Anchor.IsEmpty) _anchors[properties.Anchor] = node;
        return node;
    }

    private MapNode Map(IParser parser, Position at, int depth)
    {
        parser.Consume<MappingStart>();
        var entries = ImmutableArray.CreateBuilder<MapEntry>();
        var keys = new Dictionary<string, Position>(StringComparer.Ordinal);
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var keyAt = At(parser.Current!.Start);
            var key = Key(parser, keyAt, depth);
            var value = Node(parser, depth + 1);
            if (key is null) continue;
            if (keys.TryAdd(key, keyAt))
                entries.Add(new MapEntry(key, keyAt, value));
            else
                _findings.Report(DiagnosticRule.DuplicateKey, keyAt, $"\"{ScalarNode.Shorten(key)}\" stands twice; the first is at line {keys[key].Line}", "remove one of the two");
        }
        return new MapNode(at, entries.ToImmutable());
    }

    private string? Key(IParser parser, Position at, int depth)
    {
        if (Node(parser, depth + 1) is ScalarNode key)
        {
            if (key is { Plain: true, Text: "<<" })
            {
                _findings.Report(DiagnosticRule.YamlFeature, at, "merge keys (<<) are not part of YAML 1.2", "write the merged fields out");
                return null;
            }
            // Kubernetes reads a key 80 or true as the text that was written.
            return key.Type == ScalarType.Null ? "null" : key.Text;
        }
        _findings.Report(DiagnosticRule.YamlFeature, at, "a key must be text", "remove the ? or the brackets around the key");
        return null;
    }

    private ListNode List(IParser parser, Position at, int depth)
    {
        parser.Consume<SequenceStart>();
        var items = ImmutableArray.CreateBuilder<DocumentNode>();
        while (!parser.TryConsume<SequenceEnd>(out _)) items.Add(Node(parser, depth + 1));
        return new ListNode(at, items.ToImmutable());
    }

    private ScalarNode Scalar(Scalar scalar, Position at)
    {
        var tag = scalar.Tag.IsEmpty ? "" : scalar.Tag.Value;
        if (tag is "!" or "tag:yaml.org,2002:str" || (tag.Length == 0 && scalar.Style != ScalarStyle.Plain))
            return new ScalarNode(at, ScalarType.Text, scalar.Value, Plain: false);
        if (tag is not ("" or "tag:yaml.org,2002:int" or "tag:yaml.org,2002:bool" or "tag:yaml.org,2002:float" or "tag:yaml.org,2002:null"))
            _findings.Report(DiagnosticRule.YamlFeature, at, $"the tag {tag} has no JSON form", "remove the tag");
        if (YamlScalars.IsInfiniteOrNaN(scalar.Value))
            _findings.Report(DiagnosticRule.YamlFeature, at, $"{scalar.Value} has no JSON form", "write a finite number, or quote it to mean text");
        return YamlScalars.Resolve(at, scalar.Value);
    }

    private void Count(Position at, int values)
    {
        _values += values;
        if (_values > _options.MaxValues)
            throw new LimitException(at, $"more than {_options.MaxValues} values once aliases are expanded (ReadOptions.MaxValues)");
    }

    private Position At(Mark mark) => new(checked((int)mark.Line) + _lineOffset, checked((int)mark.Column));

    // The library puts its own "(Line: 3, Col: 1, Idx: 20) - (...): " in front; the position is reported separately, in file terms.
    private static string Reason(YamlException e)
    {
        var text = e.InnerException is { } inner && e.Message.Length == 0 ? inner.Message : e.Message;
        var end = text.StartsWith('(') ? text.IndexOf("): ", StringComparison.Ordinal) : -1;
        return end < 0 ? text : text[(end + 3)..];
    }
}
