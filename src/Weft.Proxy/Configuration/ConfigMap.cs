using System.Text;

namespace Weft.Proxy.Configuration;

/// <summary>
/// An immutable map from name to resource, made for lookups by requests and for small changes: a change copies one bucket and the table of
/// buckets, everything else is shared with the version before. Names are found by their UTF-8 bytes too, so that a request looks up what it
/// carries without making a string.
/// </summary>
/// <remarks>A dictionary copied per change would be garbage in proportion to the mesh; a tree would be slower to read, and reading is what requests do.</remarks>
internal sealed class ConfigMap<T> where T : class
{
    private const int EntriesPerBucket = 4;

    private readonly record struct Entry(string Name, byte[] Utf8, T Value);

    private readonly Entry[]?[] _buckets;

    private ConfigMap(Entry[]?[] buckets, int count)
    {
        _buckets = buckets;
        Count = count;
    }

    public static ConfigMap<T> Empty { get; } = new(new Entry[]?[8], 0);

    public int Count { get; }

    public IEnumerable<KeyValuePair<string, T>> Items
    {
        get
        {
            foreach (var bucket in _buckets)
            {
                foreach (var entry in bucket ?? []) yield return new(entry.Name, entry.Value);
            }
        }
    }

    public T? Find(string name)
    {
        if (Count == 0) return null;
        Span<byte> utf8 = stackalloc byte[512];
        return Encoding.UTF8.TryGetBytes(name, utf8, out var length) ? Find(utf8[..length]) : Find(Encoding.UTF8.GetBytes(name));
    }

    public T? Find(ReadOnlySpan<byte> name)
    {
        foreach (ref readonly var entry in _buckets[Slot(name, _buckets.Length)].AsSpan())
        {
            if (entry.Utf8.AsSpan().SequenceEqual(name)) return entry.Value;
        }
        return null;
    }

    /// <summary>The map with <paramref name="name"/> set to <paramref name="value"/>; null removes it. This map when nothing changes.</summary>
    public ConfigMap<T> With(string name, T? value)
    {
        var utf8 = Encoding.UTF8.GetBytes(name);
        var old = Find(utf8);
        if (ReferenceEquals(old, value)) return this;
        var count = Count + (old is null ? 1 : 0) - (value is null ? 1 : 0);
        var buckets = count > _buckets.Length * EntriesPerBucket ? Spread(_buckets.Length * 4) : (Entry[]?[])_buckets.Clone();
        ref var bucket = ref buckets[Slot(utf8, buckets.Length)];
        var others = (bucket ?? []).Where(e => !e.Utf8.AsSpan().SequenceEqual(utf8));
        Entry[] next = [.. value is null ? others : others.Append(new Entry(name, utf8, value))];
        bucket = next.Length == 0 ? null : next;
        return new ConfigMap<T>(buckets, count);
    }

    private Entry[]?[] Spread(int size)
    {
        var buckets = new Entry[]?[size];
        foreach (var group in _buckets.SelectMany(b => b ?? []).GroupBy(e => Slot(e.Utf8, size))) buckets[group.Key] = [.. group];
        return buckets;
    }

    /// <summary>FNV-1a. Names come from the control plane, not from clients: nobody gains by making them collide.</summary>
    private static int Slot(ReadOnlySpan<byte> name, int size)
    {
        var hash = 2166136261u;
        foreach (var b in name) hash = (hash ^ b) * 16777619u;
        return (int)((hash ^ (hash >> 15)) & (uint)(size - 1));
    }
}
