using Weft.Fuzz.Http2;
using static Weft.Fuzz.Http2.RawCode;

namespace Weft.Proxy.Tests.Http2.Conformance;

/// <summary>RFC 9113 section 6, frame by frame (but flow control), and section 7.</summary>
internal static class FrameCases
{
    private static readonly byte[] Evil = RawHpack.Block(Requests.Fields("/evil"));

    private static readonly byte[] Fine = RawHpack.Block(Requests.Fields("/fine"));

    public static IEnumerable<ConformanceCase> All => [.. Data, .. Headers, .. PriorityAndReset, .. Settings, .. PushPingGoAway, .. Continuation, .. Codes];

    private static IEnumerable<ConformanceCase> Data =>
    [
        new("6.1", "DATA on stream 0 is a connection error PROTOCOL_ERROR", [RawFrame.Data(0, "x")], Expect.ConnectionError(ProtocolError)),
        new("6.1", "padding is not content", [Requests.Post(1, "/fine/echo"), RawFrame.Data(1, "abc").Pad(200), RawFrame.Data(1, "def", end: true).Pad(0)],
            Expect.Served(1, 200, (s, _) => s.Text == "abcdef" ? null : s.Text)),
        new("6.1", "a frame may be padding alone", [Requests.Post(1, "/fine/echo"), RawFrame.Data(1, "").Pad(255), RawFrame.Data(1, "x", end: true)], Expect.Served(1, 200, (s, _) => s.Text == "x" ? null : s.Text)),
        new("6.1", "padding as long as the payload is a connection error PROTOCOL_ERROR",
            [Requests.Post(1, "/evil"), RawFrame.Data(1, [4, 1, 2, 3]) with { Flags = RawFrame.Padded | RawFrame.EndStream }], Expect.ConnectionError(ProtocolError)) { HeadMayPass = true },
        new("6.1", "a padded frame without a pad length is an error FRAME_SIZE_ERROR or PROTOCOL_ERROR",
            [Requests.Post(1, "/evil"), RawFrame.Data(1, "") with { Flags = RawFrame.Padded | RawFrame.EndStream }], Expect.StreamOrConnectionError(1, FrameSizeError, ProtocolError)) { HeadMayPass = true },
        new("6.1", "empty DATA ends a stream", [Requests.Post(1, "/fine/echo"), RawFrame.Data(1, "", end: true)], Expect.Served()),
    ];

    private static IEnumerable<ConformanceCase> Headers =>
    [
        new("6.2", "padding is accepted", [Requests.Get(1).Pad(100)], Expect.Served()),
        new("6.2", "padding and priority together are accepted", [Requests.Get(1).Prioritize(3, 1).Pad(10)], Expect.Served()),
        new("6.2", "padding as long as the payload is a connection error PROTOCOL_ERROR",
            [RawFrame.Headers(1, [(byte)(Evil.Length + 1), .. Evil]) with { Flags = RawFrame.Padded | RawFrame.EndHeaders | RawFrame.EndStream }], Expect.ConnectionError(ProtocolError)),
        new("6.2", "padding that leaves no room for priority is a connection error",
            [new RawFrame(RawType.Headers, RawFrame.Padded | RawFrame.WithPriority | RawFrame.EndHeaders | RawFrame.EndStream, 1, [3, 0, 0, 0, 0, 0])], Expect.ConnectionError(ProtocolError, FrameSizeError)),
        new("6.2", "priority that is cut off is a connection error", [new RawFrame(RawType.Headers, RawFrame.WithPriority | RawFrame.EndHeaders | RawFrame.EndStream, 1, [0, 0, 0])], Expect.ConnectionError(FrameSizeError, ProtocolError)),
        new("6.2", "a padded frame without a pad length is a connection error",
            [new RawFrame(RawType.Headers, RawFrame.Padded | RawFrame.EndHeaders | RawFrame.EndStream, 1, [])], Expect.ConnectionError(FrameSizeError, ProtocolError)),
        new("6.2", "END_STREAM on HEADERS counts from the block's end", [RawFrame.Headers(1, Fine[..9], end: true, endHeaders: false), RawFrame.Continuation(1, Fine[9..])], Expect.Served()),
    ];

    private static IEnumerable<ConformanceCase> PriorityAndReset =>
    [
        new("6.3", "PRIORITY on stream 0 is a connection error PROTOCOL_ERROR", [RawFrame.Priority(0)], Expect.ConnectionError(ProtocolError)),
        new("6.3", "PRIORITY of 4 octets is a stream error FRAME_SIZE_ERROR",
            [Requests.Get(1, "/fine/wait"), new RawFrame(RawType.Priority, 0, 1, new byte[4])], Expect.StreamOrConnectionError(1, FrameSizeError)),
        new("6.3", "PRIORITY of 6 octets is a stream error FRAME_SIZE_ERROR",
            [Requests.Get(1, "/fine/wait"), new RawFrame(RawType.Priority, 0, 1, new byte[6])], Expect.StreamOrConnectionError(1, FrameSizeError)),
        new("6.4", "RST_STREAM on stream 0 is a connection error PROTOCOL_ERROR", [RawFrame.Reset(0)], Expect.ConnectionError(ProtocolError)),
        new("6.4", "RST_STREAM of 3 octets is a connection error FRAME_SIZE_ERROR", [Requests.Get(1, "/fine/wait"), new RawFrame(RawType.RstStream, 0, 1, new byte[3])], Expect.ConnectionError(FrameSizeError)),
        new("6.4", "RST_STREAM of 5 octets is a connection error FRAME_SIZE_ERROR", [Requests.Get(1, "/fine/wait"), new RawFrame(RawType.RstStream, 0, 1, new byte[5])], Expect.ConnectionError(FrameSizeError)),
        new("6.4", "RST_STREAM within a request's body ends the request upstream too", async peer =>
        {
            await peer.SendAsync(Requests.Post(1, "/evil/cut"), RawFrame.Data(1, "half"));
            await peer.BarrierAsync();
            await peer.SendAsync(RawFrame.Reset(1));
        }, Expect.Ignored) { HeadMayPass = true },
    ];

    private static IEnumerable<ConformanceCase> Settings =>
    [
        new("6.5", "SETTINGS with ACK and a payload is a connection error FRAME_SIZE_ERROR", [RawFrame.SettingsAck with { Payload = [0] }], Expect.ConnectionError(FrameSizeError)),
        new("6.5", "SETTINGS on a stream is a connection error PROTOCOL_ERROR", [RawFrame.Settings() with { Stream = 1 }], Expect.ConnectionError(ProtocolError)),
        new("6.5", "SETTINGS of a length that 6 does not divide is a connection error FRAME_SIZE_ERROR", [new RawFrame(RawType.Settings, 0, 0, [0, 3, 0])], Expect.ConnectionError(FrameSizeError)),
        new("6.5.2", "SETTINGS_ENABLE_PUSH other than 0 or 1 is a connection error PROTOCOL_ERROR", [RawFrame.Settings((2, 2))], Expect.ConnectionError(ProtocolError)),
        new("6.5.2", "SETTINGS_ENABLE_PUSH of 0 and 1 is accepted", [RawFrame.Settings((2, 1)), RawFrame.Settings((2, 0))], Expect.Ignored),
        new("6.5.2", "SETTINGS_INITIAL_WINDOW_SIZE above 2^31-1 is a connection error FLOW_CONTROL_ERROR", [RawFrame.Settings((4, 0x8000_0000))], Expect.ConnectionError(FlowControlError)),
        new("6.5.2", "SETTINGS_MAX_FRAME_SIZE below 2^14 is a connection error PROTOCOL_ERROR", [RawFrame.Settings((5, 16383))], Expect.ConnectionError(ProtocolError)),
        new("6.5.2", "SETTINGS_MAX_FRAME_SIZE above 2^24-1 is a connection error PROTOCOL_ERROR", [RawFrame.Settings((5, 16777216))], Expect.ConnectionError(ProtocolError)),
        new("6.5.2", "the extreme values are accepted", [RawFrame.Settings((1, uint.MaxValue), (3, 0), (4, 0x7fff_ffff), (5, 16777215), (6, 0)), RawFrame.Settings((1, 0), (3, uint.MaxValue), (4, 0), (5, 16384), (6, uint.MaxValue)), RawFrame.Settings((4, 65535))], Expect.Ignored),
        new("6.5.2", "unknown identifiers are ignored", [RawFrame.Settings((0xff, 1))], Expect.Ignored),
        new("6.5.3", "the last of several values holds", [RawFrame.Settings((4, 100), (4, 1)), Requests.Get(1, "/fine/large/9")], async (peer, _) =>
        {
            await peer.UntilAsync(p => p.Stream(1).Body.Count > 0);
            await peer.BarrierAsync();
            return peer.Stream(1).Body.Count == 1 ? null : $"{peer.Stream(1).Body.Count} octets";
        }),
        new("6.5.3", "each SETTINGS is acknowledged once", [RawFrame.Settings(), RawFrame.Settings((4, 70000)), RawFrame.Settings((4, 65535))], async (peer, _) =>
        {
            await peer.UntilAsync(p => p.SettingsAcks >= 4);
            await peer.BarrierAsync();
            return peer.SettingsAcks == 4 ? null : $"{peer.SettingsAcks} acknowledgements of 4";
        }),
    ];

    private static IEnumerable<ConformanceCase> PushPingGoAway =>
    [
        new("6.6", "PUSH_PROMISE from a client is a connection error PROTOCOL_ERROR", [Requests.Get(1, "/fine/wait"), new RawFrame(RawType.PushPromise, RawFrame.EndHeaders, 1, [0, 0, 0, 2, .. Evil])], Expect.ConnectionError(ProtocolError)),
        new("6.7", "PING is answered with its own octets", [RawFrame.Ping(0x0102030405060708)], async (peer, _) =>
            await peer.UntilAsync(p => p.PingAcks.Count > 0) && peer.PingAcks[0] == 0x0102030405060708 ? null : "it is not"),
        new("6.7", "PING with ACK is not answered", [RawFrame.Ping(5, ack: true)], async (peer, server) => await Expect.Ignored(peer, server) ?? (peer.PingAcks.Contains(5) ? "it is" : null)),
        new("6.7", "PING on a stream is a connection error PROTOCOL_ERROR", [RawFrame.Ping(1) with { Stream = 1 }], Expect.ConnectionError(ProtocolError)),
        new("6.7", "PING of 7 octets is a connection error FRAME_SIZE_ERROR", [new RawFrame(RawType.Ping, 0, 0, new byte[7])], Expect.ConnectionError(FrameSizeError)),
        new("6.7", "PING of 9 octets is a connection error FRAME_SIZE_ERROR", [new RawFrame(RawType.Ping, 0, 0, new byte[9])], Expect.ConnectionError(FrameSizeError)),
        new("6.7", "PING of 6 octets with ACK is a connection error FRAME_SIZE_ERROR", [new RawFrame(RawType.Ping, RawFrame.Ack, 0, new byte[6])], Expect.ConnectionError(FrameSizeError)),
        new("6.8", "GOAWAY on a stream is a connection error PROTOCOL_ERROR", [RawFrame.GoAway(0, NoError) with { Stream = 1 }], Expect.ConnectionError(ProtocolError)),
        new("6.8", "GOAWAY of 7 octets is a connection error FRAME_SIZE_ERROR", [new RawFrame(RawType.GoAway, 0, 0, new byte[7])], Expect.ConnectionError(FrameSizeError)),
        new("6.8", "streams that are open go on after the client's GOAWAY", [Requests.Post(1, "/fine/echo"), RawFrame.GoAway(0, NoError), RawFrame.Data(1, "abc", end: true)],
            Expect.Served(1, 200, (s, _) => s.Text == "abc" ? null : s.Text)),
    ];

    private static IEnumerable<ConformanceCase> Continuation =>
    [
        new("6.10", "CONTINUATION on stream 0 is a connection error PROTOCOL_ERROR", [RawFrame.Headers(1, Evil[..9], endHeaders: false), RawFrame.Continuation(0, Evil[9..])], Expect.ConnectionError(ProtocolError)),
        new("6.10", "CONTINUATION behind END_HEADERS on HEADERS is a connection error PROTOCOL_ERROR",
            [Requests.Post(1, "/fine/wait"), RawFrame.Continuation(1, Evil)], Expect.ConnectionError(ProtocolError)),
        new("6.10", "CONTINUATION behind END_HEADERS on CONTINUATION is a connection error PROTOCOL_ERROR",
            [RawFrame.Headers(1, RawHpack.Block(Requests.Fields("/fine/wait"))[..9], end: false, endHeaders: false), RawFrame.Continuation(1, RawHpack.Block(Requests.Fields("/fine/wait"))[9..]), RawFrame.Continuation(1, Evil)],
            Expect.ConnectionError(ProtocolError)),
        new("6.10", "CONTINUATION behind DATA is a connection error PROTOCOL_ERROR",
            [Requests.Post(1, "/fine/wait"), RawFrame.Data(1, "x"), RawFrame.Continuation(1, Evil)], Expect.ConnectionError(ProtocolError)),
        new("6.10", "CONTINUATION with padding's flag has no padding", 
            [RawFrame.Headers(1, Fine[..9], endHeaders: false), RawFrame.Continuation(1, Fine[9..]) with { Flags = RawFrame.EndHeaders | RawFrame.Padded | RawFrame.WithPriority }], Expect.Served()),
        new("6.10", "trailers may be continued", [Requests.Post(1, "/fine/echo"), RawFrame.Data(1, "x"), RawFrame.Headers(1, [0x00], endHeaders: false), RawFrame.Continuation(1, RawHpack.Literal("x-t", "1")[1..])],
            Expect.Served()),
    ];

    private static IEnumerable<ConformanceCase> Codes =>
    [
        new("7", "an unknown code in RST_STREAM is nothing special", [Requests.Get(1, "/fine/wait"), RawFrame.Reset(1, (RawCode)0xff)], Expect.Ignored),
        new("7", "an unknown code in GOAWAY is nothing special", [Requests.Post(1, "/fine/echo"), RawFrame.GoAway(0, (RawCode)0xff), RawFrame.Data(1, "x", end: true)], Expect.Served()),
    ];
}
