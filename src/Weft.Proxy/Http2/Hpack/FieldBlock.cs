using System.Numerics;
using Weft.Proxy.Http1;
using Weft.Routing.Requests;

namespace Weft.Proxy.Http2.Hpack;

/// <summary>
/// The fields of one decoded block in order, pseudo fields included: offsets into one array that grows by doubling and is used again.
/// Names are as the peer wrote them; whoever reads a message checks names and values (RFC 9113 section 8.2).
/// </summary>
internal sealed class FieldBlock
{
    /// <summary>An array that one large head made larger than this is let go by <see cref="Clear"/> instead of staying with its stream.</summary>
    private const int MostBytesKept = 16 << 10;

    private const int FirstBytes = 512;

    private readonly FieldList _fields = new();
    private byte[] _bytes = [];
    private int _length;

    /// <summary>What the offsets of <see cref="Fields"/> point into: names and values, one behind the other, and nothing between.</summary>
    public ReadOnlySpan<byte> Buffer => _bytes.AsSpan(0, _length);

    /// <summary>The same bytes, for changing the case of names in place.</summary>
    public Span<byte> WritableBuffer => _bytes.AsSpan(0, _length);

    public ReadOnlySpan<HeaderField> Fields => _fields.Span;

    public ReadOnlySpan<byte> Name(in HeaderField field) => _bytes.AsSpan(field.NameStart, field.NameLength);

    public ReadOnlySpan<byte> Value(in HeaderField field) => _bytes.AsSpan(field.ValueStart, field.ValueLength);

    /// <summary>Forgets all fields; spans taken before are worth nothing.</summary>
    public void Clear()
    {
        _fields.Clear();
        _length = 0;
        if (_bytes.Length > MostBytesKept) _bytes = [];
    }

    /// <summary>The list itself, for marking what <c>Connection</c> names or dropping fields.</summary>
    public FieldList FieldList => _fields;

    /// <summary>Copies a field in; its identity is worked out from its name.</summary>
    public void Add(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        name.CopyTo(Reserve(name.Length));
        Commit(name.Length);
        value.CopyTo(Reserve(value.Length));
        Commit(value.Length);
        AddCommitted(name.Length, value.Length, Recognize(name), neverIndexed: false);
    }

    /// <summary>Copies a field in whose name and value stand side by side, as both tables keep them.</summary>
    internal void Add(ReadOnlySpan<byte> pair, int nameLength, KnownHeader known)
    {
        pair.CopyTo(Reserve(pair.Length));
        Commit(pair.Length);
        AddCommitted(nameLength, pair.Length - nameLength, known, neverIndexed: false);
    }

    /// <summary>Room for <paramref name="count"/> bytes behind what was committed.</summary>
    internal Span<byte> Reserve(int count)
    {
        if (_bytes.Length - _length < count) Grow(count);
        return _bytes.AsSpan(_length);
    }

    internal void Commit(int count) => _length += count;

    /// <summary>Makes a field of the last <paramref name="nameLength"/> + <paramref name="valueLength"/> committed bytes.</summary>
    internal void AddCommitted(int nameLength, int valueLength, KnownHeader known, bool neverIndexed)
    {
        var start = _length - nameLength - valueLength;
        _fields.Add(new HeaderField(start, nameLength, start + nameLength, valueLength, known, KnownHeaders.EndsAtThisHop(known), neverIndexed));
    }

    /// <summary>Takes back the last <paramref name="count"/> committed bytes.</summary>
    internal void Uncommit(int count) => _length -= count;

    internal ReadOnlySpan<byte> LastCommitted(int count) => _bytes.AsSpan(_length - count, count);

    /// <summary>HPACK can carry an empty name; a message with one is malformed, which is not decided here.</summary>
    internal static KnownHeader Recognize(ReadOnlySpan<byte> name) => name.IsEmpty ? KnownHeader.Other : KnownHeaders.Recognize(name);

    private void Grow(int count)
    {
        var needed = Math.Max(FirstBytes, _length + count);
        Array.Resize(ref _bytes, (int)BitOperations.RoundUpToPowerOf2((uint)needed));
    }
}
