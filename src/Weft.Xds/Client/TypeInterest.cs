namespace Weft.Xds;

/// <summary>What the client wants of one type, what it holds, and what the server of the current stream has been told.</summary>
internal sealed class TypeInterest
{
    private readonly HashSet<string> _wanted = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _held = new(StringComparer.Ordinal);
    // The update that has the last word on each name: an answer to an earlier one, given late, changes nothing any more.
    private readonly Dictionary<string, long> _newest = new(StringComparer.Ordinal);
    private readonly HashSet<string> _unfinished = new(StringComparer.Ordinal);
    // Subscriptions as the server of this stream knows them, the changes that it has not been told, and names without an answer yet.
    private readonly HashSet<string> _told = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _toSubscribe = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _toUnsubscribe = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DateTimeOffset> _unanswered = new(StringComparer.Ordinal);
    private bool _requested;

    public const string Everything = "*";

    /// <summary>The version that no server has.</summary>
    public const string Unfinished = "unfinished";

    public bool Wildcard => _wanted.Contains(Everything);

    public IReadOnlyCollection<string> Wanted => _wanted;

    public IReadOnlyDictionary<string, string> Held => _held;

    /// <summary>What a new server is told. Of a name whose last update is not finished it cannot be said what is in use, nor what will be by the
    /// time the server reads it: a version that no server has makes it send the resource, or its removal, for certain. Telling what was in use
    /// before would let a server that has just that version again stay silent, while the unfinished one comes into use behind its back.</summary>
    public IEnumerable<KeyValuePair<string, string>> Told =>
        _held.Where(h => !_unfinished.Contains(h.Key)).Concat(_unfinished.Select(static name => KeyValuePair.Create(name, Unfinished)));

    public bool Wants(string name) => Wildcard || _wanted.Contains(name);

    public string? HeldVersion(string name) => _held.GetValueOrDefault(name);

    public void Subscribe(string name)
    {
        _wanted.Add(name);
        _toSubscribe.Add(name);
        _toUnsubscribe.Remove(name);
    }

    public void Unsubscribe(string name)
    {
        if (!_wanted.Remove(name)) return;
        _toSubscribe.Remove(name);
        _unanswered.Remove(name);
        if (_told.Contains(name)) _toUnsubscribe.Add(name);
        if (name == Everything)
        {
            foreach (var known in _held.Keys.Concat(_newest.Keys).Where(known => !_wanted.Contains(known)).ToList()) Forget(known);
        }
        else if (!Wildcard)
        {
            Forget(name);
        }
    }

    /// <summary>A new stream: its server knows nothing.</summary>
    public void StreamOpened()
    {
        StreamClosed();
        foreach (var name in _wanted) _toSubscribe.Add(name);
    }

    public void StreamClosed()
    {
        _told.Clear();
        _toSubscribe.Clear();
        _toUnsubscribe.Clear();
        _unanswered.Clear();
        _requested = false;
    }

    /// <summary>Takes the changes that the server has not been told; null when there are none.</summary>
    public (IReadOnlyCollection<string> Subscribe, IReadOnlyCollection<string> Unsubscribe, bool First)? TakeChanges(DateTimeOffset unansweredAt)
    {
        if (_toSubscribe.Count == 0 && _toUnsubscribe.Count == 0) return null;
        var first = !_requested;
        _requested = true;
        var changes = (_toSubscribe.ToArray(), _toUnsubscribe.ToArray(), first);
        foreach (var name in _toSubscribe)
        {
            _told.Add(name);
            // A held resource is not waited for: an unchanged one is not sent again.
            if (name != Everything && !_held.ContainsKey(name)) _unanswered[name] = unansweredAt;
        }
        _told.ExceptWith(_toUnsubscribe);
        _toSubscribe.Clear();
        _toUnsubscribe.Clear();
        return changes;
    }

    public void Answered(string name, long sequence)
    {
        _unanswered.Remove(name);
        if (!Wants(name)) return;
        _newest[name] = sequence;
        _unfinished.Add(name);
    }

    public IEnumerable<DateTimeOffset> Deadlines => _unanswered.Values;

    public List<string> TakeUnanswered(DateTimeOffset now)
    {
        var late = _unanswered.Where(u => u.Value <= now).Select(static u => u.Key).Order(StringComparer.Ordinal).ToList();
        foreach (var name in late) _unanswered.Remove(name);
        return late;
    }

    /// <summary>The resource is in use.</summary>
    public void Hold(string name, string version, long sequence)
    {
        if (Finish(name, sequence)) _held[name] = version;
    }

    /// <summary>The removed resource is out of use.</summary>
    public void Drop(string name, long sequence)
    {
        if (Finish(name, sequence)) Forget(name);
    }

    /// <summary>The resource was refused: what was held stays.</summary>
    public void Refuse(string name, long sequence) => Finish(name, sequence);

    private bool Finish(string name, long sequence)
    {
        if (!_newest.TryGetValue(name, out var newest) || newest != sequence) return false;
        _unfinished.Remove(name);
        return true;
    }

    private void Forget(string name)
    {
        _held.Remove(name);
        _newest.Remove(name);
        _unfinished.Remove(name);
    }
}
