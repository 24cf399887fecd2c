namespace Weft.Routing.Routes;

/// <summary>Replaces the part of the path that the route matched (envoy prefix_rewrite); the query stays.</summary>
/// <param name="replacement">What is written in its place.</param>
/// <param name="matchedLength">Bytes replaced at the start of the path; -1 for the whole path.</param>
public sealed class PathRewrite(ReadOnlyMemory<byte> replacement, int matchedLength)
{
    public ReadOnlyMemory<byte> Replacement { get; } = replacement;

    /// <summary>The part of a path (without query) that stays behind the replacement.</summary>
    public ReadOnlySpan<byte> Kept(ReadOnlySpan<byte> pathOnly) => matchedLength < 0 ? default : pathOnly[matchedLength..];

    /// <summary>Writes the new path and query into <paramref name="into"/>; -1 when it does not fit.</summary>
    public int WriteTo(ReadOnlySpan<byte> pathAndQuery, Span<byte> into)
    {
        var query = pathAndQuery.IndexOf((byte)'?');
        var kept = matchedLength < 0 ? (query < 0 ? default : pathAndQuery[query..]) : pathAndQuery[matchedLength..];
        if (into.Length < Replacement.Length + kept.Length) return -1;
        Replacement.Span.CopyTo(into);
        kept.CopyTo(into[Replacement.Length..]);
        return Replacement.Length + kept.Length;
    }
}
