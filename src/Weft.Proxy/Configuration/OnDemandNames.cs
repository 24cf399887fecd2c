namespace Weft.Proxy.Configuration;

/// <summary>
/// The route configurations that requests have asked for, or the names that clients have. One that exists is kept; of those that do not, or of which nobody has said yet, only so many:
/// beyond the limit the one that was asked for first is given up. Clients can invent names faster than a management server answers, and longer than it is away.
/// </summary>
/// <param name="limit">Names that are not known to exist; at least 1.</param>
internal sealed class OnDemandNames(int limit)
{
    private readonly Dictionary<string, LinkedListNode<string>?> _names = new(StringComparer.Ordinal); // without a node: it exists
    private readonly LinkedList<string> _doubtful = [];

    public IReadOnlyCollection<string> Names => _names.Keys;

    /// <summary>False when it was there.</summary>
    public bool Add(string name)
    {
        if (!_names.TryAdd(name, null)) return false;
        Doubt(name);
        return true;
    }

    public void MarkPresent(string name)
    {
        if (!_names.TryGetValue(name, out var doubt) || doubt is null) return;
        _doubtful.Remove(doubt);
        _names[name] = null;
    }

    /// <summary>The server says that there is none of this name; it stays asked for, so that its coming into being is heard of.</summary>
    public void MarkAbsent(string name)
    {
        if (_names.TryGetValue(name, out var doubt) && doubt is null) Doubt(name);
    }

    private void Doubt(string name)
    {
        _names[name] = _doubtful.AddLast(name);
        if (_doubtful.Count <= limit) return;
        _names.Remove(_doubtful.First!.Value);
        _doubtful.RemoveFirst();
    }
}
