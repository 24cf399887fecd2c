namespace Weft.Resources;

/// <summary>Whether a finding refuses the object or only deserves a look.</summary>
public enum Severity
{
    /// <summary>The object is refused and changes nothing.</summary>
    Error,

    /// <summary>The object is accepted.</summary>
    Warning,
}

/// <summary>One thing found in what a person wrote: where it stands, what is wrong and what to write instead.</summary>
/// <param name="Code">The rule, for example <c>WEFT1101</c>; <see cref="DiagnosticRule.All"/> explains each.</param>
/// <param name="Severity">Errors refuse the object; warnings do not.</param>
/// <param name="Resource">The object, as <c>HTTPRoute default/catalog</c>; empty when the text did not get that far.</param>
/// <param name="Path">The field within the object, as <c>spec.rules[0].backendRefs[1].port</c>; empty for the whole object.</param>
/// <param name="File">Name of the file or source that was read.</param>
/// <param name="Line">Line in the file, from 1; 0 when the input had no text form.</param>
/// <param name="Column">Column in the line, from 1; 0 when the input had no text form.</param>
/// <param name="Message">What is wrong, with the value that was found.</param>
/// <param name="Fix">What to do about it; empty when the message already says so.</param>
public sealed record Diagnostic(
    string Code, Severity Severity, string Resource, string Path, string File, int Line, int Column, string Message, string Fix)
{
    /// <summary>One line for a terminal: <c>file:line:column: error WEFT1101: message (HTTPRoute default/catalog, spec.rules[0]). fix</c>.</summary>
    public override string ToString()
    {
        var place = Line > 0 ? $"{File}:{Line}:{Column}" : File;
        var level = Severity == Severity.Error ? "error" : "warning";
        var subject = (Resource, Path) switch
        {
            ("", "") => "",
            ("", _) => $" ({Path})",
            (_, "") => $" ({Resource})",
            _ => $" ({Resource}, {Path})",
        };
        return $"{place}: {level} {Code}: {Message}{subject}{(Fix.Length == 0 ? "" : ". " + Fix)}";
    }
}
