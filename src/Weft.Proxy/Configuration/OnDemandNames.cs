namespace Weft.Proxy.Configuration;

/// <summary>The route configurations that requests have asked for, or the names that clients have. One that exists is kept; of those that do not, only so many.</summary>
internal sealed class OnDemandNames(int limit)
{
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly LinkedList<string> _absent = [];

    public IReadOnlyCollection<string> Names => _names;

    /// <summary>False when it was there.</summary>
    public bool Add(string name)
    {
        if (!_names.Add(name)) return false;
        while (_names.Count > limit && _absent.First is { } oldest)
        {
            _absent.RemoveFirst();
            _names.Remove(oldest.Value);
        }
        return true;
    }

    /// <summary>The server says that there is none of this name; it stays asked for, so that its coming into being is heard of.</summary>
    public void MarkAbsent(string name)
    {
        if (_names.Contains(name) && !_absent.Contains(name)) _absent.AddLast(name);
    }
}
