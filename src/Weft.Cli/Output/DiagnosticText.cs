using Weft.Resources;

namespace Weft.Cli.Output;

/// <summary>Diagnostics for a person: one line each, <c>file:line:column</c> first so that editors and grep find the place.</summary>
public static class DiagnosticText
{
    public static void Write(IEnumerable<Diagnostic> diagnostics, TextWriter to, bool terminal)
    {
        foreach (var diagnostic in diagnostics)
        {
            var line = diagnostic.ToString();
            if (terminal)
            {
                var level = diagnostic.Severity == Severity.Error ? "error" : "warning";
                line = line.Replace($": {level} {diagnostic.Code}:", $": {StyleOf(diagnostic).Paint($"{level} {diagnostic.Code}", terminal)}:", StringComparison.Ordinal);
            }
            to.WriteLine(line);
        }
    }

    /// <summary>"3 errors and 1 warning".</summary>
    public static string Count(IReadOnlyCollection<Diagnostic> diagnostics)
    {
        var errors = diagnostics.Count(d => d.Severity == Severity.Error);
        var warnings = diagnostics.Count - errors;
        return (errors, warnings) switch
        {
            (0, _) => Plural(warnings, "warning"),
            (_, 0) => Plural(errors, "error"),
            _ => $"{Plural(errors, "error")} and {Plural(warnings, "warning")}",
        };
    }

    public static string Plural(int count, string noun, string? many = null) => $"{count} {(count == 1 ? noun : many ?? noun + "s")}";

    private static Style StyleOf(Diagnostic diagnostic) => diagnostic.Severity == Severity.Error ? Style.Error : Style.Warning;
}
