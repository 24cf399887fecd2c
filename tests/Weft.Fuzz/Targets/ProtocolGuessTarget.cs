using Weft.Proxy.Detection;

namespace Weft.Fuzz.Targets;

/// <summary>What a client's and a server's first bytes are taken for: once decided it stays decided whatever follows, however the network cuts it.</summary>
public sealed class ProtocolGuessTarget : IFuzzTarget
{
    public string Name => "protocol-guess";

    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n"u8.ToArray(), "POST /a HTTP/1.0\r\n"u8.ToArray(), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray(), "GET key\r\n"u8.ToArray(), "EHLO mx.example\r\n"u8.ToArray(),
        [22, 3, 1, 0, 5, 1, 0, 0, 1, 0], [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100], [.. "GET /"u8, .. Enumerable.Repeat((byte)'a', 8200), .. " HTTP/1.1\r\n"u8],
    ];

    public IReadOnlyList<byte[]> Dictionary { get; } = ["GET "u8.ToArray(), "PRI * HTTP/2.0\r\n\r\n"u8.ToArray(), " HTTP/1."u8.ToArray(), " /"u8.ToArray(), "\r\n"u8.ToArray(), [22, 3], [0, 0]];

    public string Check(byte[] input, Random random)
    {
        var whole = ProtocolGuess.Of(input);
        foreach (var cut in Cuts.Choose(input.Length, random))
        {
            var early = ProtocolGuess.Of(input.AsSpan(0, cut));
            if (early != ClientProtocol.NeedMore && early != whole) throw new FuzzException($"after {cut} bytes {early}, after all {whole}");
        }
        return $"{whole}, like HTTP {ProtocolGuess.LooksLikeHttp(input)}, server of HTTP/2 {ServerGreeting.IsHttp2(input)}";
    }
}
