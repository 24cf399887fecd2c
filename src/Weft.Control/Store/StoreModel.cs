namespace Weft.Control.Store;

/// <summary>Where an object lives. Versions of one kind share a key: an object written as v1 is the same object read as v1beta1.</summary>
/// <param name="Group">API group; empty for the core group.</param>
/// <param name="Plural">Plural resource name, lower case: <c>services</c>.</param>
/// <param name="Namespace">Namespace; empty for a cluster-scoped object.</param>
/// <param name="Name">Object name.</param>
public readonly record struct StoreKey(string Group, string Plural, string Namespace, string Name)
{
    /// <summary>The collection that holds this key.</summary>
    public StoreCollection Collection => new(Group, Plural);

    public override string ToString() =>
        (Group.Length == 0 ? Plural : $"{Plural}.{Group}") + (Namespace.Length == 0 ? $" \"{Name}\"" : $" \"{Namespace}/{Name}\"");
}

/// <summary>All objects of one kind.</summary>
public readonly record struct StoreCollection(string Group, string Plural);

/// <summary>Position inside a collection: by namespace, then by name, ordinal. The order of lists and of continue tokens.</summary>
public readonly record struct StorePosition(string Namespace, string Name) : IComparable<StorePosition>
{
    public int CompareTo(StorePosition other)
    {
        var byNamespace = string.CompareOrdinal(Namespace, other.Namespace);
        return byNamespace != 0 ? byNamespace : string.CompareOrdinal(Name, other.Name);
    }
}

/// <summary>One object as it is stored. Immutable.</summary>
/// <param name="Value">UTF-8 JSON without <c>metadata.resourceVersion</c>: <paramref name="ModRevision"/> is the resourceVersion.</param>
/// <param name="CreateRevision">Revision of the write that created it.</param>
/// <param name="ModRevision">Revision of the write that last changed it.</param>
public sealed record StoreEntry(StoreKey Key, ReadOnlyMemory<byte> Value, long CreateRevision, long ModRevision);

/// <summary>One wanted change.</summary>
public readonly record struct StoreWrite
{
    private StoreWrite(StoreKey key, bool isDelete, ReadOnlyMemory<byte> value, long? expected)
    {
        Key = key;
        IsDelete = isDelete;
        Value = value;
        Expected = expected;
    }

    public StoreKey Key { get; }

    public bool IsDelete { get; }

    /// <summary>The new value; empty for a delete. Not a nullable: a null byte array converts to an empty, present memory without a word.</summary>
    public ReadOnlyMemory<byte> Value { get; }

    /// <summary>Revision that the object must have now; 0 = it must not exist; null = whatever it is.</summary>
    public long? Expected { get; }

    public static StoreWrite Put(StoreKey key, ReadOnlyMemory<byte> value, long? expected = null) => new(key, isDelete: false, value, expected);

    /// <summary>Deleting what does not exist changes nothing and is no error, unless a revision is expected.</summary>
    public static StoreWrite Delete(StoreKey key, long? expected = null) => new(key, isDelete: true, default, expected);
}

/// <summary>Changes that happen together or not at all.</summary>
/// <param name="Requires">Keys that must exist when the transaction is applied (a namespace).</param>
public sealed record StoreTransaction(IReadOnlyList<StoreWrite> Writes, IReadOnlyList<StoreKey> Requires)
{
    public StoreTransaction(params StoreWrite[] writes) : this(writes, []) { }
}

/// <summary>Why a transaction was not applied: the first condition that did not hold.</summary>
/// <param name="Actual">The object as it is, or null when there is none.</param>
public sealed record StoreConflict(StoreKey Key, long? Expected, StoreEntry? Actual);

/// <summary>The answer to a transaction. It exists only after the transaction is on disk (or was refused).</summary>
/// <param name="Revision">The store's revision after this transaction, or at its refusal.</param>
/// <param name="Entries">One per write: the new entry, or for a delete the entry that was removed (null where nothing was).</param>
public sealed record CommitResult(long Revision, IReadOnlyList<StoreEntry?> Entries, StoreConflict? Conflict)
{
    public bool Accepted => Conflict is null;
}

public enum StoreEventType { Added, Modified, Deleted }

/// <summary>One change in the order of revisions. Every write has a revision of its own, so a watch may resume after any event.</summary>
/// <param name="Entry">The new entry; for a delete the last one.</param>
/// <param name="Previous">What was there before, if anything.</param>
public sealed record StoreEvent(StoreEventType Type, long Revision, StoreEntry Entry, StoreEntry? Previous);
