using System.Buffers.Binary;
using System.Numerics;

namespace Weft.Proxy.Http2.Hpack;

/// <summary>
/// Hashes by which the encoder finds fields. Not resistant to chosen collisions: whoever looks up by them compares, and looks only a bounded
/// number of times.
/// </summary>
internal static class FieldHash
{
    private const ulong Multiplier = 0x9E37_79B9_7F4A_7C15;

    private const ulong LowerCase = 0x2020_2020_2020_2020;

    /// <summary>Of a name without regard to case, from its length and at most sixteen of its bytes.</summary>
    public static uint OfName(ReadOnlySpan<byte> name)
    {
        ulong first, last;
        if (name.Length >= 8)
        {
            first = BinaryPrimitives.ReadUInt64LittleEndian(name);
            last = BinaryPrimitives.ReadUInt64LittleEndian(name[^8..]);
        }
        else if (name.Length >= 4)
        {
            first = BinaryPrimitives.ReadUInt32LittleEndian(name);
            last = BinaryPrimitives.ReadUInt32LittleEndian(name[^4..]);
        }
        else
        {
            first = name.Length == 0 ? 0u : name[0];
            last = name.Length == 0 ? 0u : (uint)(name[name.Length >> 1] << 8) | name[^1];
        }
        var mixed = ((first | LowerCase) * Multiplier) ^ BitOperations.RotateLeft((last | LowerCase) * Multiplier, 29) ^ (ulong)name.Length;
        return (uint)((mixed * Multiplier) >> 32);
    }

    /// <summary>Of a name and all of its value.</summary>
    public static uint OfField(uint nameHash, ReadOnlySpan<byte> value)
    {
        var hash = (nameHash ^ ((ulong)value.Length << 32)) * Multiplier;
        while (value.Length >= 8)
        {
            hash = (BitOperations.RotateLeft(hash, 27) ^ BinaryPrimitives.ReadUInt64LittleEndian(value)) * Multiplier;
            value = value[8..];
        }
        ulong rest = 0;
        foreach (var octet in value) rest = (rest << 8) | octet;
        hash = (BitOperations.RotateLeft(hash, 27) ^ rest) * Multiplier;
        return (uint)(hash >> 32);
    }
}
