using System.Collections.Immutable;
using System.Net;
using System.Text;
using Weft.Routing.Matching;

namespace Weft.Routing.Names;

/// <summary>Names and their addresses as a configuration lists them (envoy.data.dns.v3.DnsTable). Immutable.</summary>
public sealed class DnsTable
{
    private readonly Dictionary<byte[], DnsTableEntry> _entries;
    private readonly Dictionary<byte[], DnsTableEntry>.AlternateLookup<ReadOnlySpan<byte>> _byName;

    /// <param name="entries">Names in lower case, without a dot at the end; <c>*.</c> before a name stands for everything beneath it.</param>
    public DnsTable(IEnumerable<KeyValuePair<string, DnsTableEntry>> entries)
    {
        _entries = new Dictionary<byte[], DnsTableEntry>(ByteComparer.Instance);
        foreach (var (name, entry) in entries) _entries[Encoding.ASCII.GetBytes(name)] = entry;
        _byName = _entries.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    public static DnsTable Empty { get; } = new([]);

    public int Count => _entries.Count;

    /// <summary>The entry of <paramref name="name"/>: its own before the longest <c>*.</c> above it. Null when there is none.</summary>
    /// <param name="name">Lower case, without a dot at the end, at most 253 bytes.</param>
    public DnsTableEntry? Find(ReadOnlySpan<byte> name)
    {
        if (_entries.Count == 0) return null;
        if (_byName.TryGetValue(name, out var own)) return own;
        Span<byte> wildcard = stackalloc byte[256];
        wildcard[0] = (byte)'*';
        for (var dot = name.IndexOf((byte)'.'); dot >= 0; dot = name.IndexOf((byte)'.'))
        {
            name[dot..].CopyTo(wildcard[1..]);
            if (_byName.TryGetValue(wildcard[..(1 + name.Length - dot)], out var covering)) return covering;
            name = name[(dot + 1)..];
        }
        return null;
    }
}

/// <param name="Addresses">In the order in which they are told.</param>
/// <param name="Ttl">How long clients may keep them.</param>
public sealed record DnsTableEntry(ImmutableArray<IPAddress> Addresses, TimeSpan Ttl);
