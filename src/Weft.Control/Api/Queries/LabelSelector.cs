using System.Collections.Immutable;

namespace Weft.Control.Api;

/// <summary>The selector of a list or watch: <c>a=b, c!=d, e in (f,g), h notin (i), j, !k</c>; all parts must hold. Kubernetes' grammar
/// (concepts/overview/working-with-objects/labels, "Label selectors"). A label that is absent satisfies <c>!=</c> and <c>notin</c>.</summary>
public sealed class LabelSelector
{
    public static readonly LabelSelector Everything = new([]);

    private readonly ImmutableArray<Requirement> _requirements;

    private LabelSelector(ImmutableArray<Requirement> requirements) => _requirements = requirements;

    public bool Matches(IReadOnlyDictionary<string, string> labels) => _requirements.All(r => r.Matches(labels));

    /// <exception cref="ApiException">BadRequest that names the part that was not understood.</exception>
    public static LabelSelector Parse(string? text) =>
        string.IsNullOrWhiteSpace(text) ? Everything : new LabelSelector([.. Parts(text).Select(ParsePart)]);

    /// <summary>Splits at commas that stand in no parentheses.</summary>
    private static IEnumerable<string> Parts(string text)
    {
        var start = 0;
        var depth = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '(') depth++;
            if (text[i] == ')') depth--;
            if (text[i] != ',' || depth > 0) continue;
            yield return text[start..i];
            start = i + 1;
        }
        yield return text[start..];
    }

    private static Requirement ParsePart(string part)
    {
        var text = part.Trim();
        if (text.EndsWith(')') && text.IndexOf('(') is var open and > 0)
        {
            var words = text[..open].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            var values = text[(open + 1)..^1].Split(',', StringSplitOptions.TrimEntries);
            if (words is [var key, "in" or "notin"]) return new Requirement(Key(key, part), words[1] == "notin", [.. values]);
            throw NotUnderstood(part);
        }
        var not = text.IndexOf("!=", StringComparison.Ordinal);
        if (not > 0) return new Requirement(Key(text[..not], part), Negated: true, [Value(text[(not + 2)..], part)]);
        var equal = text.IndexOf('=');
        if (equal > 0) return new Requirement(Key(text[..equal], part), Negated: false, [Value(text[(equal + 1)..].TrimStart('='), part)]);
        return text.StartsWith('!') ? new Requirement(Key(text[1..], part), Negated: true, []) : new Requirement(Key(text, part), Negated: false, []);
    }

    private static string Key(string text, string part) => Word(text, part) is { Length: > 0 } key ? key : throw NotUnderstood(part);

    private static string Value(string text, string part) => Word(text, part);

    private static string Word(string text, string part)
    {
        var word = text.Trim();
        return word.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/') ? word : throw NotUnderstood(part);
    }

    private static ApiException NotUnderstood(string part) =>
        new(ApiStatus.BadRequest($"labelSelector: \"{part.Trim()}\" is not key=value, key!=value, key in (a,b), key notin (a,b), key or !key"));

    /// <param name="Values">Allowed (or, negated, forbidden) values; empty asks for the key alone.</param>
    private sealed record Requirement(string Key, bool Negated, ImmutableArray<string> Values)
    {
        public bool Matches(IReadOnlyDictionary<string, string> labels) =>
            (labels.TryGetValue(Key, out var value) && (Values.IsEmpty || Values.Contains(value))) != Negated;
    }
}
