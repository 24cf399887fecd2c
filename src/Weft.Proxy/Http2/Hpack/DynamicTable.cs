using System.Numerics;
using Weft.Routing.Requests;

namespace Weft.Proxy.Http2.Hpack;

/// <summary>
/// The fields that this connection has learnt, first in, first out (RFC 7541 section 2.3.2). The bytes of all entries stand side by side in one
/// array, a window that slides towards its end and is moved back when it gets there. Both arrays grow with what the table holds; a warm table
/// allocates nothing.
/// </summary>
internal sealed class DynamicTable
{
    /// <summary>The size that both sides start with (RFC 9113 section 6.5.2).</summary>
    public const int InitialMaxBytes = 4096;

    /// <summary>What an entry counts beside its name and value (RFC 7541 section 4.1).</summary>
    public const int EntryOverhead = 32;

    private Entry[] _entries = [];
    private byte[] _bytes = [];
    private int _start;
    private int _end;

    /// <summary>Where <c>_bytes[0]</c> stands in the stream of all bytes ever added. Entries remember their place in that stream, so moving the
    /// window changes this and no entry. It may wrap: only differences are used.</summary>
    private uint _origin;

    /// <summary>Limit on <see cref="Size"/>, in bytes.</summary>
    public int MaxBytes { get; private set; } = InitialMaxBytes;

    /// <summary>Names, values and 32 bytes per entry (RFC 7541 section 4.1).</summary>
    public int Size { get; private set; }

    public int Count { get; private set; }

    /// <summary>Number of the youngest entry; entries are numbered from 1 as they come. It may wrap: only differences are used.</summary>
    public uint Newest { get; private set; }

    /// <summary>Places for entries, a power of two or 0; the entry of number n is at n modulo this.</summary>
    public int Capacity => _entries.Length;

    public bool Contains(uint number) => Newest - number < (uint)Count;

    /// <summary>Sets the limit and drops what no longer fits (RFC 7541 section 4.3).</summary>
    public void SetMaxBytes(int maxBytes)
    {
        MaxBytes = maxBytes;
        EvictTo(maxBytes);
    }

    /// <summary>Name and value side by side, of the entry of this number.</summary>
    public ReadOnlySpan<byte> Pair(uint number, out int nameLength, out KnownHeader known)
    {
        ref readonly var entry = ref _entries[number & (uint)(_entries.Length - 1)];
        nameLength = entry.NameLength;
        known = entry.Known;
        return _bytes.AsSpan((int)(entry.Position - _origin), entry.Length);
    }

    /// <summary>Makes room and adds; false, with the table empty, when the entry alone is larger than the table (RFC 7541 section 4.4).</summary>
    /// <param name="name">In memory of its own: the entry that it was read from may have to go.</param>
    /// <param name="value">Likewise.</param>
    /// <param name="known">The name's identity.</param>
    public bool TryAdd(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, KnownHeader known)
    {
        var length = name.Length + value.Length;
        if (length > MaxBytes - EntryOverhead)
        {
            EvictTo(0);
            return false;
        }
        EvictTo(MaxBytes - EntryOverhead - length);
        MakeRoom(length);
        name.CopyTo(_bytes.AsSpan(_end));
        value.CopyTo(_bytes.AsSpan(_end + name.Length));
        Newest++;
        Count++;
        Size += length + EntryOverhead;
        _entries[Newest & (uint)(_entries.Length - 1)] = new Entry(_origin + (uint)_end, name.Length, length, known);
        _end += length;
        return true;
    }

    /// <summary>The youngest entry's name, to be written over in place.</summary>
    public Span<byte> NewestName()
    {
        ref readonly var entry = ref _entries[Newest & (uint)(_entries.Length - 1)];
        return _bytes.AsSpan((int)(entry.Position - _origin), entry.NameLength);
    }

    private void EvictTo(int size)
    {
        while (Size > size)
        {
            var length = _entries[(Newest - (uint)Count + 1) & (uint)(_entries.Length - 1)].Length;
            _start += length;
            Size -= length + EntryOverhead;
            Count--;
        }
        if (Count > 0) return;
        _origin += (uint)_end;
        _start = _end = 0;
    }

    private void MakeRoom(int length)
    {
        if (Count == _entries.Length) GrowEntries();
        if (_bytes.Length - _end >= length) return;
        // Twice what lives, so that at least as much is added between two moves as each of them copies.
        var live = _end - _start;
        var needed = Math.Max(256, (int)BitOperations.RoundUpToPowerOf2((uint)(2 * (live + length))));
        var target = needed > _bytes.Length ? GC.AllocateUninitializedArray<byte>(needed) : _bytes;
        _bytes.AsSpan(_start, live).CopyTo(target);
        _bytes = target;
        _origin += (uint)_start;
        _start = 0;
        _end = live;
    }

    private void GrowEntries()
    {
        var larger = new Entry[Math.Max(16, _entries.Length * 2)];
        for (var age = 0u; age < Count; age++)
        {
            var number = Newest - age;
            larger[number & (uint)(larger.Length - 1)] = _entries[number & (uint)(_entries.Length - 1)];
        }
        _entries = larger;
    }

    /// <param name="Position">Where the name begins in the stream of all bytes ever added.</param>
    /// <param name="NameLength">Length of the name in bytes.</param>
    /// <param name="Length">Length of name and value.</param>
    /// <param name="Known">The name's identity.</param>
    private readonly record struct Entry(uint Position, int NameLength, int Length, KnownHeader Known);
}
