using System.Collections.Immutable;

namespace Weft.Resources;

/// <summary>A rule that what people write must keep: its code never changes meaning and is never used again.</summary>
/// <param name="Code">1000-1099 text, 1100-1199 fields, 1200-1299 the object as a whole.</param>
/// <param name="Title">The rule in a few words.</param>
/// <param name="Explanation">Why the rule exists and what keeping it looks like.</param>
/// <param name="Severity">What breaking it costs.</param>
public sealed record DiagnosticRule(string Code, string Title, string Explanation, Severity Severity = Severity.Error)
{
    public static readonly DiagnosticRule Syntax = new("WEFT1001", "The text is neither YAML nor JSON",
        "The document could not be parsed at all. The position is where the parser gave up; the mistake is often on the line before it.");

    public static readonly DiagnosticRule Limit = new("WEFT1002", "The text is larger than a limit",
        "Text, nesting and the number of values after aliases are expanded are bounded, so that a small file cannot become a huge one. The message names the limit.");

    public static readonly DiagnosticRule DuplicateKey = new("WEFT1003", "A key stands twice in one mapping",
        "YAML and JSON forbid it, and readers disagree on which of the two counts.");

    public static readonly DiagnosticRule YamlFeature = new("WEFT1004", "A YAML feature that has no JSON form",
        "Custom tags, merge keys (<<), keys that are not text, and the numbers .inf and .nan cannot be stored as a Kubernetes-style object.");

    public static readonly DiagnosticRule NotAnObject = new("WEFT1010", "A document is not an object",
        "Each document is one mapping with apiVersion, kind and metadata, or a List of them.");

    public static readonly DiagnosticRule UnknownKind = new("WEFT1011", "Weft does not know this kind",
        "apiVersion and kind together name the kind. The message lists the nearest that Weft serves.");

    public static readonly DiagnosticRule UnknownField = new("WEFT1101", "A field that the kind does not have",
        "Unknown fields are refused instead of dropped: a misspelt field would otherwise be silently without effect.");

    public static readonly DiagnosticRule WrongType = new("WEFT1102", "A value of the wrong type",
        "Plain scalars follow YAML's core schema: 80 is a number and \"80\" is text, true is a boolean and on is text.");

    public static readonly DiagnosticRule Missing = new("WEFT1103", "A required field is missing",
        "The position is that of the object that should hold the field.");

    public static readonly DiagnosticRule NotAllowedValue = new("WEFT1104", "A value that is not one of those allowed",
        "The field takes one of a closed list of words, written exactly so.");

    public static readonly DiagnosticRule Range = new("WEFT1105", "A number outside its range",
        "The message gives the range.");

    public static readonly DiagnosticRule Length = new("WEFT1106", "Too short, too long, too few or too many",
        "Lengths count characters of text, items of lists and entries of maps.");

    public static readonly DiagnosticRule Format = new("WEFT1107", "Text that does not have the form its field asks for",
        "Names follow RFC 1123, durations GEP-2257 (1h30m), addresses RFC 4291 or dotted quads, paths start with a slash.");

    public static readonly DiagnosticRule DuplicateItem = new("WEFT1108", "Two items of a list have the same key",
        "Lists of named things are maps in disguise: the key (a port's name, a header's name) may stand once.");

    public static readonly DiagnosticRule AmbiguousScalar = new("WEFT1109", "A word that other YAML readers take for something else",
        "YAML 1.1 readers (kubectl among them) read on, off, yes, no, y and n as booleans and 1:30 as a number. Weft reads text; quotes make it text for all.",
        Severity.Warning);

    public static readonly DiagnosticRule Contradiction = new("WEFT1201", "Two parts of the object contradict each other",
        "Each value is possible alone; together they are not.");

    public static readonly DiagnosticRule Scope = new("WEFT1202", "A namespace on a cluster-scoped object",
        "Namespace and Mesh belong to no namespace.");

    public static readonly DiagnosticRule DuplicateObject = new("WEFT1203", "The same object is written twice",
        "Two documents of one input have the same kind, namespace and name; which of them should count is not decidable.");

    public static readonly DiagnosticRule Immutable = new("WEFT1204", "A field that cannot change",
        "Others rely on it for as long as the object lives: delete the object and create it anew.");

    public static readonly DiagnosticRule Unavailable = new("WEFT1205", "A value that cannot be given",
        "Another object has it, or it lies outside what this mesh gives. Only the resource API can know: offline validation does not find it.");

    /// <summary>Every rule, by code.</summary>
    public static ImmutableArray<DiagnosticRule> All { get; } =
    [
        Syntax, Limit, DuplicateKey, YamlFeature, NotAnObject, UnknownKind, UnknownField, WrongType, Missing, NotAllowedValue, Range, Length,
        Format, DuplicateItem, AmbiguousScalar, Contradiction, Scope, DuplicateObject, Immutable, Unavailable,
    ];
}
