using System.Collections.Immutable;

namespace Weft.Resources.Documents;

/// <summary>Collects what is found while one text is read. Repeats at one place and rule are kept once: an alias that is
/// expanded five times would otherwise report its mistake five times.</summary>
internal sealed class Findings(string file)
{
    private readonly List<Diagnostic> _all = [];
    private readonly HashSet<(string Code, Position At, string Message)> _seen = [];

    /// <summary>Errors reported so far; a reader compares before and after to know whether its own object is right.</summary>
    public int Errors { get; private set; }

    public void Report(DiagnosticRule rule, Position at, string message, string fix = "", string resource = "", string path = "")
    {
        if (rule.Severity == Severity.Error) Errors++;
        // Without positions (JSON from memory) the path is what tells two findings apart.
        if (at.Line > 0 && !_seen.Add((rule.Code, at, message))) return;
        _all.Add(new Diagnostic(rule.Code, rule.Severity, resource, path, file, at.Line, at.Column, message, fix));
    }

    public ImmutableArray<Diagnostic> Sorted() => [.. _all.OrderBy(d => d.Line).ThenBy(d => d.Column)];
}
