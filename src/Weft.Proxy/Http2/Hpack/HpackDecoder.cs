using Weft.Routing.Requests;

namespace Weft.Proxy.Http2.Hpack;

/// <summary>
/// Reads one connection's field blocks (RFC 7541), in the order in which they came. Takes whole blocks, CONTINUATION already joined; whoever
/// joins them bounds their length.
/// </summary>
/// <param name="limits">What one block may come to.</param>
internal sealed class HpackDecoder(HpackLimits limits)
{
    private readonly DynamicTable _table = new();
    private int _allowedBytes = DynamicTable.InitialMaxBytes;

    /// <summary>The peer owes a size update to at most this many bytes; <see cref="int.MaxValue"/> when it owes none.</summary>
    private int _owedBytes = int.MaxValue;

    private int _listBytes;
    private bool _tooLarge;
    private long _literalBytes; // copied for the block at hand

    /// <summary>Twice the list, and as much as a block may be longer than it: an honest sender of too many fields still gets its 431.</summary>
    private long MaxLiteralBytes => (2L * limits.MaxListBytes) + (128 << 10);

    /// <summary>Why the last block was an <see cref="HpackStatus.Error"/>: one clause, a constant.</summary>
    public string Reason { get; private set; } = "";

    /// <summary>Size of the dynamic table as RFC 7541 section 4.1 counts it, in bytes.</summary>
    public int TableBytes => _table.Size;

    /// <summary>
    /// The peer has acknowledged our SETTINGS_HEADER_TABLE_SIZE. When that is less than its table may hold now, its next block must begin with
    /// a size update, or it is an error (RFC 9113 section 4.3.1); also when the size was raised again in between (RFC 7541 section 4.2).
    /// </summary>
    /// <param name="bytes">0 or more. 4,096 before the first call.</param>
    public void SetMaxTableBytes(int bytes)
    {
        _allowedBytes = bytes;
        if (bytes < _table.MaxBytes) _owedBytes = Math.Min(_owedBytes, bytes);
    }

    /// <summary>Decodes <paramref name="block"/>.</summary>
    /// <param name="block">A complete field block.</param>
    /// <param name="into">Cleared; receives the fields when the status is Ok, else stays empty.</param>
    public HpackStatus Decode(ReadOnlySpan<byte> block, FieldBlock into)
    {
        into.Clear();
        _listBytes = 0;
        _tooLarge = false;
        _literalBytes = 0;
        var position = 0;
        if (!ReadSizeUpdates(block, ref position) || !ReadFields(block, position, into))
        {
            into.Clear();
            return HpackStatus.Error;
        }
        if (!_tooLarge) return HpackStatus.Ok;
        into.Clear();
        return HpackStatus.TooLarge;
    }

    /// <summary>RFC 7541 section 4.2: at the beginning of a block and nowhere else.</summary>
    private bool ReadSizeUpdates(ReadOnlySpan<byte> block, ref int position)
    {
        while (position < block.Length && (block[position] & 0xe0) == 0x20)
        {
            if (!HpackInteger.TryRead(block, ref position, 0x1f, out var bytes)) return Fail("a table size is malformed");
            if (bytes > _allowedBytes) return Fail("a table size update passes SETTINGS_HEADER_TABLE_SIZE");
            _table.SetMaxBytes(bytes);
            if (bytes <= _owedBytes) _owedBytes = int.MaxValue;
        }
        return _owedBytes == int.MaxValue || Fail("a table size update is owed since SETTINGS_HEADER_TABLE_SIZE was reduced");
    }

    private bool ReadFields(ReadOnlySpan<byte> block, int position, FieldBlock into)
    {
        while (position < block.Length)
        {
            var first = block[position];
            bool read;
            if (first >= 0x80) read = ReadIndexed(block, ref position, into);
            else if (first >= 0x40) read = ReadLiteral(block, ref position, 0x3f, enters: true, neverIndexed: false, into);
            else if (first >= 0x20) return Fail("a table size update follows a field");
            else read = ReadLiteral(block, ref position, 0x0f, enters: false, neverIndexed: first >= 0x10, into);
            if (!read) return false;
        }
        return true;
    }

    private bool ReadIndexed(ReadOnlySpan<byte> block, ref int position, FieldBlock into)
    {
        if (!HpackInteger.TryRead(block, ref position, 0x7f, out var index)) return Fail("an index is malformed");
        if (!TryPair(index, out var pair, out var nameLength, out var known)) return false;
        if (Counts(pair.Length, into)) into.Add(pair, nameLength, known);
        return true;
    }

    private bool ReadLiteral(ReadOnlySpan<byte> block, ref int position, int prefixMask, bool enters, bool neverIndexed, FieldBlock into)
    {
        if (!HpackInteger.TryRead(block, ref position, prefixMask, out var index)) return Fail("an index is malformed");
        int nameLength;
        KnownHeader known;
        if (index != 0)
        {
            if (!TryPair(index, out var pair, out nameLength, out known)) return false;
            pair[..nameLength].CopyTo(into.Reserve(nameLength));
            into.Commit(nameLength);
        }
        else
        {
            nameLength = ReadString(block, ref position, into);
            if (nameLength < 0) return false;
            known = FieldBlock.Recognize(into.LastCommitted(nameLength));
        }
        var valueLength = ReadString(block, ref position, into);
        if (valueLength < 0) return false;
        var length = nameLength + valueLength;
        // Two bytes can ask for the copy of an entry's long name, a thousand times a frame: what is over every limit already does not go on for ever.
        if ((_literalBytes += length) > MaxLiteralBytes) return Fail("the fields of a block come to more than twice SETTINGS_MAX_HEADER_LIST_SIZE");
        if (enters)
        {
            // From the block, not from the table: the entry that gave the name may be the one that has to go (RFC 7541 section 4.4).
            var field = into.LastCommitted(length);
            _table.TryAdd(field[..nameLength], field[nameLength..], known);
        }
        if (Counts(length, into)) into.AddCommitted(nameLength, valueLength, known, neverIndexed);
        else into.Uncommit(length);
        return true;
    }

    /// <summary>Reads a string literal (RFC 7541 section 5.2) to the end of <paramref name="into"/>; its length, or -1.</summary>
    private int ReadString(ReadOnlySpan<byte> block, scoped ref int position, FieldBlock into)
    {
        if (position == block.Length)
        {
            Fail("a block ends within a field");
            return -1;
        }
        var huffman = block[position] >= 0x80;
        if (!HpackInteger.TryRead(block, ref position, 0x7f, out var codedLength) || codedLength > block.Length - position)
        {
            Fail("a string passes the end of its block");
            return -1;
        }
        var coded = block.Slice(position, codedLength);
        position += codedLength;
        var length = codedLength;
        if (huffman)
        {
            length = HuffmanDecoder.Decode(coded, into.Reserve(HuffmanDecoder.MaxDecodedLength(codedLength)));
            if (length < 0)
            {
                Fail("a string's Huffman code is malformed");
                return -1;
            }
        }
        else
        {
            coded.CopyTo(into.Reserve(codedLength));
        }
        into.Commit(length);
        return length;
    }

    private bool TryPair(int index, out ReadOnlySpan<byte> pair, out int nameLength, out KnownHeader known)
    {
        var inDynamic = index - StaticTable.Count;
        if (index == 0 || inDynamic > _table.Count)
        {
            pair = default;
            nameLength = 0;
            known = KnownHeader.Other;
            return Fail("an index points at no entry");
        }
        pair = inDynamic > 0
            ? _table.Pair(_table.Newest - (uint)(inDynamic - 1), out nameLength, out known)
            : StaticTable.Pair(index, out nameLength, out known);
        return true;
    }

    /// <summary>Whether a field of this length is still within the limits.</summary>
    private bool Counts(int length, FieldBlock into)
    {
        if (_tooLarge) return false;
        _listBytes += length + DynamicTable.EntryOverhead;
        _tooLarge = _listBytes > limits.MaxListBytes || into.Fields.Length == limits.MaxFields;
        return !_tooLarge;
    }

    private bool Fail(string reason)
    {
        Reason = reason;
        return false;
    }
}
