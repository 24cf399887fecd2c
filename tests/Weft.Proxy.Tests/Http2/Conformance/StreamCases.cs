using Weft.Fuzz.Http2;
using Weft.Proxy.Tests.Http2.Wire;
using static Weft.Fuzz.Http2.RawCode;

namespace Weft.Proxy.Tests.Http2.Conformance;

/// <summary>RFC 9113 section 5: streams, their states, identifiers and concurrency, priority, errors, extensions.</summary>
internal static class StreamCases
{
    private static readonly byte[] Evil = RawHpack.Block(Requests.Fields("/evil"));

    public static IEnumerable<ConformanceCase> All => [.. Idle, .. HalfClosed, .. Closed, .. Identifiers, .. ErrorsAndExtensions];

    private static IEnumerable<ConformanceCase> Idle =>
    [
        new("5.1 idle", "DATA is a connection error PROTOCOL_ERROR", [RawFrame.Data(1, "x", end: true)], Expect.ConnectionError(ProtocolError)),
        new("5.1 idle", "RST_STREAM is a connection error PROTOCOL_ERROR", [RawFrame.Reset(1)], Expect.ConnectionError(ProtocolError)),
        new("5.1 idle", "WINDOW_UPDATE is a connection error PROTOCOL_ERROR", [RawFrame.WindowUpdate(1, 100)], Expect.ConnectionError(ProtocolError)),
        new("5.1 idle", "CONTINUATION is a connection error PROTOCOL_ERROR", [RawFrame.Continuation(1, Evil)], Expect.ConnectionError(ProtocolError)),
        new("5.1 idle", "DATA on a stream that only the server may open is a connection error PROTOCOL_ERROR", [RawFrame.Data(2, "x", end: true)], Expect.ConnectionError(ProtocolError)),
        new("5.1 idle", "WINDOW_UPDATE on a stream that only the server may open is a connection error PROTOCOL_ERROR", [RawFrame.WindowUpdate(2, 1)], Expect.ConnectionError(ProtocolError)),
        new("5.1 idle", "DATA above the newest stream is a connection error PROTOCOL_ERROR", [Requests.Get(1), RawFrame.Data(3, "x")], Expect.ConnectionError(ProtocolError)),
        new("5.1 idle", "PRIORITY is accepted, and leaves the stream idle", [RawFrame.Priority(1, 0, 255), Requests.Get(1)], Expect.Served()),
        new("5.1 idle", "PRIORITY on a high stream opens nothing below", [RawFrame.Priority(101), Requests.Get(1)], Expect.Served()),
    ];

    /// <summary>The request is whole and its answer not there yet.</summary>
    private static IEnumerable<ConformanceCase> HalfClosed =>
    [
        new("5.1 half-closed (remote)", "DATA is an error STREAM_CLOSED", [Requests.Get(1, "/fine/wait"), RawFrame.Data(1, "x", end: true)], Expect.StreamOrConnectionError(1, StreamClosed)),
        new("5.1 half-closed (remote)", "HEADERS is an error STREAM_CLOSED", [Requests.Get(1, "/fine/wait"), Requests.Get(1, "/evil")], Expect.StreamOrConnectionError(1, StreamClosed)),
        new("5.1 half-closed (remote)", "CONTINUATION is a connection error",
            [Requests.Get(1, "/fine/wait"), RawFrame.Continuation(1, Evil)], Expect.ConnectionError(ProtocolError, StreamClosed)),
        new("5.1 half-closed (remote)", "DATA behind a body's end is an error STREAM_CLOSED",
            [Requests.Post(1, "/fine/wait"), RawFrame.Data(1, "x", end: true), RawFrame.Data(1, "y")], Expect.StreamOrConnectionError(1, StreamClosed)),
        new("5.1 half-closed (remote)", "WINDOW_UPDATE is accepted", [Requests.Get(1, "/fine/wait"), RawFrame.WindowUpdate(1, 100)], Expect.Ignored),
        new("5.1 half-closed (remote)", "PRIORITY is accepted", [Requests.Get(1, "/fine/wait"), RawFrame.Priority(1)], Expect.Ignored),
        new("5.1 half-closed (remote)", "RST_STREAM closes it without an answer", [Requests.Get(1, "/fine/wait"), RawFrame.Reset(1)], async (peer, server) =>
            await Expect.Ignored(peer, server) ?? (peer.Frames.Exists(f => f.Stream == 1) ? "something was sent on the stream" : null)),
    ];

    private static IEnumerable<ConformanceCase> Closed =>
    [
        .. new (string What, RawFrame Frame)[] { ("DATA", RawFrame.Data(1, "x", end: true)), ("HEADERS", Requests.Get(1, "/evil")) }.SelectMany(late => new ConformanceCase[]
        {
            new("5.1 closed", $"{late.What} after the client's own RST_STREAM is discarded or an error STREAM_CLOSED",
                [Requests.Post(1, "/fine/wait"), RawFrame.Reset(1), late.Frame], Expect.Discarded(1, StreamClosed, ProtocolError)),
            new("5.1 closed", $"{late.What} after END_STREAM of both sides is discarded or an error STREAM_CLOSED", async peer =>
            {
                await peer.SendAsync(Requests.Get(1));
                await peer.UntilAsync(p => p.Stream(1).Ended);
                await peer.SendAsync(late.Frame);
            }, Expect.Discarded(1, StreamClosed, ProtocolError)),
            new("5.1 closed", $"{late.What} after the server's RST_STREAM is discarded", async peer =>
            {
                await peer.SendAsync(Requests.Post(1, "/fine/wait"), RawFrame.WindowUpdate(1, 0));
                await peer.UntilAsync(p => p.Stream(1).Reset is not null);
                await peer.SendAsync(late.Frame);
            }, Expect.Discarded(1)),
        }),
        new("5.1 closed", "CONTINUATION is a connection error", async peer =>
        {
            await peer.SendAsync(Requests.Get(1));
            await peer.UntilAsync(p => p.Stream(1).Ended);
            await peer.SendAsync(RawFrame.Continuation(1, Evil));
        }, Expect.ConnectionError(ProtocolError, StreamClosed)),
        new("5.1 closed", "WINDOW_UPDATE, RST_STREAM and PRIORITY that cross END_STREAM are accepted", async peer =>
        {
            await peer.SendAsync(Requests.Get(1));
            await peer.UntilAsync(p => p.Stream(1).Ended);
            await peer.SendAsync(RawFrame.WindowUpdate(1, 100), RawFrame.Priority(1), RawFrame.Reset(1));
        }, Expect.Ignored),
        new("6.9", "DATA that the server discards gives the connection's window back", async peer =>
        {
            // What a connection may have in flight would be lost for good, were it not given back: at the end there would be nothing left to send.
            var total = peer.SendWindow + 60_000;
            for (var stream = 1; total > 0; stream += 2)
            {
                await peer.SendAsync(Requests.Post(stream, "/fine/wait"), RawFrame.WindowUpdate(stream, 0));
                await peer.UntilAsync(p => p.Stream(stream).Reset is not null || p.IsClosed);
                for (var left = Math.Min(total, peer.Stream(stream).SendWindow - 16_384); left > 0 && !peer.IsClosed; left -= 8000, total -= 8000)
                {
                    await peer.UntilAsync(p => p.SendWindow >= 8000);
                    await peer.SendAsync(RawFrame.Data(stream, new byte[8000]));
                    peer.Spend(stream, 8000);
                }
            }
        }, Expect.Ignored),
    ];

    private static IEnumerable<ConformanceCase> Identifiers =>
    [
        new("5.1.1", "an even stream identifier from a client is a connection error PROTOCOL_ERROR", [Requests.Get(2, "/evil")], Expect.ConnectionError(ProtocolError)),
        new("5.1.1", "HEADERS on stream 0 is a connection error PROTOCOL_ERROR", [Requests.Get(0, "/evil")], Expect.ConnectionError(ProtocolError)),
        new("5.1.1", "a stream identifier below the newest is a connection error", [Requests.Get(5), Requests.Get(3, "/evil")], Expect.ConnectionError(ProtocolError, StreamClosed)),
        new("5.1.1", "identifiers may be skipped", [Requests.Get(1), Requests.Get(1001)], Expect.Served(1001)),
        new("5.1.1", "the last identifier of all can be used", [Requests.Get(int.MaxValue)], Expect.Served(int.MaxValue)),
        new("5.1.2", "a stream over SETTINGS_MAX_CONCURRENT_STREAMS is refused, REFUSED_STREAM or PROTOCOL_ERROR", async peer =>
        {
            await peer.SendAsync([.. Enumerable.Range(0, Limit(peer)).Select(i => Requests.Get(1 + (2 * i), "/fine/wait"))]);
            await peer.SendAsync(Requests.Get(1 + (2 * Limit(peer)), "/evil"));
        }, async (peer, _) =>
        {
            var stream = 1 + (2 * Limit(peer));
            await peer.UntilAsync(p => p.Stream(stream).IsOver);
            return peer.Stream(stream).Reset is RefusedStream or ProtocolError ? null : $"{peer.Stream(stream).Reset} {peer.Stream(stream).Status} {peer.GoAway}";
        }),
        new("5.1.2", "a stream that ends makes room for another", async peer =>
        {
            await peer.SendAsync([.. Enumerable.Range(0, Limit(peer)).Select(i => Requests.Get(1 + (2 * i), "/fine/wait"))]);
            await peer.SendAsync(RawFrame.Reset(1), Requests.Get(1 + (2 * Limit(peer)), "/fine"));
        }, async (peer, server) => await Expect.Served(1 + (2 * Limit(peer)))(peer, server)),
        new("5.1.2", "at least 100 streams are allowed, or the limit is announced", _ => Task.CompletedTask,
            (peer, _) => Task.FromResult(peer.PeerSettings.ContainsKey(3) ? null : "SETTINGS_MAX_CONCURRENT_STREAMS is not announced: nothing bounds a connection")),
    ];

    private static IEnumerable<ConformanceCase> ErrorsAndExtensions =>
    [
        new("5.3", "priority in HEADERS is accepted", [Requests.Get(1).Prioritize(0x8000_0000 | 3, 200)], Expect.Served()),
        new("5.3", "a stream that depends on itself in HEADERS is served or an error PROTOCOL_ERROR", [Requests.Get(1, "/fine").Prioritize(1, 16)], Expect.Either(Expect.Served(), Expect.StreamOrConnectionError(1, ProtocolError))),
        new("5.3", "a stream that depends on itself in PRIORITY is ignored or an error PROTOCOL_ERROR",
            [Requests.Get(1, "/fine/wait"), RawFrame.Priority(1, 1)], Expect.Either(Expect.Ignored, Expect.StreamOrConnectionError(1, ProtocolError))),
        new("5.4.1", "GOAWAY of a connection error names the last stream that was processed",
            [Requests.Get(1, "/fine/wait"), Requests.Get(7, "/fine/wait"), RawFrame.Data(0, "x")], async (peer, server) =>
                await Expect.ConnectionError(ProtocolError)(peer, server) ?? (peer.GoAway!.Value.LastStream == 7 ? null : $"it names {peer.GoAway.Value.LastStream}")),
        new("5.4.2", "RST_STREAM is not answered by RST_STREAM", [Requests.Post(1, "/fine/wait"), RawFrame.Reset(1), Requests.Post(3, "/fine/wait"), RawFrame.Reset(3, InternalError)], async (peer, server) =>
            await Expect.Ignored(peer, server) ?? (peer.Frames.Exists(f => f.Type == RawType.RstStream) ? "it was" : null)),
        new("5.5", "unknown settings are ignored", [RawFrame.Settings((0xfafa, 7), (0x99, 0xffff_ffff)), Requests.Get(1)], Expect.Served()),
        new("5.5", "unknown frames around a request are ignored", [new RawFrame((RawType)0xfa, 0, 1, [1]), Requests.Get(1), new RawFrame((RawType)0xfb, 1, 1, [])], Expect.Served()),
    ];

    /// <summary>Announced by the server; a server that says nothing is tried with 300.</summary>
    private static int Limit(Http2Peer peer) => (int)Math.Min(300, peer.PeerSettings.GetValueOrDefault((ushort)3, 300u));
}
