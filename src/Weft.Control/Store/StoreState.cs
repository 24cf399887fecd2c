using System.Collections.Immutable;

namespace Weft.Control.Store;

/// <summary>All objects at one revision. Immutable: a reader that holds one sees a consistent picture for as long as it likes.</summary>
public sealed class StoreState
{
    public static readonly StoreState Empty = new(0, 0, ImmutableDictionary<StoreCollection, ImmutableSortedDictionary<StorePosition, StoreEntry>>.Empty);

    private readonly ImmutableDictionary<StoreCollection, ImmutableSortedDictionary<StorePosition, StoreEntry>> _collections;

    private StoreState(long revision, long bytes, ImmutableDictionary<StoreCollection, ImmutableSortedDictionary<StorePosition, StoreEntry>> collections)
    {
        Revision = revision;
        Bytes = bytes;
        _collections = collections;
    }

    /// <summary>Revision of the last write; 0 before the first.</summary>
    public long Revision { get; }

    /// <summary>Bytes that the objects take in a log without history.</summary>
    public long Bytes { get; }

    public int Count => _collections.Values.Sum(c => c.Count);

    public StoreEntry? Find(StoreKey key) =>
        _collections.TryGetValue(key.Collection, out var collection) ? collection.GetValueOrDefault(new StorePosition(key.Namespace, key.Name)) : null;

    /// <summary>The objects of one kind in order; those of one namespace where one is given.</summary>
    /// <param name="after">Only what follows this position.</param>
    public IEnumerable<StoreEntry> List(StoreCollection collection, string? ns = null, StorePosition? after = null)
    {
        if (!_collections.TryGetValue(collection, out var entries)) yield break;
        foreach (var (position, entry) in entries)
        {
            if (ns is not null && position.Namespace != ns) continue;
            if (after is { } bound && position.CompareTo(bound) <= 0) continue;
            yield return entry;
        }
    }

    /// <summary>Every object, by kind.</summary>
    public IEnumerable<StoreEntry> All() =>
        _collections.OrderBy(c => c.Key.Group, StringComparer.Ordinal).ThenBy(c => c.Key.Plural, StringComparer.Ordinal).SelectMany(c => c.Value.Values);

    /// <summary>The state after one event.</summary>
    internal StoreState Apply(StoreEvent e)
    {
        var collection = _collections.GetValueOrDefault(e.Entry.Key.Collection, ImmutableSortedDictionary<StorePosition, StoreEntry>.Empty);
        var position = new StorePosition(e.Entry.Key.Namespace, e.Entry.Key.Name);
        var bytes = Bytes - (e.Previous is null ? 0 : LogFormat.SizeOf(e.Previous));
        if (e.Type == StoreEventType.Deleted)
            return new StoreState(e.Revision, bytes, _collections.SetItem(e.Entry.Key.Collection, collection.Remove(position)));
        return new StoreState(e.Revision, bytes + LogFormat.SizeOf(e.Entry), _collections.SetItem(e.Entry.Key.Collection, collection.SetItem(position, e.Entry)));
    }

    /// <summary>The state that a snapshot holds.</summary>
    internal static StoreState FromSnapshot(long revision, IReadOnlyCollection<StoreEntry> entries) =>
        new(revision, entries.Sum(e => (long)LogFormat.SizeOf(e)),
            entries.GroupBy(e => e.Key.Collection).ToImmutableDictionary(g => g.Key,
                g => g.ToImmutableSortedDictionary(e => new StorePosition(e.Key.Namespace, e.Key.Name), e => e)));

    /// <summary>What a write does to this state, as an event with the next revision; null for a delete of nothing.</summary>
    internal StoreEvent? Change(StoreWrite write)
    {
        var previous = Find(write.Key);
        var revision = Revision + 1;
        if (!write.IsDelete)
        {
            var entry = new StoreEntry(write.Key, write.Value, previous?.CreateRevision ?? revision, revision);
            return new StoreEvent(previous is null ? StoreEventType.Added : StoreEventType.Modified, revision, entry, previous);
        }
        return previous is null ? null : new StoreEvent(StoreEventType.Deleted, revision, previous, previous);
    }
}
