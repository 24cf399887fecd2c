using System.Buffers.Binary;
using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Weft.Routing.Matching;

namespace Weft.Proxy.Transport;

/// <summary>sockaddr_in or sockaddr_in6 on the stack.</summary>
[InlineArray(Capacity)]
internal struct SocketAddress
{
    /// <summary>sizeof(sockaddr_in6).</summary>
    public const int Capacity = 28;

    private byte _first;

    public static int FamilyOf(IPEndPoint endPoint) =>
        endPoint.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? Libc.AfInet6 : Libc.AfInet;

    /// <summary>Writes <paramref name="endPoint"/> and returns the length that the kernel wants with it.</summary>
    public static uint Write(IPEndPoint endPoint, Span<byte> into)
    {
        into.Clear();
        var v6 = FamilyOf(endPoint) == Libc.AfInet6;
        MemoryMarshal.Write(into, (ushort)(v6 ? Libc.AfInet6 : Libc.AfInet));
        BinaryPrimitives.WriteUInt16BigEndian(into[2..], (ushort)endPoint.Port);
        endPoint.Address.TryWriteBytes(v6 ? into[8..] : into[4..], out _);
        if (!v6) return 16;
        MemoryMarshal.Write(into[24..], (uint)endPoint.Address.ScopeId);
        return 28;
    }

    /// <summary>Reads what the kernel wrote. An IPv4 client of a dual-stack socket reads as IPv4.</summary>
    public static IPEndPoint Read(ReadOnlySpan<byte> from)
    {
        var port = BinaryPrimitives.ReadUInt16BigEndian(from[2..]);
        if (MemoryMarshal.Read<ushort>(from) == Libc.AfInet) return new IPEndPoint(new IPAddress(from.Slice(4, 4)), port);
        var address = new IPAddress(from.Slice(8, 16), MemoryMarshal.Read<uint>(from[24..]));
        return new IPEndPoint(MappedAddresses.Unmap(address), port);
    }
}
