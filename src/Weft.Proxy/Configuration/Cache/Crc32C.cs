using System.Buffers.Binary;
using System.Numerics;

namespace Weft.Proxy.Configuration.Cache;

/// <summary>CRC-32C (Castagnoli, RFC 3720 appendix B.4), one processor instruction for eight bytes. It finds damage, not forgery: who may write the file
/// is the file system's business. A cryptographic hash would load OpenSSL into a proxy that may never speak TLS.</summary>
internal static class Crc32C
{
    /// <summary>The value before the first byte.</summary>
    public const uint Start = uint.MaxValue;

    /// <summary>Goes on with more bytes. The checksum is the complement of the last value.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..]) crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (var b in bytes) crc = BitOperations.Crc32C(crc, b);
        return crc;
    }
}
