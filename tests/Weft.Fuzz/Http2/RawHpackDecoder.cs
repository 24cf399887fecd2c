using System.Text;

namespace Weft.Fuzz.Http2;

/// <summary>A plain and slow reading of RFC 7541, with no code in common with the product's.</summary>
public sealed class RawHpackDecoder
{
    private readonly List<(string Name, string Value)> _table = []; // the newest first
    private int _capacity = 4096;
    private bool _reductionOwed;
    private int _owed;

    /// <summary>SETTINGS_HEADER_TABLE_SIZE as we have announced it and the peer has acknowledged it. Default 4,096. A lowered value obliges the peer to say so at the start of its
    /// next block (section 4.2).</summary>
    public int Limit { get; private set; } = 4096;

    public void SetLimit(int limit)
    {
        if (limit < _capacity)
        {
            _owed = _reductionOwed ? Math.Min(_owed, limit) : limit;
            _reductionOwed = true;
        }
        Limit = limit;
    }

    public int TableBytes => _table.Sum(e => e.Name.Length + e.Value.Length + 32);

    /// <exception cref="FormatException">COMPRESSION_ERROR.</exception>
    public List<(string Name, string Value)> Decode(ReadOnlySpan<byte> block)
    {
        var fields = new List<(string, string)>();
        var at = 0;
        while (at < block.Length)
        {
            var first = block[at];
            if ((first & 0xe0) == 0x20)
            {
                if (fields.Count > 0) throw new FormatException("a table size update behind a field");
                var size = Integer(block, ref at, 5);
                if (size > Limit) throw new FormatException($"a table size of {size} over the limit of {Limit}");
                if (_reductionOwed && size <= _owed) _reductionOwed = false;
                _capacity = size;
                Evict(0);
                continue;
            }
            if (_reductionOwed) throw new FormatException($"the table was to shrink to {_owed} and no update says so");
            if ((first & 0x80) != 0)
            {
                fields.Add(Entry(Integer(block, ref at, 7)));
                continue;
            }
            var incremental = (first & 0xc0) == 0x40;
            var index = Integer(block, ref at, incremental ? 6 : 4);
            var field = (index == 0 ? String(block, ref at) : Entry(index).Name, String(block, ref at));
            if (incremental) Add(field);
            fields.Add(field);
        }
        if (_reductionOwed) throw new FormatException($"the table was to shrink to {_owed} and an empty block does not say so");
        return fields;
    }

    private (string Name, string Value) Entry(int index)
    {
        if (index == 0) throw new FormatException("index 0");
        if (index <= RawStaticTable.Entries.Length) return RawStaticTable.Entries[index - 1];
        index -= RawStaticTable.Entries.Length + 1;
        return index < _table.Count ? _table[index] : throw new FormatException("an index beyond the tables");
    }

    private void Add((string Name, string Value) field)
    {
        var size = field.Name.Length + field.Value.Length + 32;
        Evict(size);
        if (size <= _capacity) _table.Insert(0, field);
    }

    private void Evict(int room)
    {
        while (_table.Count > 0 && TableBytes + room > _capacity) _table.RemoveAt(_table.Count - 1);
    }

    private static int Integer(ReadOnlySpan<byte> block, ref int at, int prefix)
    {
        var most = (1 << prefix) - 1;
        long value = block[at++] & most;
        if (value < most) return (int)value;
        for (var shift = 0; ; shift += 7)
        {
            if (at == block.Length) throw new FormatException("an integer is cut off");
            if (shift > 28) throw new FormatException("an integer is too long");
            var octet = block[at++];
            value += (long)(octet & 127) << shift;
            if (value > int.MaxValue) throw new FormatException("an integer is too large");
            if ((octet & 128) == 0) return (int)value;
        }
    }

    private static string String(ReadOnlySpan<byte> block, ref int at)
    {
        if (at == block.Length) throw new FormatException("a string is missing");
        var huffman = (block[at] & 128) != 0;
        var length = Integer(block, ref at, 7);
        if (length > block.Length - at) throw new FormatException("a string is cut off");
        var octets = block.Slice(at, length);
        at += length;
        return Encoding.Latin1.GetString(huffman ? RawHuffman.Decode(octets) : octets.ToArray());
    }
}
