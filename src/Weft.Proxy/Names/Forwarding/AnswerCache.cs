using System.Diagnostics.CodeAnalysis;
using Weft.Proxy.Names.Dns;
using Weft.Routing.Matching;
using Weft.Routing.Names;

namespace Weft.Proxy.Names.Forwarding;

/// <summary>
/// Answers of other resolvers, each for exactly the question that it was given to (<see cref="QuestionKey"/>), until their time is over. Bounded in entries and in bytes; what was
/// used longest ago goes first. Belongs to one worker.
/// </summary>
/// <remarks>
/// Keeping answers by question and not records by name is what makes this safe to put behind a stub: a record that an answer brings along can never answer another question. "No such
/// name" is kept by type as well, though RFC 2308 section 5 and RFC 8020 would let it stand for every type and for all names beneath: behind many machines' first resolver
/// (dnsmasq, Docker's, a company's) names exist beneath names that do not, and for A though not for AAAA (RFC 4074 section 4.2).
/// </remarks>
internal sealed class AnswerCache(DnsCacheLimits limits)
{
    /// <summary>What an entry takes beside its key and records: the node, the table's slot, the arrays' heads.</summary>
    private const int Overhead = 240;

    private readonly Dictionary<byte[], Entry> _entries = new(ByteComparer.Instance);
    private Entry? _newest, _oldest;

    private sealed class Entry(byte[] key, DnsAnswer answer, long since, long until)
    {
        public byte[] Key { get; } = key;
        public DnsAnswer Answer { get; } = answer;
        public long SinceMs { get; } = since;
        public long UntilMs { get; } = until;
        public Entry? Newer, Older;

        public int Bytes => Overhead + Key.Length + Answer.Length + (sizeof(ushort) * (Answer.Answers + Answer.Authorities)); // the places of its times to live
    }

    public int Count => _entries.Count;

    /// <summary>Bytes that the entries take.</summary>
    public long Bytes { get; private set; }

    /// <summary>Looks an answer up; nothing is allocated.</summary>
    /// <param name="ageSeconds">Since it came, less than its lifetime.</param>
    public bool TryFind(ReadOnlySpan<byte> key, long nowMs, [NotNullWhen(true)] out DnsAnswer? answer, out uint ageSeconds)
    {
        (answer, ageSeconds) = (null, 0);
        if (!_entries.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out var entry)) return false;
        if (nowMs >= entry.UntilMs)
        {
            Remove(entry);
            return false;
        }
        Unlink(entry);
        LinkNewest(entry);
        (answer, ageSeconds) = (entry.Answer, (uint)((nowMs - entry.SinceMs) / 1000));
        return true;
    }

    /// <summary>Keeps <paramref name="answer"/> for as long as it holds. One that holds for no time, or that alone is larger than the limit, is not kept.</summary>
    public void Add(ReadOnlySpan<byte> key, DnsAnswer answer, long nowMs)
    {
        if (_entries.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out var old)) Remove(old);
        if (answer.LifetimeSeconds == 0 || limits.MaxEntries == 0) return;
        var entry = new Entry(key.ToArray(), answer, nowMs, nowMs + (answer.LifetimeSeconds * 1000L));
        if (entry.Bytes > limits.MaxBytes) return;
        _entries.Add(entry.Key, entry);
        Bytes += entry.Bytes;
        LinkNewest(entry);
        while (_entries.Count > limits.MaxEntries || Bytes > limits.MaxBytes) Remove(_oldest!);
    }

    private void Remove(Entry entry)
    {
        _entries.Remove(entry.Key);
        Bytes -= entry.Bytes;
        Unlink(entry);
    }

    private void LinkNewest(Entry entry)
    {
        (entry.Older, entry.Newer) = (_newest, null);
        if (_newest is not null) _newest.Newer = entry;
        _newest = entry;
        _oldest ??= entry;
    }

    private void Unlink(Entry entry)
    {
        if (entry.Newer is not null) entry.Newer.Older = entry.Older;
        else _newest = entry.Older;
        if (entry.Older is not null) entry.Older.Newer = entry.Newer;
        else _oldest = entry.Newer;
        entry.Newer = entry.Older = null;
    }
}
