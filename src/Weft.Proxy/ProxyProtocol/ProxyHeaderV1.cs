using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Weft.Routing.Matching;

namespace Weft.Proxy.ProxyProtocol;

/// <summary>Version 1 (section 2.1): <c>PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n</c>.</summary>
internal static class ProxyHeaderV1
{
    /// <summary>No line is longer, its CRLF included.</summary>
    public const int MaxBytes = 107;

    public static ReadOnlySpan<byte> Signature => "PROXY "u8;

    /// <param name="bytes">Begin with <see cref="Signature"/>.</param>
    public static ProxyHeaderStatus Read(ReadOnlySpan<byte> bytes, out ProxyHeader header, out string reason)
    {
        header = default;
        reason = "";
        var line = bytes[..Math.Min(bytes.Length, MaxBytes)];
        var end = line.IndexOf((byte)'\r');
        if (end < 0 || end == line.Length - 1)
        {
            if (bytes.Length < MaxBytes) return ProxyHeaderStatus.NeedMore;
            reason = $"its line does not end within {MaxBytes} bytes";
            return ProxyHeaderStatus.Malformed;
        }
        if (line[end + 1] != '\n')
        {
            reason = "its line has a CR that no LF follows";
            return ProxyHeaderStatus.Malformed;
        }
        return Parse(line[Signature.Length..end], end + 2, out header, out reason) ? ProxyHeaderStatus.Valid : ProxyHeaderStatus.Malformed;
    }

    /// <summary>The line between the signature and the CRLF. One space between the parts, nothing behind the last.</summary>
    private static bool Parse(ReadOnlySpan<byte> line, int length, out ProxyHeader header, out string reason)
    {
        header = new ProxyHeader(1, length);
        reason = "";
        var protocol = Take(ref line);
        if (protocol.SequenceEqual("UNKNOWN"u8)) return true; // what follows it means nothing
        var v6 = protocol.SequenceEqual("TCP6"u8);
        if (!v6 && !protocol.SequenceEqual("TCP4"u8))
        {
            reason = "its protocol is none of TCP4, TCP6 and UNKNOWN";
            return false;
        }
        var source = Address(Take(ref line), v6);
        var destination = Address(Take(ref line), v6);
        var sourcePort = Port(Take(ref line));
        var destinationPort = Port(line); // the rest: a fifth part is no port
        if (source is null || destination is null || sourcePort < 0 || destinationPort < 0)
        {
            reason = source is null || destination is null ? $"an address in it is not {(v6 ? "IPv6" : "IPv4")}" : "a port in it is not a number from 0 to 65535";
            return false;
        }
        header = header with { Source = new IPEndPoint(source, sourcePort), Destination = new IPEndPoint(destination, destinationPort) };
        return true;
    }

    /// <summary>The part up to the next space, which is consumed with it.</summary>
    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> line)
    {
        var space = line.IndexOf((byte)' ');
        var part = space < 0 ? line : line[..space];
        line = space < 0 ? default : line[(space + 1)..];
        return part;
    }

    /// <summary>In the one form that the specification allows. The runtime's parser takes more: <c>127.1</c>, hexadecimal and octal numbers, scopes, brackets.</summary>
    private static IPAddress? Address(ReadOnlySpan<byte> text, bool v6)
    {
        if (!v6) return TryIpv4(text, out var four) ? new IPAddress(four) : null;
        foreach (var b in text)
        {
            if (!char.IsAsciiHexDigit((char)b) && b is not ((byte)':' or (byte)'.')) return null;
        }
        if (!IPAddress.TryParse(Encoding.ASCII.GetString(text), out var six) || six.AddressFamily != AddressFamily.InterNetworkV6) return null;
        return MappedAddresses.Unmap(six);
    }

    /// <param name="address">The four bytes as the kernel would hold them.</param>
    private static bool TryIpv4(ReadOnlySpan<byte> text, out uint address)
    {
        address = 0;
        for (var i = 0; i < 4; i++)
        {
            var dot = text.IndexOf((byte)'.');
            if (i < 3 == dot < 0) return false;
            var digits = dot < 0 ? text : text[..dot];
            var number = Number(digits, 3, byte.MaxValue);
            if (number < 0) return false;
            address |= (uint)number << (8 * i);
            text = dot < 0 ? default : text[(dot + 1)..];
        }
        return true;
    }

    private static int Port(ReadOnlySpan<byte> text) => Number(text, 5, ushort.MaxValue);

    /// <summary>Digits without leading zeroes; -1 for anything else.</summary>
    private static int Number(ReadOnlySpan<byte> text, int maxDigits, int max)
    {
        if (text.IsEmpty || text.Length > maxDigits || text.Length > 1 && text[0] == '0' || text.ContainsAnyExceptInRange((byte)'0', (byte)'9')) return -1;
        return Utf8Parser.TryParse(text, out int number, out _) && number <= max ? number : -1;
    }
}
