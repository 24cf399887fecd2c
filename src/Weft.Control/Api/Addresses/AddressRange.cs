using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Weft.Control.Api;

/// <summary>A range that virtual addresses are given from. The first address of a range is never given, nor the last of an IPv4 range: they name the network and all of it.</summary>
/// <param name="network">The range; at most 2^62 addresses of it are used.</param>
internal sealed class AddressRange(IPNetwork network)
{
    private readonly bool _isV4 = network.BaseAddress.AddressFamily == AddressFamily.InterNetwork;

    public static AddressRange Parse(string cidr) => new(IPNetwork.Parse(cidr));

    /// <summary>Addresses that can be given.</summary>
    public long Count => _isV4 ? (1L << (32 - network.PrefixLength)) - 2 : (1L << Math.Min(128 - network.PrefixLength, 62)) - 1;

    public bool Contains(IPAddress address) => network.Contains(address) && IndexOf(address) is var index and >= 0 && index < Count;

    /// <summary>The address that <paramref name="owner"/> would have if nobody else had it: the same on every machine, so that a mesh that is set up anew from its files has the
    /// addresses of before. Of those that are taken, the next free one; null when all are.</summary>
    public IPAddress? FirstFree(string owner, Func<IPAddress, bool> isTaken)
    {
        var start = (long)(BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(owner))) % (ulong)Count);
        for (var i = 0L; i < Count; i++)
        {
            var address = At((start + i) % Count);
            if (!isTaken(address)) return address;
        }
        return null;
    }

    public override string ToString() => network.ToString();

    private IPAddress At(long index)
    {
        var bytes = network.BaseAddress.GetAddressBytes();
        var low = bytes.AsSpan(_isV4 ? 0 : 8);
        if (_isV4) BinaryPrimitives.WriteUInt32BigEndian(low, BinaryPrimitives.ReadUInt32BigEndian(low) + (uint)index + 1);
        else BinaryPrimitives.WriteUInt64BigEndian(low, BinaryPrimitives.ReadUInt64BigEndian(low) + (ulong)index + 1);
        return new IPAddress(bytes);
    }

    /// <summary>The place of an address of the range; negative for one that is never given.</summary>
    private long IndexOf(IPAddress address)
    {
        var bytes = address.GetAddressBytes();
        var start = network.BaseAddress.GetAddressBytes();
        if (_isV4) return BinaryPrimitives.ReadUInt32BigEndian(bytes) - (long)BinaryPrimitives.ReadUInt32BigEndian(start) - 1;
        // Of a range of more than 64 bits only the lowest are used.
        if (!bytes.AsSpan(0, 8).SequenceEqual(start.AsSpan(0, 8))) return -1;
        var distance = BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(8)) - BinaryPrimitives.ReadUInt64BigEndian(start.AsSpan(8));
        return distance > long.MaxValue ? long.MaxValue : (long)distance - 1;
    }
}
