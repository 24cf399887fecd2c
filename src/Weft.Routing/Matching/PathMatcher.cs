using System.Text;

namespace Weft.Routing.Matching;

/// <summary>How a <see cref="PathMatcher"/> compares.</summary>
public enum PathMatchKind : byte
{
    /// <summary>The whole path.</summary>
    Exact,

    /// <summary>The path's beginning, byte by byte: <c>/a</c> matches <c>/ab</c>.</summary>
    Prefix,

    /// <summary>The path's beginning, whole segments: <c>/a</c> matches <c>/a</c> and <c>/a/b</c>, not <c>/ab</c>.</summary>
    SegmentPrefix,

    Regex,
}

/// <summary>A route's condition on the path without its query (envoy RouteMatch.path_specifier). Immutable.</summary>
public sealed class PathMatcher
{
    private readonly byte[] _value;
    private readonly RegexMatcher? _regex;

    private PathMatcher(PathMatchKind kind, string text, bool ignoreCase, RegexMatcher? regex)
    {
        (Kind, Text, IgnoreCase, _regex) = (kind, text, ignoreCase, regex);
        _value = Encoding.UTF8.GetBytes(text);
    }

    public PathMatchKind Kind { get; }

    public string Text { get; }

    /// <summary>ASCII letters compare without case.</summary>
    public bool IgnoreCase { get; }

    internal ReadOnlySpan<byte> Value => _value;

    public static PathMatcher Of(PathMatchKind kind, string text, bool ignoreCase = false) =>
        new(kind, text, ignoreCase, kind == PathMatchKind.Regex ? RegexMatcher.Create(text) : null);

    /// <param name="path">Without query.</param>
    public bool Matches(ReadOnlySpan<byte> path) => Kind switch
    {
        PathMatchKind.Exact => path.Length == _value.Length && Same(path),
        PathMatchKind.Prefix => path.Length >= _value.Length && Same(path[.._value.Length]),
        PathMatchKind.SegmentPrefix => path.Length >= _value.Length && Same(path[.._value.Length])
            && (path.Length == _value.Length || path[_value.Length] == '/'),
        _ => _regex!.Matches(path),
    };

    private bool Same(ReadOnlySpan<byte> path) =>
        IgnoreCase ? ByteComparer.EqualsIgnoreAsciiCase(path, _value) : path.SequenceEqual(_value);
}
