namespace Weft.Routing.Clusters;

/// <summary>A few key and value pairs, compared as a set. Values are text: a number or boolean of the metadata in its JSON spelling.</summary>
public sealed class MatchLabels(IEnumerable<KeyValuePair<string, string>> pairs) : IEquatable<MatchLabels>
{
    private readonly KeyValuePair<string, string>[] _pairs = [.. pairs.OrderBy(p => p.Key, StringComparer.Ordinal)];

    public static MatchLabels Empty { get; } = new([]);

    public int Count => _pairs.Length;

    public ReadOnlySpan<KeyValuePair<string, string>> Pairs => _pairs;

    /// <summary>True when every pair of <paramref name="wanted"/> is here too.</summary>
    public bool Covers(MatchLabels wanted)
    {
        foreach (var (key, value) in wanted._pairs)
        {
            if (Find(key) != value) return false;
        }
        return true;
    }

    public bool Equals(MatchLabels? other) => other is not null && _pairs.AsSpan().SequenceEqual(other._pairs);

    public override bool Equals(object? obj) => Equals(obj as MatchLabels);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var pair in _pairs) hash.Add(pair);
        return hash.ToHashCode();
    }

    public override string ToString() => string.Join(", ", _pairs.Select(p => $"{p.Key}={p.Value}"));

    private string? Find(string key)
    {
        foreach (var pair in _pairs)
        {
            if (pair.Key == key) return pair.Value;
        }
        return null;
    }
}
