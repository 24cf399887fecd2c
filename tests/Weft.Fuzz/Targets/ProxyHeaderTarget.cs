using Weft.Proxy.ProxyProtocol;
using Weft.Routing.Listeners;

namespace Weft.Fuzz.Targets;

/// <summary>
/// The PROXY protocol's headers: once decided it stays decided whatever follows, it asks for more than is there and never for too much, a header lies within its limit and its
/// bytes, and what it says can be written and read again.
/// </summary>
public sealed class ProxyHeaderTarget : IFuzzTarget
{
    private const int MaxBytes = 200;

    public string Name => "proxy-header";

    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET / HTTP/1.1\r\n"u8.ToArray(),
        "PROXY TCP6 2001:db8::1 ::ffff:1.2.3.4 56324 443\r\n"u8.ToArray(),
        "PROXY UNKNOWN\r\n"u8.ToArray(),
        "GET / HTTP/1.1\r\n\r\n"u8.ToArray(),
        [.. "\r\n\r\n\0\r\nQUIT\n"u8, 0x21, 0x11, 0, 12, 10, 0, 0, 1, 10, 0, 0, 2, 1, 2, 3, 4, 22, 3, 1],
        [.. "\r\n\r\n\0\r\nQUIT\n"u8, 0x21, 0x21, 0, 41, .. new byte[36], 1, 0, 2, 104, 50],
        [.. "\r\n\r\n\0\r\nQUIT\n"u8, 0x20, 0, 0, 0],
    ];

    public IReadOnlyList<byte[]> Dictionary { get; } =
    [
        "PROXY "u8.ToArray(), "TCP4 "u8.ToArray(), "TCP6 "u8.ToArray(), "UNKNOWN"u8.ToArray(), "\r\n"u8.ToArray(), " "u8.ToArray(), "::ffff:"u8.ToArray(), "65535"u8.ToArray(),
        "\r\n\r\n\0\r\nQUIT\n"u8.ToArray(), [0x21, 0x11, 0, 12], [0x21, 0x21, 0, 36], [0x21, 0x31, 0, 216], [0x20, 0, 0, 0], [255, 255], [0, 0],
    ];

    public string Check(byte[] input, Random random)
    {
        var whole = ProxyHeaderReader.Read(input, ProxyProtocolVersions.Both, MaxBytes, out var header, out _, out var reason);
        foreach (var cut in Cuts.Choose(input.Length, random))
        {
            var early = ProxyHeaderReader.Read(input.AsSpan(0, cut), ProxyProtocolVersions.Both, MaxBytes, out var earlyHeader, out var needed, out _);
            if (early != ProxyHeaderStatus.NeedMore)
            {
                if (early != whole || earlyHeader != header) throw new FuzzException($"after {cut} bytes {early} {earlyHeader}, after all {whole} {header}");
                continue;
            }
            if (needed <= cut || needed > Math.Max(MaxBytes, 107)) throw new FuzzException($"waits for {needed} bytes with {cut} there");
            var before = Math.Min(needed - 1, input.Length);
            if (ProxyHeaderReader.Read(input.AsSpan(0, before), ProxyProtocolVersions.Both, MaxBytes, out _, out _, out _) == ProxyHeaderStatus.Valid)
                throw new FuzzException($"after {cut} bytes it asked for {needed}, but {before} were enough");
        }
        if (whole == ProxyHeaderStatus.Malformed && reason.Length == 0) throw new FuzzException("refused without a reason");
        if (whole != ProxyHeaderStatus.Valid) return $"{whole}";
        if (header.Length > input.Length || header.Length > Math.Max(MaxBytes, 107)) throw new FuzzException($"{header} of {input.Length} bytes");
        WriteAgain(header);
        return $"{header.Version} {header.Source?.AddressFamily} {header.Destination?.AddressFamily}";
    }

    private static void WriteAgain(ProxyHeader header)
    {
        Span<byte> bytes = stackalloc byte[ProxyHeaderWriter.MaxBytes];
        for (var version = 1; version <= 2; version++)
        {
            var length = version == 1 ? ProxyHeaderWriter.WriteV1(header.Source, header.Destination, bytes) : ProxyHeaderWriter.WriteV2(header.Source, header.Destination, bytes);
            if (ProxyHeaderReader.Read(bytes[..length], ProxyProtocolVersions.Both, MaxBytes, out var again, out _, out var reason) != ProxyHeaderStatus.Valid)
                throw new FuzzException($"version {version} of {header} does not read: {reason}");
            if (!Equals(again.Source, header.Source) || !Equals(again.Destination, header.Destination)) throw new FuzzException($"{header} became {again}");
        }
    }
}
