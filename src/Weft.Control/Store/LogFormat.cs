using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Weft.Control.Store;

/// <summary>
/// The bytes of <c>resources.log</c>. All integers are little-endian.
/// <code>
/// file    = header snapshot* batch*
/// header  = "WEFTLOG1" generation:i64 baseRevision:i64 snapshotEntries:i32 crc32c:u32          32 bytes
/// frame   = length:u32 crc32c(length, payload):u32 payload                                      snapshot and batch are frames
/// snapshot= 'S' count:i32 { key createRevision:i64 modRevision:i64 value }                      the state at baseRevision
/// batch   = 'B' firstRevision:i64 count:i32 { 'P' key value | 'D' key }                         one per fsync; write n has revision first + n
/// key     = four strings (group, plural, namespace, name); string, value = length:i32 bytes
/// </code>
/// One frame is what one fsync covered. So a bad frame that is followed by a good one was once on disk and is damage, while a bad
/// frame at the very end may be a write that never finished.
/// </summary>
internal static class LogFormat
{
    public const int HeaderLength = 32;
    public const int FrameOverhead = 8;
    public const byte SnapshotKind = (byte)'S';
    public const byte BatchKind = (byte)'B';
    private const byte Put = (byte)'P';
    private const byte Delete = (byte)'D';
    private static ReadOnlySpan<byte> Magic => "WEFTLOG1"u8;

    public readonly record struct Header(long Generation, long BaseRevision, int SnapshotEntries);

    public static void WriteHeader(Header header, Span<byte> to)
    {
        Magic.CopyTo(to);
        BinaryPrimitives.WriteInt64LittleEndian(to[8..], header.Generation);
        BinaryPrimitives.WriteInt64LittleEndian(to[16..], header.BaseRevision);
        BinaryPrimitives.WriteInt32LittleEndian(to[24..], header.SnapshotEntries);
        BinaryPrimitives.WriteUInt32LittleEndian(to[28..], Crc32C.Of(to[..28]));
    }

    /// <summary>Null when the bytes are not a whole, undamaged header.</summary>
    public static Header? ReadHeader(ReadOnlySpan<byte> from)
    {
        if (from.Length < HeaderLength || !from[..8].SequenceEqual(Magic)) return null;
        if (BinaryPrimitives.ReadUInt32LittleEndian(from[28..]) != Crc32C.Of(from[..28])) return null;
        return new Header(BinaryPrimitives.ReadInt64LittleEndian(from[8..]), BinaryPrimitives.ReadInt64LittleEndian(from[16..]),
            BinaryPrimitives.ReadInt32LittleEndian(from[24..]));
    }

    /// <summary>Bytes of an entry in a snapshot frame, an upper bound for its bytes in a batch.</summary>
    public static int SizeOf(StoreEntry entry) => SizeOf(entry.Key) + 20 + entry.Value.Length;

    public static int SizeOf(StoreWrite write) => SizeOf(write.Key) + 5 + write.Value.Length;

    private static int SizeOf(StoreKey key) =>
        16 + Encoding.UTF8.GetByteCount(key.Group) + Encoding.UTF8.GetByteCount(key.Plural)
        + Encoding.UTF8.GetByteCount(key.Namespace) + Encoding.UTF8.GetByteCount(key.Name);

    public static void WriteSnapshot(ArrayBufferWriter<byte> to, IReadOnlyList<StoreEntry> entries) => WriteFrame(to, entries, static (to, entries) =>
    {
        WriteByte(to, SnapshotKind);
        WriteInt32(to, entries.Count);
        foreach (var entry in entries)
        {
            WriteKey(to, entry.Key);
            WriteInt64(to, entry.CreateRevision);
            WriteInt64(to, entry.ModRevision);
            WriteBytes(to, entry.Value.Span);
        }
    });

    /// <param name="events">Contiguous revisions, at least one.</param>
    public static void WriteBatch(ArrayBufferWriter<byte> to, IReadOnlyList<StoreEvent> events) => WriteFrame(to, events, static (to, events) =>
    {
        WriteByte(to, BatchKind);
        WriteInt64(to, events[0].Revision);
        WriteInt32(to, events.Count);
        foreach (var e in events)
        {
            WriteByte(to, e.Type == StoreEventType.Deleted ? Delete : Put);
            WriteKey(to, e.Entry.Key);
            if (e.Type != StoreEventType.Deleted) WriteBytes(to, e.Entry.Value.Span);
        }
    });

    /// <summary>Length of the payload of the valid frame at <paramref name="offset"/>, or -1 where there is none.</summary>
    public static int FrameAt(ReadOnlySpan<byte> log, int offset)
    {
        if (log.Length - offset < FrameOverhead) return -1;
        var frame = log[offset..];
        var length = BinaryPrimitives.ReadUInt32LittleEndian(frame);
        if (length > frame.Length - FrameOverhead) return -1;
        var payload = frame.Slice(FrameOverhead, (int)length);
        return BinaryPrimitives.ReadUInt32LittleEndian(frame[4..]) == Crc32C.Of(frame[..4], payload) ? (int)length : -1;
    }

    /// <summary>Reads a snapshot payload (kind byte included).</summary>
    public static List<StoreEntry> ReadSnapshot(ReadOnlyMemory<byte> payload)
    {
        var reader = new PayloadReader(payload[1..]);
        var count = reader.Int32();
        var entries = new List<StoreEntry>();
        for (var i = 0; i < count; i++)
        {
            var key = reader.Key();
            var create = reader.Int64();
            var mod = reader.Int64();
            entries.Add(new StoreEntry(key, reader.Bytes(), create, mod));
        }
        return entries;
    }

    /// <summary>Reads a batch payload (kind byte included): the first revision and the writes.</summary>
    public static (long FirstRevision, List<StoreWrite> Writes) ReadBatch(ReadOnlyMemory<byte> payload)
    {
        var reader = new PayloadReader(payload[1..]);
        var first = reader.Int64();
        var count = reader.Int32();
        var writes = new List<StoreWrite>();
        for (var i = 0; i < count; i++)
        {
            var kind = reader.Byte();
            var key = reader.Key();
            writes.Add(kind == Put ? StoreWrite.Put(key, reader.Bytes()) : StoreWrite.Delete(key));
        }
        return (first, writes);
    }

    private static void WriteFrame<T>(ArrayBufferWriter<byte> to, T content, Action<ArrayBufferWriter<byte>, T> writePayload)
    {
        var payload = new ArrayBufferWriter<byte>();
        writePayload(payload, content);
        var head = to.GetSpan(FrameOverhead);
        BinaryPrimitives.WriteUInt32LittleEndian(head, (uint)payload.WrittenCount);
        BinaryPrimitives.WriteUInt32LittleEndian(head[4..], Crc32C.Of(head[..4], payload.WrittenSpan));
        to.Advance(FrameOverhead);
        to.Write(payload.WrittenSpan);
    }

    private static void WriteKey(ArrayBufferWriter<byte> to, StoreKey key)
    {
        WriteString(to, key.Group);
        WriteString(to, key.Plural);
        WriteString(to, key.Namespace);
        WriteString(to, key.Name);
    }

    private static void WriteString(ArrayBufferWriter<byte> to, string text) => WriteBytes(to, Encoding.UTF8.GetBytes(text));

    private static void WriteBytes(ArrayBufferWriter<byte> to, ReadOnlySpan<byte> bytes)
    {
        WriteInt32(to, bytes.Length);
        to.Write(bytes);
    }

    private static void WriteByte(ArrayBufferWriter<byte> to, byte value) => to.Write([value]);

    private static void WriteInt32(ArrayBufferWriter<byte> to, int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(to.GetSpan(4), value);
        to.Advance(4);
    }

    private static void WriteInt64(ArrayBufferWriter<byte> to, long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(to.GetSpan(8), value);
        to.Advance(8);
    }

    /// <summary>Reads a payload whose CRC was right: lengths in it are believed, and a wrong one is a bug that throws.</summary>
    private struct PayloadReader(ReadOnlyMemory<byte> payload)
    {
        private ReadOnlyMemory<byte> _rest = payload;

        public byte Byte() => Take(1).Span[0];

        public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Take(4).Span);

        public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Take(8).Span);

        public ReadOnlyMemory<byte> Bytes() => Take(Int32());

        public StoreKey Key() => new(Text(), Text(), Text(), Text());

        private string Text() => Encoding.UTF8.GetString(Bytes().Span);

        private ReadOnlyMemory<byte> Take(int count)
        {
            var taken = _rest[..count];
            _rest = _rest[count..];
            return taken;
        }
    }
}
