using Weft.Proxy.Detection;

namespace Weft.Fuzz.Targets;

/// <summary>
/// The peek at a connection's first bytes: once decided it stays decided whatever follows, it never waits for bytes that are there, it never
/// asks again too early, and records do not change what a hello says.
/// </summary>
public sealed class ClientHelloTarget : IFuzzTarget
{
    public string Name => "client-hello";

    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        Records(Hello("shop.test", "weft-h1", "h2"), 16_384),
        Records(Hello("shop.test", "weft-h1"), 20),
        Records(Hello(null), 16_384),
        "GET / HTTP/1.1\r\n\r\n"u8.ToArray(),
        [22, 3, 1],
    ];

    public IReadOnlyList<byte[]> Dictionary { get; } =
    [
        [22, 3, 1, 0, 1], [22, 3, 3, 64, 0], [22, 3, 1, 0, 0], [1, 0, 0, 0], [1, 255, 255, 255], [0, 0], [0, 16], [255, 255], [0, 1, 97], [0],
    ];

    public string Check(byte[] input, Random random)
    {
        var verdict = ClientHelloPeek.Inspect(input, out var hello, out _);
        CheckPrefixes(input, verdict, hello, random);
        if (hello is null) return $"{verdict}";
        if (Payload(input) is { } payload)
        {
            var repacked = Records(payload, 1 + random.Next(payload.Length));
            if (ClientHelloPeek.Inspect(repacked, out var again, out _) != PeekVerdict.ClientHello || Text(again!) != Text(hello))
                throw new FuzzException($"in other records {Text(hello)} became {(again is null ? "nothing" : Text(again))}");
        }
        return $"hello, name {hello.ServerName.Length > 0}, protocols {Math.Min(hello.ApplicationProtocols.Count, 3)}";
    }

    private static void CheckPrefixes(byte[] input, PeekVerdict whole, ClientHello? hello, Random random)
    {
        foreach (var cut in Cuts.Choose(input.Length, random))
        {
            var early = ClientHelloPeek.Inspect(input.AsSpan(0, cut), out var earlyHello, out var needed);
            if (early != PeekVerdict.NeedMore)
            {
                if (early != whole || (hello is not null && Text(earlyHello!) != Text(hello)))
                    throw new FuzzException($"after {cut} bytes {early}, after all {whole}");
                continue;
            }
            if (needed <= cut) throw new FuzzException($"waits for {needed} bytes with {cut} there");
            var before = Math.Min(needed - 1, input.Length);
            if (ClientHelloPeek.Inspect(input.AsSpan(0, before), out _, out _) == PeekVerdict.ClientHello)
                throw new FuzzException($"after {cut} bytes it asked for {needed}, but {before} were enough");
        }
    }

    private static string Text(ClientHello hello) => $"{hello.ServerName} [{string.Join(',', hello.ApplicationProtocols)}]";

    /// <summary>The handshake message of an accepted hello, without record headers; null when more than the message is in its records.</summary>
    private static byte[]? Payload(byte[] input)
    {
        var payload = new List<byte>();
        for (var at = 0; at + 5 <= input.Length;)
        {
            var length = (input[at + 3] << 8) | input[at + 4];
            payload.AddRange(input.AsSpan(at + 5, Math.Min(length, input.Length - at - 5)));
            at += 5 + length;
            var message = payload.Count < 4 ? int.MaxValue : 4 + (payload[1] << 16) + (payload[2] << 8) + payload[3];
            if (payload.Count >= message) return [.. payload.Take(message)];
        }
        return null;
    }

    private static byte[] Records(byte[] message, int size)
    {
        var bytes = new List<byte>();
        foreach (var part in message.Chunk(size)) bytes.AddRange([22, 3, 1, (byte)(part.Length >> 8), (byte)part.Length, .. part]);
        return [.. bytes];
    }

    /// <summary>A ClientHello (RFC 8446 section 4.1.2) with SNI and ALPN.</summary>
    private static byte[] Hello(string? name, params string[] protocols)
    {
        byte[] extensions = name is null
            ? []
            :
            [
                0, 0, .. Long(Long([0, .. Long(Ascii(name))])),
                .. protocols.Length == 0 ? (byte[])[] : [0, 16, .. Long(Long([.. protocols.SelectMany(one => Short(Ascii(one)))]))],
                0, 43, .. Long([2, 3, 4]),
            ];
        byte[] body = [3, 3, .. new byte[32], .. Short(new byte[32]), .. Long([0x13, 0x01]), .. Short([0]), .. Long(extensions)];
        return [1, 0, .. Long(body)];
    }

    private static byte[] Ascii(string text) => System.Text.Encoding.ASCII.GetBytes(text);

    private static byte[] Short(byte[] content) => [(byte)content.Length, .. content];

    private static byte[] Long(byte[] content) => [(byte)(content.Length >> 8), (byte)content.Length, .. content];
}
