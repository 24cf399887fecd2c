using Weft.Fuzz.Http2;
using Weft.Proxy.Tests.Http2.Conformance;

namespace Weft.Proxy.Tests.Attacks;

/// <summary>The floods of HTTP/2 that have names, and their kin.</summary>
internal static class Http2Attacks
{
    private static readonly byte[] Block = RawHpack.Block(Requests.Fields("/wait"));

    private static readonly byte[] ManyFields = [.. Block, .. Enumerable.Repeat(RawHpack.Literal("a", "b"), 3000).SelectMany(f => f)];

    private static readonly byte[] Bomb = [.. Block, .. Enumerable.Repeat((byte)0xbe, 16000)];

    public static IEnumerable<Attack> All =>
    [
        new FloodAttack("Rapid Reset (CVE-2023-44487)", "HEADERS, RST_STREAM", "streams opened and reset", i => [Request(i), RawFrame.Reset(Id(i))]),
        new FloodAttack("Rapid Reset of bodies", "HEADERS, DATA, RST_STREAM", "streams opened and reset", i => [Open(i), RawFrame.Data(Id(i), "x"), RawFrame.Reset(Id(i))]),
        .. MadeYouReset,
        new FloodAttack("streams over the limit", "HEADERS on ever new streams, none ended", "streams", i => [Request(i)]),
        new FloodAttack("CONTINUATION flood (CVE-2024-27316)", "HEADERS, then CONTINUATION without END_HEADERS", "CONTINUATION frames of 1 KB", i => [RawFrame.Continuation(1, RawHpack.Literal($"x-{i}", new string('v', 1000)), endHeaders: false)])
            { Opening = [RawFrame.Headers(1, Block, endHeaders: false)] },
        new FloodAttack("CONTINUATION flood, tiny", "the same in frames of one octet", "CONTINUATION frames", i => [RawFrame.Continuation(1, [(byte)'v'], endHeaders: false)])
            { Opening = [RawFrame.Headers(1, [.. Block, 0x00, 3, (byte)'x', (byte)'-', (byte)'a', .. RawHpack.Integer(1 << 20, 7, 0)], endHeaders: false)] },
        new FloodAttack("CONTINUATION flood, empty (CVE-2019-9518)", "the same in empty frames", "CONTINUATION frames", _ => [RawFrame.Continuation(1, [], endHeaders: false)])
            { Opening = [RawFrame.Headers(1, Block, endHeaders: false)] },
        new FloodAttack("HPACK bomb (CVE-2016-6581)", "one entry of 4 KB, referred to 16,000 times in each block", "blocks that mean 64 MB",
            i => [RawFrame.Headers(Id(i + 1), Bomb)]) { Opening = [RawFrame.Headers(1, [.. Block, .. RawHpack.Incremental("x-bomb", new string('b', 4000))])], Batch = 1 },
        new FloodAttack("many fields", "requests with 3,000 fields", "requests", i => [RawFrame.Headers(Id(i), ManyFields)]) { Batch = 1 },
        new FloodAttack("large heads", "requests with 200 KB of fields", "requests", i => Large(Id(i))) { Batch = 1 },
        new FloodAttack("table churn", "requests that each replace the whole dynamic table", "requests",
            i => [RawFrame.Headers(Id(i), [.. Block, .. RawHpack.Incremental($"x-{i}", new string('b', 4000))]), RawFrame.Reset(Id(i))]) { Batch = 2 },
        new FloodAttack("SETTINGS flood (CVE-2019-9515)", "SETTINGS", "frames", i => [RawFrame.Settings((4, (uint)(65535 + (i % 2))))]),
        new FloodAttack("SETTINGS flood, answers unread", "SETTINGS", "frames", _ => [RawFrame.Settings()]) { Reads = false },
        new FloodAttack("PING flood (CVE-2019-9512)", "PING", "frames", i => [RawFrame.Ping((ulong)i)]),
        new FloodAttack("PING flood, answers unread", "PING", "frames", i => [RawFrame.Ping((ulong)i)]) { Reads = false },
        new FloodAttack("RST_STREAM flood", "RST_STREAM of one stream again and again", "frames", _ => [RawFrame.Reset(1)]) { Opening = [RawFrame.Headers(1, Block)] },
        new FloodAttack("WINDOW_UPDATE flood", "WINDOW_UPDATE of 1 octet on the connection", "frames", _ => [RawFrame.WindowUpdate(0, 1)]),
        new FloodAttack("WINDOW_UPDATE flood on a stream", "WINDOW_UPDATE of 1 octet on a stream", "frames", _ => [RawFrame.WindowUpdate(1, 1)]) { Opening = [RawFrame.Headers(1, Block)] },
        new FloodAttack("PRIORITY flood (CVE-2019-9513)", "PRIORITY", "frames", i => [RawFrame.Priority(Id(i % 1000))]),
        new FloodAttack("empty DATA (CVE-2019-9518)", "DATA without content or END_STREAM", "frames", _ => [RawFrame.Data(1, "")]) { Opening = [RawFrame.Headers(1, RawHpack.Block(Requests.Fields("/upload", "POST")), end: false)] },
        new FloodAttack("padding alone", "DATA of padding", "frames", _ => [RawFrame.Data(1, "").Pad(200)]) { Opening = [RawFrame.Headers(1, RawHpack.Block(Requests.Fields("/upload", "POST")), end: false)] },
        new FloodAttack("empty HEADERS", "HEADERS without a field", "streams", i => [RawFrame.Headers(Id(i), [])]),
        new FloodAttack("unknown frames", "frames of unknown type", "frames", i => [new RawFrame((RawType)0x77, 0, 0, [])]),
        new FloodAttack("GOAWAY flood", "GOAWAY", "frames", _ => [RawFrame.GoAway(0, RawCode.NoError)]) { Opening = [RawFrame.Headers(1, Block)] },
        new FloodAttack("malformed requests", "requests without :path", "requests", i => [RawFrame.Headers(Id(i), RawHpack.Block(Requests.Without(":path")))]),
        new FloodAttack("DATA on closed streams", "DATA on a stream that was reset", "frames", _ => [RawFrame.Data(1, new byte[100])]) { Opening = [RawFrame.Headers(1, RawHpack.Block(Requests.Fields("/upload", "POST")), end: false), RawFrame.Reset(1)] },
    ];

    /// <summary>CVE-2025-8671: the client makes the server reset, so that it need not count its own resets.</summary>
    private static IEnumerable<Attack> MadeYouReset =>
    [
        Provoking("window overflow", "WINDOW_UPDATE over 2^31-1", i => [Request(i), RawFrame.WindowUpdate(Id(i), int.MaxValue)]),
        Provoking("zero increment", "WINDOW_UPDATE of 0", i => [Request(i), RawFrame.WindowUpdate(Id(i), 0)]),
        Provoking("DATA behind the end", "DATA on a half-closed stream", i => [Request(i), RawFrame.Data(Id(i), "x")]),
        Provoking("HEADERS behind the end", "HEADERS on a half-closed stream", i => [Request(i), Request(i)]),
        Provoking("bad PRIORITY length", "PRIORITY of 4 octets", i => [Request(i), new RawFrame(RawType.Priority, 0, Id(i), new byte[4])]),
        Provoking("self-dependent PRIORITY", "PRIORITY of a stream on itself", i => [Request(i), RawFrame.Priority(Id(i), (uint)Id(i))]),
        Provoking("content-length not kept", "DATA beyond content-length", i =>
            [RawFrame.Headers(Id(i), RawHpack.Block(Requests.Fields("/upload", "POST", more: ("content-length", "1"))), end: false), RawFrame.Data(Id(i), "xyz")]),
        Provoking("malformed trailers", "trailers with a pseudo-header field", i => [Open(i), RawFrame.Headers(Id(i), RawHpack.Block([(":path", "/")]))]),
    ];

    private static FloodAttack Provoking(string how, string sends, Func<int, RawFrame[]> unit) => new($"MadeYouReset (CVE-2025-8671): {how}", $"HEADERS, then {sends}", "streams", unit);

    private static int Id(int round) => 1 + (2 * round);

    private static RawFrame Request(int round) => RawFrame.Headers(Id(round), Block);

    private static RawFrame Open(int round) => RawFrame.Headers(Id(round), RawHpack.Block(Requests.Fields("/upload", "POST")), end: false);

    private static RawFrame[] Large(int stream)
    {
        var part = RawHpack.Literal("x-large", new string('v', 16000));
        return [RawFrame.Headers(stream, Block, endHeaders: false), .. Enumerable.Repeat(RawFrame.Continuation(stream, part, endHeaders: false), 12), RawFrame.Continuation(stream, part)];
    }
}
