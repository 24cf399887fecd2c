using Weft.Fuzz.Http2;
using Weft.Proxy.Tests.Http2.Wire;
using static Weft.Fuzz.Http2.RawCode;

namespace Weft.Proxy.Tests.Http2.Conformance;

/// <summary>RFC 9113 sections 5.2 and 6.9: windows of both kinds. That no DATA passes a window is checked on every frame by <see cref="PeerRules"/>.</summary>
internal static class FlowControlCases
{
    public static IEnumerable<ConformanceCase> All => [.. Updates, .. TheServerSends, .. TheServerReceives];

    private static IEnumerable<ConformanceCase> Updates =>
    [
        new("6.9", "an increment of 0 on the connection is a connection error PROTOCOL_ERROR", [RawFrame.WindowUpdate(0, 0)], Expect.ConnectionError(ProtocolError)),
        new("6.9", "an increment of 0 on a stream is a stream error PROTOCOL_ERROR", [Requests.Get(1, "/fine/wait"), RawFrame.WindowUpdate(1, 0)], Expect.StreamError(1, ProtocolError)),
        new("6.9", "the reserved bit does not make an increment of 0 more", [RawFrame.WindowUpdate(0, 0x8000_0000)], Expect.ConnectionError(ProtocolError)),
        new("6.9", "WINDOW_UPDATE of 3 octets is a connection error FRAME_SIZE_ERROR", [new RawFrame(RawType.WindowUpdate, 0, 0, new byte[3])], Expect.ConnectionError(FrameSizeError)),
        new("6.9", "WINDOW_UPDATE of 5 octets on a stream is a connection error FRAME_SIZE_ERROR",
            [Requests.Get(1, "/fine/wait"), new RawFrame(RawType.WindowUpdate, 0, 1, new byte[5])], Expect.ConnectionError(FrameSizeError)),
        new("6.9.1", "a stream's window above 2^31-1 is a stream error FLOW_CONTROL_ERROR",
            [Requests.Get(1, "/fine/wait"), RawFrame.WindowUpdate(1, int.MaxValue)], Expect.StreamError(1, FlowControlError)),
        new("6.9.1", "a stream's window of 2^31-1 exactly is accepted", [Requests.Get(1, "/fine/wait"), RawFrame.WindowUpdate(1, int.MaxValue - 65535)], Expect.Ignored),
        new("6.9.1", "the connection's window above 2^31-1 is a connection error FLOW_CONTROL_ERROR", [RawFrame.WindowUpdate(0, int.MaxValue)], Expect.ConnectionError(FlowControlError)),
        new("6.9.1", "the connection's window of 2^31-1 exactly is accepted", [RawFrame.WindowUpdate(0, int.MaxValue - 65535)], Expect.Ignored),
        new("6.9.1", "many increments add up: above 2^31-1 is an error",
            [RawFrame.WindowUpdate(0, 0x4000_0000), RawFrame.WindowUpdate(0, 0x4000_0000)], Expect.ConnectionError(FlowControlError)),
        new("6.9.2", "SETTINGS that lift a stream's window above 2^31-1 are a connection error FLOW_CONTROL_ERROR",
            [Requests.Get(1, "/fine/wait"), RawFrame.WindowUpdate(1, 1), RawFrame.Settings((4, int.MaxValue))], Expect.ConnectionError(FlowControlError)),
    ];

    private static IEnumerable<ConformanceCase> TheServerSends =>
    [
        new("6.9.1", "a stream's window of 1 lets 1 octet pass", [Requests.Get(1, "/fine/large/10")], Body(1)) { Settings = [(4, 1)] },
        new("6.9.1", "no more than a stream's window of 5, then of 7 more", async peer =>
        {
            await peer.SendAsync(Requests.Get(1, "/fine/large/100"));
            await peer.UntilAsync(p => p.Stream(1).Body.Count == 5);
            await peer.SendAsync(RawFrame.WindowUpdate(1, 7));
        }, Body(12)) { Settings = [(4, 5)] },
        new("6.9.1", "a window of 0 lets the head pass and nothing else", [Requests.Get(1, "/fine/large/10")], async (peer, _) =>
        {
            await peer.UntilAsync(p => p.Stream(1).Status == 200);
            await peer.BarrierAsync();
            return peer.Stream(1).Body.Count == 0 ? null : $"{peer.Stream(1).Body.Count} octets";
        }) { Settings = [(4, 0)] },
        new("6.9.1", "an answer without content needs no window", [Requests.Get(1, "/fine/204")], Expect.Served(1, 204)) { Settings = [(4, 0)] },
        new("6.9.1", "empty DATA with END_STREAM needs no window", async peer =>
        {
            await peer.SendAsync(Requests.Get(1, "/fine/chunked"));
            await peer.UntilAsync(p => p.Stream(1).Body.Count == 5);
        }, Expect.Served()) { Settings = [(4, 5)] },
        new("6.9.1", "the connection's window bounds all streams together",
            [Requests.Get(1, "/fine/large/50000"), Requests.Get(3, "/fine/large/50000")], async (peer, _) =>
            {
                await peer.UntilAsync(p => p.Stream(1).Body.Count + p.Stream(3).Body.Count == 65535);
                await peer.BarrierAsync();
                await peer.SendAsync(RawFrame.WindowUpdate(0, 40000));
                await peer.UntilAsync(p => p.Stream(1).Ended && p.Stream(3).Ended);
                return null;
            }) { Settings = [(4, 1_000_000)] },
        new("6.9.1", "a stream without a window does not hold others up",
            [Requests.Get(1, "/fine/large/9000"), Requests.Get(3, "/fine/large/9000"), RawFrame.WindowUpdate(3, 9000)], Expect.Served(3, 200, (s, _) => s.Body.Count == 9000 ? null : $"{s.Body.Count} octets")) { Settings = [(4, 0)] },
        new("6.9.2", "SETTINGS_INITIAL_WINDOW_SIZE changes the windows of open streams", async peer =>
        {
            await peer.SendAsync(Requests.Get(1, "/fine/large/9"));
            await peer.UntilAsync(p => p.Stream(1).Status == 200);
            await peer.SendAsync(RawFrame.Settings((4, 1)));
        }, Body(1)) { Settings = [(4, 0)] },
        new("6.9.2", "a window may become negative, and nothing is sent until it is positive", async peer =>
        {
            await peer.SendAsync(Requests.Get(1, "/fine/large/30"));
            await peer.UntilAsync(p => p.Stream(1).Body.Count == 10);
            await peer.SendAsync(RawFrame.Settings((4, 2)), RawFrame.WindowUpdate(1, 8)); // 10 - 10 - 8 + 8 = 0
            await peer.BarrierAsync();
            if (peer.Stream(1).Body.Count != 10) throw new EndOfStreamException($"{peer.Stream(1).Body.Count} octets in a window of 0");
            await peer.SendAsync(RawFrame.WindowUpdate(1, 3));
        }, Body(13)) { Settings = [(4, 10)] },
        new("6.9.2", "SETTINGS do not change the connection's window",
            [RawFrame.Settings((4, 200_000)), Requests.Get(1, "/fine/large/100000")], async (peer, _) =>
            {
                await peer.UntilAsync(p => p.Stream(1).Body.Count == 65535);
                await peer.BarrierAsync();
                return peer.Stream(1).Body.Count == 65535 ? null : $"{peer.Stream(1).Body.Count} octets";
            }),
        new("5.2", "a large answer passes as windows open", async peer =>
        {
            peer.AutoCredit = true;
            await peer.SendAsync(Requests.Get(1, "/fine/large/3000000"));
        }, Expect.Served(1, 200, (s, _) => s.Body.Count == 3_000_000 ? null : $"{s.Body.Count} octets")),
        new("4.2", "a large SETTINGS_MAX_FRAME_SIZE of ours breaks nothing", async peer =>
        {
            peer.AutoCredit = true;
            await peer.SendAsync(Requests.Get(1, "/fine/large/300000"));
        }, Expect.Served(1, 200, (s, _) => s.Body.Count == 300_000 ? null : $"{s.Body.Count} octets")) { Settings = [(5, 1_000_000)] },
    ];

    private static IEnumerable<ConformanceCase> TheServerReceives =>
    [
        new("5.2", "a large body passes as the server opens its windows", async peer =>
        {
            peer.AutoCredit = true;
            await peer.SendAsync(Requests.Post(1, "/fine/echo"));
            await peer.SendBodyAsync(1, new byte[3_000_000]);
        }, Expect.Served(1, 200, (s, _) => s.Body.Count == 3_000_000 ? null : $"{s.Body.Count} octets")),
        new("6.9", "padding counts, and its credit comes back", async peer =>
        {
            await peer.SendAsync(Requests.Post(1, "/fine/echo"));
            for (var i = 0; i < 6000; i++)
            {
                if (peer.SendWindow < 257 || peer.Stream(1).SendWindow < 257) await peer.UntilAsync(p => p.SendWindow >= 257 && p.Stream(1).SendWindow >= 257);
                await peer.SendAsync(RawFrame.Data(1, "x").Pad(255));
                peer.Spend(1, 257);
            }
            await peer.SendAsync(RawFrame.Data(1, "", end: true));
        }, Expect.Served(1, 200, (s, _) => s.Body.Count == 6000 ? null : $"{s.Body.Count} octets")),
    ];

    private static Reaction Body(int octets) => async (peer, _) =>
    {
        await peer.UntilAsync(p => p.Stream(1).Body.Count >= octets);
        await peer.BarrierAsync();
        return peer.Stream(1).Body.Count == octets ? null : $"{peer.Stream(1).Body.Count} octets instead of {octets}";
    };
}
