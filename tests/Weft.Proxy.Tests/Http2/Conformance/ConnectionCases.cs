using Weft.Fuzz.Http2;
using Weft.Proxy.Tests.Cases;
using Weft.Proxy.Tests.Http2.Wire;
using static Weft.Fuzz.Http2.RawCode;

namespace Weft.Proxy.Tests.Http2.Conformance;

/// <summary>RFC 9113 sections 3.4 and 4: the preface, frames, field blocks.</summary>
internal static class ConnectionCases
{
    private static readonly byte[] Fine = RawHpack.Block(Requests.Fields("/fine"));

    private static readonly byte[] Evil = RawHpack.Block(Requests.Fields("/evil"));

    /// <summary>HEADERS that a CONTINUATION must follow.</summary>
    private static RawFrame Unfinished => RawFrame.Headers(1, Evil[..10], endHeaders: false);

    public static IEnumerable<ConformanceCase> All => [.. Preface, .. Frames, .. FieldBlocks];

    private static IEnumerable<ConformanceCase> Preface =>
    [
        new("3.4", "the server's first frame is SETTINGS", async peer =>
        {
            await peer.SendAsync([.. RawFrame.Preface, .. RawFrame.Settings().ToBytes()]);
            await peer.UntilAsync(p => p.Frames.Count > 0);
        }, (peer, _) => Task.FromResult(peer.Frames is [{ Type: RawType.Settings, Stream: 0 } first, ..] && !first.Has(RawFrame.Ack) ? null : $"it is {peer.Frames.FirstOrDefault()}")) { WithoutPreface = true },
        new("3.4", "a client need not wait for the server's preface",
            peer => peer.SendAsync([.. RawFrame.Preface, .. RawFrame.Settings().ToBytes(), .. Requests.Get(1).ToBytes()]), Expect.Served()) { WithoutPreface = true },
        new("3.4", "a preface that comes octet by octet is one", async peer =>
        {
            foreach (var octet in (byte[])[.. RawFrame.Preface, .. RawFrame.Settings().ToBytes(), .. Requests.Get(1).ToBytes()]) await peer.SendAsync([octet]);
        }, Expect.Served()) { WithoutPreface = true },
        Prefaced("an invalid preface ends the connection: HTTP/1.1 in its line", "PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n"),
        Prefaced("an invalid preface ends the connection: other words", "INVALID CONNECTION PREFACE\r\n\r\n"),
        Prefaced("an invalid preface ends the connection: another end", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"),
        Prefaced("an invalid preface ends the connection: no frames but a request", "PRI * HTTP/2.0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n"),
        new("3.4", "a preface without SETTINGS is a connection error PROTOCOL_ERROR",
            peer => peer.SendAsync([.. RawFrame.Preface, .. RawFrame.Ping(1).ToBytes()]), Expect.ConnectionError(ProtocolError)) { WithoutPreface = true },
        new("3.4", "a preface with HEADERS instead of SETTINGS is a connection error PROTOCOL_ERROR",
            peer => peer.SendAsync([.. RawFrame.Preface, .. Requests.Get(1, "/evil").ToBytes()]), Expect.ConnectionError(ProtocolError)) { WithoutPreface = true },
    ];

    private static IEnumerable<ConformanceCase> Frames =>
    [
        new("4.1", "frames of unknown type are ignored on stream 0", [new RawFrame((RawType)0x16, 0xff, 0, new byte[8])], Expect.Ignored),
        new("4.1", "frames of unknown type are ignored on an open stream",
            [Requests.Post(1, "/fine/echo"), new RawFrame((RawType)0xbe, 0, 1, new byte[300]), RawFrame.Data(1, "abc", end: true)], Expect.Served(1, 200, (s, _) => s.Text == "abc" ? null : s.Text)),
        new("4.1", "flags without a meaning for the type are ignored: PING", [RawFrame.Ping(1) with { Flags = 0xfe }], Expect.Ignored),
        new("4.1", "flags without a meaning for the type are ignored: HEADERS", [Requests.Get(1) with { Flags = RawFrame.EndHeaders | RawFrame.EndStream | 0x52 }], Expect.Served()),
        new("4.1", "flags without a meaning for the type are ignored: DATA",
            [Requests.Post(1, "/fine/echo"), RawFrame.Data(1, "abc") with { Flags = RawFrame.EndStream | 0xf6 }], Expect.Served(1, 200, (s, _) => s.Text == "abc" ? null : s.Text)),
        new("4.1", "the reserved bit is ignored: PING", [RawFrame.Ping(1) with { Reserved = true }], Expect.Ignored),
        new("4.1", "the reserved bit is ignored: HEADERS", [Requests.Get(1) with { Reserved = true }], Expect.Served()),
        new("4.1", "a frame that comes octet by octet is one", async peer =>
        {
            foreach (var octet in Requests.Get(1).ToBytes()) await peer.SendAsync([octet]);
        }, Expect.Served()),
        new("4.1", "frames that come many in one segment are many", [.. Enumerable.Range(0, 20).Select(i => Requests.Get(1 + (2 * i)))], Expect.Served(39)),
        new("4.2", "DATA of 2^14 octets is accepted",
            [Requests.Post(1, "/fine/echo"), RawFrame.Data(1, new byte[16384], end: true)], Expect.Served(1, 200, (s, _) => s.Body.Count == 16384 ? null : $"{s.Body.Count} octets")),
        new("4.2", "HEADERS of 2^14 octets is accepted", [SizedHeaders(16384, "/fine")], Expect.Served()),
        Oversized("DATA", peer => [Requests.Post(1, "/evil"), RawFrame.Data(1, new byte[peer.MaxFrame + 1], end: true)], Expect.StreamOrConnectionError(1, FrameSizeError)) with { HeadMayPass = true },
        Oversized("HEADERS", peer => [SizedHeaders(peer.MaxFrame + 1, "/evil")], Expect.ConnectionError(FrameSizeError)),
        Oversized("CONTINUATION", peer => [Unfinished, RawFrame.Continuation(1, new byte[peer.MaxFrame + 1])], Expect.ConnectionError(FrameSizeError)),
        Oversized("SETTINGS", peer => [new RawFrame(RawType.Settings, 0, 0, new byte[((peer.MaxFrame / 6) + 1) * 6])], Expect.ConnectionError(FrameSizeError)),
        Oversized("a frame of unknown type", peer => [new RawFrame((RawType)0x42, 0, 0, new byte[peer.MaxFrame + 1])], Expect.ConnectionError(FrameSizeError)),
        new("4.2", "a length over SETTINGS_MAX_FRAME_SIZE is refused before the octets come",
            peer => peer.SendAsync([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]), Expect.ConnectionError(FrameSizeError, ProtocolError)),
    ];

    private static IEnumerable<ConformanceCase> FieldBlocks =>
    [
        new("4.3", "a field block in three frames is one",
            [RawFrame.Headers(1, Fine[..3], endHeaders: false), RawFrame.Continuation(1, Fine[3..17], endHeaders: false), RawFrame.Continuation(1, Fine[17..])], Expect.Served()),
        new("4.3", "a field block may be cut anywhere", CutsAsync, Expect.Ignored),
        new("4.3", "a field block that does not decompress is a connection error COMPRESSION_ERROR", [RawFrame.Headers(1, [0x00, 0x04, 0x41])], Expect.ConnectionError(CompressionError)),
        .. Interrupting.Select(i => new ConformanceCase("4.3", $"a field block is contiguous: {i.What} inside is a connection error PROTOCOL_ERROR",
            [Unfinished, i.Frame, RawFrame.Continuation(1, Evil[10..])], Expect.ConnectionError(ProtocolError))),
        new("4.3", "a refused field block still changes the decoding state",
            [RawFrame.Headers(1, [.. RawHpack.Block(Requests.Without(":path")), .. RawHpack.Incremental("x-a", "kept")]), .. Indexing(3)],
            Expect.Served(3, 200, Received("x-a", "kept"))),
        new("4.3", "a field block on a stream that the server has reset still changes the decoding state", async peer =>
        {
            await peer.SendAsync(Requests.Post(1, "/fine/wait"), RawFrame.WindowUpdate(1, 0));
            await peer.UntilAsync(p => p.Stream(1).IsOver || p.IsClosed);
            await peer.SendAsync([RawFrame.Headers(1, RawHpack.Incremental("x-a", "kept")), .. Indexing(3)]);
        }, Expect.Served(3, 200, Received("x-a", "kept"))),
        new("4.3", "a trailer section changes the decoding state", 
            [Requests.Post(1, "/fine/echo"), RawFrame.Data(1, "abc"), RawFrame.Headers(1, RawHpack.Incremental("x-a", "kept")), .. Indexing(3)], Expect.Served(3, 200, Received("x-a", "kept"))),
    ];

    private static (string What, RawFrame Frame)[] Interrupting =>
    [
        ("PRIORITY", RawFrame.Priority(1)), ("HEADERS of another stream", Requests.Get(3, "/evil")), ("HEADERS of the same stream", Requests.Get(1, "/evil")),
        ("DATA", RawFrame.Data(1, "x")), ("SETTINGS", RawFrame.Settings()), ("PING", RawFrame.Ping(1)), ("WINDOW_UPDATE", RawFrame.WindowUpdate(0, 1)),
        ("RST_STREAM", RawFrame.Reset(1)), ("GOAWAY", RawFrame.GoAway(0, NoError)), ("CONTINUATION of another stream", RawFrame.Continuation(3, Evil)),
        ("a frame of unknown type", new RawFrame((RawType)0x99, 0, 0, [])),
    ];

    private static ConformanceCase Prefaced(string gist, string octets) =>
        new("3.4", gist, peer => peer.SendAsync(System.Text.Encoding.Latin1.GetBytes(octets)), Expect.Closed) { WithoutPreface = true };

    /// <summary>A server that allows the largest frame there can be has no such case.</summary>
    private static ConformanceCase Oversized(string what, Func<Http2Peer, RawFrame[]> frames, Reaction expected) => new("4.2", $"{what} over SETTINGS_MAX_FRAME_SIZE is an error FRAME_SIZE_ERROR",
        peer => peer.MaxFrame < (1 << 24) - 1 ? peer.SendAsync(frames(peer)) : Task.CompletedTask, (peer, server) => peer.MaxFrame < (1 << 24) - 1 ? expected(peer, server) : Expect.Ignored(peer, server));

    /// <summary>A request whose block takes <paramref name="size"/> octets, in fields that are each far from any limit on one.</summary>
    private static RawFrame SizedHeaders(int size, string path)
    {
        var block = new List<byte>(RawHpack.Block(Requests.Fields(path)));
        for (var i = 0; block.Count + 1100 < size; i++) block.AddRange(RawHpack.Literal($"x-{i:D2}", new string('v', 1000)));
        var rest = size - block.Count - 1 - RawHpack.Text("x-last").Length;
        block.AddRange(RawHpack.Literal("x-last", new string('w', rest - RawHpack.Integer(rest - 3, 7, 0).Length)));
        return RawFrame.Headers(1, [.. block]);
    }

    private static async Task CutsAsync(Http2Peer peer)
    {
        var stream = 1;
        for (var cut = 1; cut < Fine.Length; cut += 7, stream += 2)
        {
            await peer.SendAsync(RawFrame.Headers(stream, Fine[..cut], endHeaders: false), RawFrame.Continuation(stream, Fine[cut..]));
            await peer.UntilAsync(p => p.Stream(stream).IsOver);
            if (peer.Stream(stream).Status != 200) throw new EndOfStreamException($"cut at {cut}: {peer.Stream(stream).Status} {peer.GoAway}");
        }
    }

    /// <summary>A request that uses the newest entry of the dynamic table.</summary>
    private static RawFrame[] Indexing(int stream) => [RawFrame.Headers(stream, [.. Fine, .. RawHpack.Indexed(62)])];

    private static Func<PeerStream, IReadOnlyList<StrictMessage>, string?> Received(string name, string value) =>
        (_, requests) => requests.Any(r => r[name] == value) ? null : $"the backend did not get {name}: {value}";
}
