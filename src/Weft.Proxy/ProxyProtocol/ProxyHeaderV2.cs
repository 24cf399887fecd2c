using System.Buffers.Binary;
using System.Net;
using Weft.Routing.Matching;

namespace Weft.Proxy.ProxyProtocol;

/// <summary>Version 2 (section 2.2): a signature, version and command, family and transport, a length, addresses, and then TLVs, which are skipped.</summary>
internal static class ProxyHeaderV2
{
    /// <summary>The part whose length is fixed.</summary>
    public const int FixedBytes = 16;

    /// <summary>Addresses and ports of two endpoints.</summary>
    public const int Ipv4Bytes = 12, Ipv6Bytes = 36;

    private const int UnixBytes = 216;

    public static ReadOnlySpan<byte> Signature => "\r\n\r\n\0\r\nQUIT\n"u8;

    /// <param name="bytes">Begin with <see cref="Signature"/>.</param>
    public static ProxyHeaderStatus Read(ReadOnlySpan<byte> bytes, int maxBytes, out ProxyHeader header, out int needed, out string reason)
    {
        header = default;
        reason = "";
        needed = FixedBytes;
        if (bytes.Length < FixedBytes) return ProxyHeaderStatus.NeedMore;
        var length = FixedBytes + BinaryPrimitives.ReadUInt16BigEndian(bytes[14..]);
        reason = Check(bytes[12], bytes[13], length, maxBytes);
        if (reason.Length > 0) return ProxyHeaderStatus.Malformed;
        needed = length;
        if (bytes.Length < length) return ProxyHeaderStatus.NeedMore;
        header = new ProxyHeader(2, length);
        if (IsLocal(bytes[12])) return ProxyHeaderStatus.Valid; // the rest is to be discarded, whatever it says
        var rest = bytes[FixedBytes..length];
        switch (bytes[13] >> 4)
        {
            case 1:
                header = header with { Source = EndPoint(rest, 0, 8, 4), Destination = EndPoint(rest, 4, 10, 4) };
                break;
            case 2:
                header = header with { Source = EndPoint(rest, 0, 32, 16), Destination = EndPoint(rest, 16, 34, 16) };
                break;
        }
        if (AreTlvs(rest[AddressBytes(bytes[13])..])) return ProxyHeaderStatus.Valid;
        header = default;
        reason = "a TLV in it is longer than what is left of it";
        return ProxyHeaderStatus.Malformed;
    }

    /// <summary>What the fixed part says is allowed; empty when it is. Known before the rest has come, so that nobody waits for a header that is refused.</summary>
    private static string Check(byte versionAndCommand, byte familyAndTransport, int length, int maxBytes)
    {
        if (versionAndCommand >> 4 != 2) return $"its version is {versionAndCommand >> 4}";
        if ((versionAndCommand & 15) > 1) return $"its command is {versionAndCommand & 15}, neither LOCAL nor PROXY";
        if (length > maxBytes) return $"it has {length} bytes and {maxBytes} are allowed (max_header_bytes)";
        if (IsLocal(versionAndCommand)) return "";
        if (familyAndTransport >> 4 > 3 || (familyAndTransport & 15) > 2) return $"its family and transport are 0x{familyAndTransport:x2}";
        if ((familyAndTransport & 15) == 2) return "it is about datagrams";
        var addresses = AddressBytes(familyAndTransport);
        return length - FixedBytes < addresses ? $"its {length - FixedBytes} bytes cannot hold addresses of {addresses}" : "";
    }

    private static bool IsLocal(byte versionAndCommand) => (versionAndCommand & 15) == 0;

    private static int AddressBytes(byte familyAndTransport) => (familyAndTransport >> 4) switch
    {
        1 => Ipv4Bytes,
        2 => Ipv6Bytes,
        3 => UnixBytes,
        _ => 0,
    };

    private static IPEndPoint EndPoint(ReadOnlySpan<byte> block, int address, int port, int bytes)
    {
        var ip = new IPAddress(block.Slice(address, bytes));
        return new IPEndPoint(MappedAddresses.Unmap(ip), BinaryPrimitives.ReadUInt16BigEndian(block[port..]));
    }

    /// <summary>A type of one byte, a length of two, that many bytes; again and again.</summary>
    private static bool AreTlvs(ReadOnlySpan<byte> rest)
    {
        while (!rest.IsEmpty)
        {
            if (rest.Length < 3) return false;
            var length = 3 + BinaryPrimitives.ReadUInt16BigEndian(rest[1..]);
            if (length > rest.Length) return false;
            rest = rest[length..];
        }
        return true;
    }
}
