using System.Buffers.Binary;

namespace Weft.Control.Store;

/// <summary>
/// How far the log was acknowledged, in a small file beside it. It tells a write that never finished (beyond the mark: cut off)
/// from acknowledged data that went missing or bad (before the mark: refuse to start).
/// The mark is written after the log's fsync and is itself not synced: after a power cut it may be older than the truth, which only
/// makes it a weaker witness, never a wrong one. After a kill -9 it is exact, since the kernel keeps written pages.
/// </summary>
internal readonly record struct AcknowledgedMark(long Generation, long Length)
{
    public const int Size = 20;

    public void Write(IStoreFile file)
    {
        Span<byte> bytes = stackalloc byte[Size];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, Generation);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], Length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[16..], Crc32C.Of(bytes[..16]));
        file.Write(0, bytes);
    }

    /// <summary>Null when the file holds no whole mark: then nothing is known, and the log alone decides.</summary>
    public static AcknowledgedMark? Read(IStoreFile file)
    {
        Span<byte> bytes = stackalloc byte[Size];
        if (file.Read(0, bytes) < Size || BinaryPrimitives.ReadUInt32LittleEndian(bytes[16..]) != Crc32C.Of(bytes[..16])) return null;
        return new AcknowledgedMark(BinaryPrimitives.ReadInt64LittleEndian(bytes), BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]));
    }
}
