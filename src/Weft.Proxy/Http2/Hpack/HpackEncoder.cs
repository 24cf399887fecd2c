using System.Text;
using Weft.Routing.Requests;

namespace Weft.Proxy.Http2.Hpack;

/// <summary>
/// Writes one connection's field blocks (RFC 7541), field by field. What was encoded has changed the tables: it must reach the peer, in order
/// and to the last field, or the connection must end. So give room for a field before encoding it, and never encode a head twice.
/// </summary>
/// <remarks>A literal that enters the table is Huffman-coded when that makes it shorter, for that is paid once. One that is sent once is
/// sent as it is: coding it saves a quarter of its bytes and costs both ends more than the bytes do.</remarks>
internal sealed class HpackEncoder
{
    /// <summary>How many different fields are remembered as sent once. A power of two.</summary>
    private const int SeenSlots = 128;

    private readonly int _mostTableBytes;
    private readonly DynamicTable _table = new();
    private readonly EncoderIndex _index;

    /// <summary>Hashes of fields sent once; a field takes the place of another when their hashes fall together.</summary>
    private uint[] _seenOnce = [];

    /// <summary>Sizes that the peer must be told of at the start of the next block: the smallest since the last one, and the last; -1 for none.</summary>
    private int _smallestUpdate = -1;

    private int _announcedBytes = DynamicTable.InitialMaxBytes;

    /// <param name="mostTableBytes">What the table may take however much the peer offers, in bytes. Default 4,096.</param>
    public HpackEncoder(int mostTableBytes = DynamicTable.InitialMaxBytes)
    {
        _mostTableBytes = mostTableBytes;
        _index = new EncoderIndex(_table);
        if (mostTableBytes < DynamicTable.InitialMaxBytes) Resize(mostTableBytes);
    }

    /// <summary>Room that <see cref="Encode"/> asks for.</summary>
    public static int MaxEncodedLength(int nameLength, int valueLength) => nameLength + valueLength + (5 * HpackInteger.MaxBytes);

    /// <summary>The peer's SETTINGS_HEADER_TABLE_SIZE, applied between two blocks. The next block begins with the size updates that
    /// RFC 7541 section 4.2 asks for: the smallest size since the last block, and the last.</summary>
    /// <param name="bytes">As received; capped by this encoder's own limit.</param>
    public void SetPeerTableBytes(uint bytes) => Resize((int)Math.Min(bytes, (uint)_mostTableBytes));

    /// <summary>Encodes the next field of the block; the bytes written.</summary>
    /// <param name="name">In any case; sent in lower case (RFC 9113 section 8.2.1).</param>
    /// <param name="value">Octets, checked by the caller.</param>
    /// <param name="policy">Never for a field that was received so.</param>
    /// <param name="destination">At least <see cref="MaxEncodedLength"/> bytes.</param>
    public int Encode(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, IndexingPolicy policy, Span<byte> destination)
    {
        if (destination.Length < MaxEncodedLength(name.Length, value.Length))
            throw new ArgumentException("the destination is shorter than MaxEncodedLength", nameof(destination));
        var written = _smallestUpdate < 0 ? 0 : WriteSizeUpdates(destination);
        destination = destination[written..];
        var nameHash = FieldHash.OfName(name);
        var staticName = StaticTable.FindName(nameHash, name);
        if (policy == IndexingPolicy.ByName) policy = IndexingPolicies.Of(staticName, name, value);
        switch (policy)
        {
            case IndexingPolicy.Whole:
                return written + EncodeWhole(name, value, nameHash, staticName, destination);
            case IndexingPolicy.NameOnly:
                var known = NameIndex(nameHash, staticName, name);
                return written + (known == 0 && Fits(name, value)
                    ? EncodeEntering(name, value, nameHash, FieldHash.OfField(nameHash, value), 0, destination)
                    : EncodeLiteral(name, value, known, 0x0f, 0x00, destination));
            default:
                return written + EncodeLiteral(name, value, NameIndex(nameHash, staticName, name), 0x0f, 0x10, destination);
        }
    }

    private int EncodeWhole(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, uint nameHash, int staticName, Span<byte> destination)
    {
        if (staticName != 0 && value.Length != 0)
        {
            var index = StaticTable.FindValue(staticName, value);
            if (index != 0) return HpackInteger.Write(index, 0x7f, 0x80, destination);
        }
        var fieldHash = FieldHash.OfField(nameHash, value);
        var number = _index.FindField(fieldHash, name, value);
        if (number != 0) return HpackInteger.Write(IndexOf(number), 0x7f, 0x80, destination);
        var nameIndex = NameIndex(nameHash, staticName, name);
        return WasSeen(fieldHash) && Fits(name, value)
            ? EncodeEntering(name, value, nameHash, fieldHash, nameIndex, destination)
            : EncodeLiteral(name, value, nameIndex, 0x0f, 0x00, destination);
    }

    private int EncodeEntering(
        ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, uint nameHash, uint fieldHash, int nameIndex, Span<byte> destination)
    {
        var written = HpackInteger.Write(nameIndex, 0x3f, 0x40, destination);
        _table.TryAdd(name, value, KnownHeader.Other);
        var lowerName = _table.NewestName();
        Ascii.ToLowerInPlace(lowerName, out _);
        _index.AddNewest(nameHash, fieldHash);
        if (nameIndex == 0) written += WriteShortest(lowerName, destination[written..]);
        return written + WriteShortest(value, destination[written..]);
    }

    private static int EncodeLiteral(
        ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, int nameIndex, int prefixMask, int pattern, Span<byte> destination)
    {
        var written = HpackInteger.Write(nameIndex, prefixMask, pattern, destination);
        if (nameIndex == 0)
        {
            var length = WriteRaw(name, destination[written..]);
            Ascii.ToLowerInPlace(destination.Slice(written + length - name.Length, name.Length), out _);
            written += length;
        }
        return written + WriteRaw(value, destination[written..]);
    }

    private int NameIndex(uint nameHash, int staticName, ReadOnlySpan<byte> name)
    {
        if (staticName != 0) return staticName;
        var number = _index.FindName(nameHash, name);
        return number == 0 ? 0 : IndexOf(number);
    }

    private int IndexOf(uint number) => StaticTable.Count + 1 + (int)(_table.Newest - number);

    /// <summary>Whether the field was sent before; remembers it when not.</summary>
    private bool WasSeen(uint fieldHash)
    {
        if (_seenOnce.Length == 0) _seenOnce = new uint[SeenSlots];
        ref var slot = ref _seenOnce[fieldHash % SeenSlots];
        if (slot == fieldHash) return true;
        slot = fieldHash;
        return false;
    }

    /// <summary>An entry that would push out more than half of the table is not worth it.</summary>
    private bool Fits(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) =>
        name.Length + value.Length + DynamicTable.EntryOverhead <= _table.MaxBytes / 2;

    private void Resize(int bytes)
    {
        if (bytes == _table.MaxBytes) return;
        _table.SetMaxBytes(bytes);
        _smallestUpdate = _smallestUpdate < 0 ? Math.Min(bytes, _announcedBytes) : Math.Min(bytes, _smallestUpdate);
    }

    private int WriteSizeUpdates(Span<byte> destination)
    {
        var written = 0;
        if (_smallestUpdate < Math.Min(_announcedBytes, _table.MaxBytes))
            written = HpackInteger.Write(_smallestUpdate, 0x1f, 0x20, destination);
        written += HpackInteger.Write(_table.MaxBytes, 0x1f, 0x20, destination[written..]);
        _announcedBytes = _table.MaxBytes;
        _smallestUpdate = -1;
        return written;
    }

    private static int WriteShortest(ReadOnlySpan<byte> text, Span<byte> destination)
    {
        var length = HuffmanEncoder.EncodedLength(text);
        if (length >= text.Length) return WriteRaw(text, destination);
        var written = HpackInteger.Write(length, 0x7f, 0x80, destination);
        return written + HuffmanEncoder.Encode(text, destination[written..]);
    }

    private static int WriteRaw(ReadOnlySpan<byte> text, Span<byte> destination)
    {
        var written = HpackInteger.Write(text.Length, 0x7f, 0x00, destination);
        text.CopyTo(destination[written..]);
        return written + text.Length;
    }
}
