using System.Text;

namespace Weft.Routing.Matching;

/// <summary>How a <see cref="StringMatcher"/> compares.</summary>
public enum StringMatchKind : byte
{
    Exact,
    Prefix,
    Suffix,
    Contains,
    Regex,
}

/// <summary>One comparison of a value, as bytes (envoy.type.matcher.v3.StringMatcher). Immutable; equal when it says the same.</summary>
public sealed class StringMatcher : IEquatable<StringMatcher>
{
    private readonly byte[] _value;
    private readonly RegexMatcher? _regex;

    private StringMatcher(StringMatchKind kind, string text, bool ignoreCase, RegexMatcher? regex)
    {
        (Kind, Text, IgnoreCase, _regex) = (kind, text, ignoreCase, regex);
        _value = Encoding.UTF8.GetBytes(text);
    }

    public StringMatchKind Kind { get; }

    /// <summary>What is compared with, or the pattern.</summary>
    public string Text { get; }

    /// <summary>ASCII letters compare without case. Without effect on <see cref="StringMatchKind.Regex"/>.</summary>
    public bool IgnoreCase { get; }

    public static StringMatcher Of(StringMatchKind kind, string text, bool ignoreCase = false) =>
        new(kind, text, ignoreCase, kind == StringMatchKind.Regex ? RegexMatcher.Create(text) : null);

    internal static StringMatcher Of(RegexMatcher regex) => new(StringMatchKind.Regex, regex.Pattern, false, regex);

    public bool Matches(ReadOnlySpan<byte> value)
    {
        switch (Kind)
        {
            case StringMatchKind.Exact:
                return value.Length == _value.Length && Same(value);
            case StringMatchKind.Prefix:
                return value.Length >= _value.Length && Same(value[.._value.Length]);
            case StringMatchKind.Suffix:
                return value.Length >= _value.Length && Same(value[^_value.Length..]);
            case StringMatchKind.Contains when !IgnoreCase:
                return value.IndexOf(_value) >= 0;
            case StringMatchKind.Contains:
                for (var i = 0; i + _value.Length <= value.Length; i++)
                {
                    if (Same(value.Slice(i, _value.Length))) return true;
                }
                return false;
            default:
                return _regex!.Matches(value);
        }
    }

    public bool Equals(StringMatcher? other) =>
        other is not null && Kind == other.Kind && IgnoreCase == other.IgnoreCase && Text == other.Text;

    public override bool Equals(object? obj) => Equals(obj as StringMatcher);

    public override int GetHashCode() => HashCode.Combine(Kind, Text, IgnoreCase);

    public override string ToString() => $"{Kind} \"{Text}\"";

    private bool Same(ReadOnlySpan<byte> value) =>
        IgnoreCase ? ByteComparer.EqualsIgnoreAsciiCase(value, _value) : value.SequenceEqual(_value);
}
