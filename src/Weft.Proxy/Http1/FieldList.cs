using Weft.Routing.Requests;

namespace Weft.Proxy.Http1;

/// <summary>Fields in the order received. The array grows to what its messages need, at most the limit on fields, and is kept.</summary>
internal sealed class FieldList
{
    private HeaderField[] _fields = new HeaderField[16];

    public int Count { get; private set; }

    public ReadOnlySpan<HeaderField> Span => _fields.AsSpan(0, Count);

    public void Clear() => Count = 0;

    public void Add(in HeaderField field)
    {
        if (Count == _fields.Length) Array.Resize(ref _fields, Count * 2);
        _fields[Count++] = field;
    }

    /// <summary>Marks a field that <c>Connection</c> names as ending at this hop.</summary>
    public void EndAtThisHop(int index) => _fields[index] = _fields[index] with { HopByHop = true };

    /// <summary>Keeps the fields that <paramref name="keep"/> wants; the number of dropped ones.</summary>
    public int Retain(ReadOnlySpan<byte> buffer, Func<ReadOnlySpan<byte>, HeaderField, bool> keep)
    {
        var kept = 0;
        for (var i = 0; i < Count; i++)
        {
            if (keep(buffer.Slice(_fields[i].NameStart, _fields[i].NameLength), _fields[i])) _fields[kept++] = _fields[i];
        }
        var dropped = Count - kept;
        Count = kept;
        return dropped;
    }
}
