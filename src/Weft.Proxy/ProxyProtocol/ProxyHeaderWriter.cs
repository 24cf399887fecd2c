using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Weft.Proxy.ProxyProtocol;

/// <summary>Writes the header that tells the next proxy or server on whose behalf a connection is made. Sans-IO.</summary>
internal static class ProxyHeaderWriter
{
    /// <summary>No header is longer.</summary>
    public const int MaxBytes = ProxyHeaderV1.MaxBytes;

    /// <summary>Writes version 1 and returns its length.</summary>
    /// <param name="source">The client; null when the proxy speaks for itself, or does not know.</param>
    /// <param name="destination">What it wanted to reach; null exactly when <paramref name="source"/> is.</param>
    /// <param name="into">At least <see cref="MaxBytes"/> bytes.</param>
    public static int WriteV1(IPEndPoint? source, IPEndPoint? destination, Span<byte> into)
    {
        if (source is null || destination is null) return Encoding.ASCII.GetBytes("PROXY UNKNOWN\r\n", into);
        var v6 = IsIpv6(source, destination);
        return Encoding.ASCII.GetBytes(
            $"PROXY {(v6 ? "TCP6" : "TCP4")} {Of(source, v6)} {Of(destination, v6)} {source.Port} {destination.Port}\r\n", into);
    }

    /// <summary>As <see cref="WriteV1"/>, in version 2.</summary>
    public static int WriteV2(IPEndPoint? source, IPEndPoint? destination, Span<byte> into)
    {
        ProxyHeaderV2.Signature.CopyTo(into);
        into = into[ProxyHeaderV2.Signature.Length..];
        if (source is null || destination is null)
        {
            ReadOnlySpan<byte> local = [0x20, 0, 0, 0];
            local.CopyTo(into);
            return ProxyHeaderV2.FixedBytes;
        }
        var v6 = IsIpv6(source, destination);
        var addresses = v6 ? ProxyHeaderV2.Ipv6Bytes : ProxyHeaderV2.Ipv4Bytes;
        into[0] = 0x21; // version 2, PROXY
        into[1] = (byte)(v6 ? 0x21 : 0x11); // family, STREAM
        BinaryPrimitives.WriteUInt16BigEndian(into[2..], (ushort)addresses);
        into = into[4..];
        var size = v6 ? 16 : 4;
        _ = Of(source, v6).TryWriteBytes(into, out _) && Of(destination, v6).TryWriteBytes(into[size..], out _);
        BinaryPrimitives.WriteUInt16BigEndian(into[(2 * size)..], (ushort)source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(into[(2 * size + 2)..], (ushort)destination.Port);
        return ProxyHeaderV2.FixedBytes + addresses;
    }

    /// <summary>Both are written in one family: an IPv4 address beside an IPv6 one goes as IPv4-mapped.</summary>
    private static bool IsIpv6(IPEndPoint source, IPEndPoint destination) =>
        source.AddressFamily == AddressFamily.InterNetworkV6 || destination.AddressFamily == AddressFamily.InterNetworkV6;

    private static IPAddress Of(IPEndPoint endPoint, bool v6)
    {
        if (!v6) return endPoint.Address;
        var address = endPoint.Address.MapToIPv6();
        return address.ScopeId == 0 ? address : new IPAddress(address.GetAddressBytes()); // a scope means nothing elsewhere
    }
}
