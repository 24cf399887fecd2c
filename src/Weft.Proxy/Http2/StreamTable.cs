namespace Weft.Proxy.Http2;

/// <summary>A connection's open streams by id: open addressing with linear probing over one array, so that looking one up touches one line of memory.
/// Ids of one side grow by two, so neighbours lie side by side and hardly ever collide.</summary>
internal sealed class StreamTable
{
    private Http2Stream?[] _slots = new Http2Stream?[8]; // a power of two, at most half full

    public int Count { get; private set; }

    public Http2Stream? Find(int id)
    {
        for (var i = Home(id); ; i = Next(i))
        {
            var stream = _slots[i];
            if (stream is null || stream.Id == id) return stream;
        }
    }

    /// <param name="stream">Its id is set and not in the table.</param>
    public void Add(Http2Stream stream)
    {
        if ((Count + 1) * 2 > _slots.Length) Grow();
        Put(stream);
        Count++;
    }

    public void Remove(Http2Stream stream)
    {
        var hole = Home(stream.Id);
        while (!ReferenceEquals(_slots[hole], stream)) hole = Next(hole);
        Count--;
        // Entries behind the hole that were pushed past it move back into it; marks for removed ones would slow every later search.
        for (var i = Next(hole); _slots[i] is { } other; i = Next(i))
        {
            var home = Home(other.Id);
            if (((i - home) & (_slots.Length - 1)) < ((i - hole) & (_slots.Length - 1))) continue;
            _slots[hole] = other;
            hole = i;
        }
        _slots[hole] = null;
    }

    /// <summary>Copies the open streams into <paramref name="into"/>: a caller that ends streams must not walk the table meanwhile.</summary>
    public void CopyTo(List<Http2Stream> into)
    {
        into.Clear();
        if (Count == 0) return;
        foreach (var stream in _slots)
        {
            if (stream is not null) into.Add(stream);
        }
    }

    private int Home(int id) => (id >> 1) & (_slots.Length - 1);

    private int Next(int slot) => (slot + 1) & (_slots.Length - 1);

    private void Put(Http2Stream stream)
    {
        var slot = Home(stream.Id);
        while (_slots[slot] is not null) slot = Next(slot);
        _slots[slot] = stream;
    }

    private void Grow()
    {
        var old = _slots;
        _slots = new Http2Stream?[old.Length * 2];
        foreach (var stream in old)
        {
            if (stream is not null) Put(stream);
        }
    }
}
