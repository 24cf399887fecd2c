using Weft.Resources.Documents;

namespace Weft.Resources.Schema;

/// <summary>A rule between the fields of one object; reports through <see cref="RuleScope"/>.</summary>
public delegate void ObjectRule(RuleScope scope);

/// <summary>What a rule sees: the object, without defaults, and where to say what is wrong with it.</summary>
public sealed class RuleScope
{
    private readonly Action<DiagnosticRule, Position, string, string, string> _report;

    internal RuleScope(MapNode node, string path, Action<DiagnosticRule, Position, string, string, string> report)
    {
        Node = node;
        Path = path;
        _report = report;
    }

    public MapNode Node { get; }

    public string Path { get; }

    /// <summary>Reports a contradiction at <paramref name="field"/> (a name), or at the object when it is absent.</summary>
    public void Contradiction(string field, string message, string fix) => Report(DiagnosticRule.Contradiction, field, message, fix);

    public void Report(DiagnosticRule rule, string field, string message, string fix)
    {
        var entry = field.Length == 0 ? null : Node.Entry(field);
        _report(rule, entry?.KeyAt ?? Node.At, message, fix, field.Length == 0 ? Path : $"{Path}.{field}");
    }

    /// <summary>Reports at <paramref name="node"/>, which lies below this object; <paramref name="field"/> is its dotted path from here.</summary>
    public void At(DocumentNode node, DiagnosticRule rule, string field, string message, string fix) =>
        _report(rule, node.At, message, fix, $"{Path}.{field}");

    /// <summary>The list under <paramref name="field"/>; empty when absent.</summary>
    public IEnumerable<MapNode> Items(string field) => Node[field] is ListNode list ? list.Items.OfType<MapNode>() : [];

    public bool Has(string field) => Node[field] is not (null or ScalarNode { Type: ScalarType.Null });
}
