using System.Net;
using System.Net.Sockets;
using Shouldly;
using Weft.Fuzz.Http2;
using Weft.Proxy.Tests.Http2.Wire;
using Weft.Proxy.Tests.Pipelines;
using Weft.Proxy.Tests.Upstream;
using Xunit;
using static Weft.Fuzz.Http2.RawCode;

namespace Weft.Proxy.Tests.Http2.Conformance;

/// <summary>
/// The data plane as an HTTP/2 client: an endpoint that breaks a rule of RFC 9113 gets the error that the rule asks for, and the client behind the proxy never a response that
/// could be taken for whole. All frames of the proxy are checked by <see cref="PeerRules"/>.
/// </summary>
public sealed class ClientRoleTests
{
    private static readonly byte[] Ok = [0x88, .. RawHpack.Literal("x-a", "b")];

    /// <param name="Answer">What the endpoint sends on stream 1.</param>
    /// <param name="Client">What the client behind the proxy sees.</param>
    /// <param name="Codes">Of the error that the endpoint sees; none: no error.</param>
    internal sealed record Case(string Section, string Gist, RawFrame[] Answer, Seen Client, bool IsConnectionError, params RawCode[] Codes)
    {
        /// <summary>The server's first bytes, instead of empty SETTINGS.</summary>
        public (ushort Id, uint Value)[] Settings { get; init; } = [];

        public string Name => $"{Section}: {Gist}";
    }

    internal enum Seen
    {
        /// <summary>200 and the whole body.</summary>
        Whole,

        /// <summary>502.</summary>
        BadGateway,

        /// <summary>502, or a response that ends before its end, visibly.</summary>
        CutOrBadGateway,
    }

    private static readonly Dictionary<string, Case> Cases = ((Case[])[.. Sound, .. Malformed, .. Broken]).ToDictionary(c => c.Name);

    public static TheoryData<string> Names => [.. Cases.Keys];

    private static Case[] Sound =>
    [
        new("8.1", "a response is passed on", [RawFrame.Headers(1, Ok, end: false), RawFrame.Data(1, "ok", end: true)], Seen.Whole, false),
        new("8.1", "interim responses come first", [RawFrame.Headers(1, [0x08, .. RawHpack.Text("103")], end: false), RawFrame.Headers(1, Ok, end: false), RawFrame.Data(1, "ok", end: true)], Seen.Whole, false),
        new("8.1", "trailers may follow", [RawFrame.Headers(1, Ok, end: false), RawFrame.Data(1, "ok"), RawFrame.Headers(1, RawHpack.Literal("x-t", "1"))], Seen.Whole, false),
        new("4.1", "unknown frames are ignored", [new RawFrame((RawType)0x42, 0, 1, new byte[9]), RawFrame.Headers(1, Ok, end: false), new RawFrame((RawType)0x43, 9, 0, []), RawFrame.Data(1, "ok", end: true)], Seen.Whole, false),
        new("6.1", "padding is not content", [RawFrame.Headers(1, Ok, end: false).Pad(7), RawFrame.Data(1, "o").Pad(100), RawFrame.Data(1, "k", end: true).Pad(0)], Seen.Whole, false),
        new("6.10", "heads may be continued", [RawFrame.Headers(1, Ok[..3], end: false, endHeaders: false), RawFrame.Continuation(1, Ok[3..]), RawFrame.Data(1, "ok", end: true)], Seen.Whole, false),
        new("6.9.1", "small windows only slow it down", [RawFrame.WindowUpdate(1, 1), RawFrame.Headers(1, Ok, end: false), RawFrame.Data(1, "ok", end: true)], Seen.Whole, false) { Settings = [(4, 1)] },
        new("5.4.2", "RST_STREAM(NO_ERROR) behind a whole response takes nothing from it", [RawFrame.Headers(1, Ok, end: false), RawFrame.Data(1, "ok", end: true), RawFrame.Reset(1, NoError)], Seen.Whole, false),
        new("6.8", "GOAWAY lets the response come", [RawFrame.GoAway(1, NoError), RawFrame.Headers(1, Ok, end: false), RawFrame.Data(1, "ok", end: true)], Seen.Whole, false),
    ];

    private static Case[] Malformed =>
    [
        .. new (string Gist, byte[] Block)[]
        {
            (":status missing", RawHpack.Literal("x-a", "b")), ("two :status", [0x88, .. Ok]), (":status 'abc'", RawHpack.Literal(":status", "abc")), (":status '20'", RawHpack.Literal(":status", "20")),
            (":status '2000'", RawHpack.Literal(":status", "2000")), (":status '+20'", RawHpack.Literal(":status", "+20")), (":status '099'", RawHpack.Literal(":status", "099")), (":status ''", RawHpack.Literal(":status", "")),
            (":status '101'", RawHpack.Literal(":status", "101")), (":path in a response", [0x88, 0x84]), (":status behind a field", [.. RawHpack.Literal("x-a", "b"), 0x88]), ("an unknown pseudo-header field", [0x88, .. RawHpack.Literal(":x", "y")]),
            ("a name in upper case", [0x88, .. RawHpack.Literal("X-A", "b")]), ("an empty name", [0x88, .. RawHpack.Literal("", "b")]), ("a name with a colon", [0x88, .. RawHpack.Literal("x:a", "b")]),
            ("a name with CR LF", [0x88, .. RawHpack.Literal("x-a\r\nx-b", "b")]), ("a value with CR LF", [0x88, .. RawHpack.Literal("x-a", "b\r\nset-cookie: evil=1")]), ("a value with LF", [0x88, .. RawHpack.Literal("x-a", "b\nc")]),
            ("a value with NUL", [0x88, .. RawHpack.Literal("x-a", "b\0")]), ("a value in white space", [0x88, .. RawHpack.Literal("x-a", " b")]), ("connection", [0x88, .. RawHpack.Literal("connection", "close")]),
            ("keep-alive", [0x88, .. RawHpack.Literal("keep-alive", "timeout=5")]), ("upgrade", [0x88, .. RawHpack.Literal("upgrade", "h2c")]), ("transfer-encoding", [0x88, .. RawHpack.Literal("transfer-encoding", "chunked")]),
            ("content-length 'abc'", [0x88, .. RawHpack.Literal("content-length", "abc")]), ("content-length '-1'", [0x88, .. RawHpack.Literal("content-length", "-1")]),
            ("content-lengths that differ", [0x88, .. RawHpack.Literal("content-length", "2"), .. RawHpack.Literal("content-length", "3")]),
        }.Select(bad => new Case("8.1.1", $"{bad.Gist} makes a response malformed", [RawFrame.Headers(1, bad.Block, end: false), RawFrame.Data(1, "ok", end: true)], Seen.BadGateway, false, ProtocolError)),
        new("8.1", "an interim response that ends the stream is malformed", [RawFrame.Headers(1, [0x08, .. RawHpack.Text("103")])], Seen.BadGateway, false, ProtocolError),
        new("8.1", "DATA before the head is malformed", [RawFrame.Data(1, "ok", end: true)], Seen.BadGateway, false, ProtocolError),
        new("8.1", "DATA between an interim response and the head is malformed", [RawFrame.Headers(1, [0x08, .. RawHpack.Text("103")], end: false), RawFrame.Data(1, "ok", end: true)], Seen.BadGateway, false, ProtocolError),
        new("8.1", "a second head is malformed", [RawFrame.Headers(1, Ok, end: false), RawFrame.Headers(1, Ok, end: false), RawFrame.Data(1, "ok", end: true)], Seen.CutOrBadGateway, false, ProtocolError),
        new("8.1", "a pseudo-header field in trailers is malformed", [RawFrame.Headers(1, Ok, end: false), RawFrame.Data(1, "ok"), RawFrame.Headers(1, [0x88])], Seen.CutOrBadGateway, false, ProtocolError),
        new("8.1", "CR LF in trailers is malformed", [RawFrame.Headers(1, Ok, end: false), RawFrame.Data(1, "ok"), RawFrame.Headers(1, RawHpack.Literal("x-t", "a\r\n\r\nHTTP/1.1 200 OK"))], Seen.CutOrBadGateway, false, ProtocolError),
        new("8.1.1", "DATA below content-length is malformed", [RawFrame.Headers(1, [0x88, .. RawHpack.Literal("content-length", "5")], end: false), RawFrame.Data(1, "ok", end: true)], Seen.CutOrBadGateway, false, ProtocolError),
        new("8.1.1", "DATA above content-length is malformed", [RawFrame.Headers(1, [0x88, .. RawHpack.Literal("content-length", "1")], end: false), RawFrame.Data(1, "ok", end: true)], Seen.CutOrBadGateway, false, ProtocolError),
        new("8.1.1", "content-length without DATA is malformed", [RawFrame.Headers(1, [0x88, .. RawHpack.Literal("content-length", "2")])], Seen.CutOrBadGateway, false, ProtocolError),
        new("5.1", "frames behind END_STREAM are an error STREAM_CLOSED or discarded", [RawFrame.Headers(1, [0x88, .. RawHpack.Literal("content-length", "2")], end: false), RawFrame.Data(1, "ok", end: true), RawFrame.Data(1, "more")], Seen.Whole, true, StreamClosed, ProtocolError, NoError),
        new("6.9", "an increment of 0 is a stream error PROTOCOL_ERROR", [RawFrame.WindowUpdate(1, 0)], Seen.BadGateway, false, ProtocolError),
        new("6.9.1", "a stream's window above 2^31-1 is a stream error FLOW_CONTROL_ERROR", [RawFrame.WindowUpdate(1, int.MaxValue)], Seen.BadGateway, false, FlowControlError),
        new("5.4.2", "RST_STREAM within a response cuts it", [RawFrame.Headers(1, Ok, end: false), RawFrame.Data(1, "o"), RawFrame.Reset(1, InternalError)], Seen.CutOrBadGateway, false),
    ];

    private static Case[] Broken =>
    [
        new("8.4", "PUSH_PROMISE though push is off is a connection error PROTOCOL_ERROR", [new RawFrame(RawType.PushPromise, RawFrame.EndHeaders, 1, [0, 0, 0, 2, 0x82, 0x86, 0x84])], Seen.BadGateway, true, ProtocolError),
        new("6.5.2", "SETTINGS_ENABLE_PUSH of 1 from a server is a connection error PROTOCOL_ERROR", [RawFrame.Settings((2, 1))], Seen.BadGateway, true, ProtocolError),
        new("6.5.2", "SETTINGS_INITIAL_WINDOW_SIZE above 2^31-1 is a connection error FLOW_CONTROL_ERROR", [RawFrame.Settings((4, 0x8000_0000))], Seen.BadGateway, true, FlowControlError),
        new("6.5.2", "SETTINGS_MAX_FRAME_SIZE out of range is a connection error PROTOCOL_ERROR", [RawFrame.Settings((5, 100))], Seen.BadGateway, true, ProtocolError),
        new("6.5", "SETTINGS of a wrong length is a connection error FRAME_SIZE_ERROR", [new RawFrame(RawType.Settings, 0, 0, new byte[5])], Seen.BadGateway, true, FrameSizeError),
        new("5.1.1", "HEADERS on a stream that the server opens is a connection error PROTOCOL_ERROR", [RawFrame.Headers(2, Ok)], Seen.BadGateway, true, ProtocolError),
        new("5.1", "HEADERS on a stream that was never opened is a connection error PROTOCOL_ERROR", [RawFrame.Headers(101, Ok)], Seen.BadGateway, true, ProtocolError),
        new("5.1", "DATA on a stream that was never opened is a connection error PROTOCOL_ERROR", [RawFrame.Data(101, "x")], Seen.BadGateway, true, ProtocolError),
        new("4.3", "a block that does not decompress is a connection error COMPRESSION_ERROR", [RawFrame.Headers(1, [0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f])], Seen.BadGateway, true, CompressionError),
        new("4.3", "an interrupted block is a connection error PROTOCOL_ERROR", [RawFrame.Headers(1, Ok[..3], endHeaders: false), RawFrame.Ping(1)], Seen.BadGateway, true, ProtocolError),
        new("4.2", "a frame over SETTINGS_MAX_FRAME_SIZE is a connection error FRAME_SIZE_ERROR", [new RawFrame((RawType)0x55, 0, 0, new byte[16385])], Seen.BadGateway, true, FrameSizeError),
        new("6.1", "DATA on stream 0 is a connection error PROTOCOL_ERROR", [RawFrame.Data(0, "x")], Seen.BadGateway, true, ProtocolError),
        new("6.1", "padding longer than its frame is a connection error PROTOCOL_ERROR",
            [RawFrame.Headers(1, Ok, end: false), RawFrame.Data(1, [9, 1]) with { Flags = RawFrame.Padded }], Seen.CutOrBadGateway, true, ProtocolError),
        new("6.4", "RST_STREAM of a wrong length is a connection error FRAME_SIZE_ERROR", [new RawFrame(RawType.RstStream, 0, 1, new byte[5])], Seen.BadGateway, true, FrameSizeError),
        new("6.7", "PING of a wrong length is a connection error FRAME_SIZE_ERROR", [new RawFrame(RawType.Ping, 0, 0, new byte[7])], Seen.BadGateway, true, FrameSizeError),
        new("6.8", "GOAWAY on a stream is a connection error PROTOCOL_ERROR", [RawFrame.GoAway(0, NoError) with { Stream = 1 }], Seen.BadGateway, true, ProtocolError),
        new("6.9.1", "the connection's window above 2^31-1 is a connection error FLOW_CONTROL_ERROR", [RawFrame.WindowUpdate(0, int.MaxValue)], Seen.BadGateway, true, FlowControlError),
        new("6.9", "an increment of 0 on the connection is a connection error PROTOCOL_ERROR", [RawFrame.WindowUpdate(0, 0)], Seen.BadGateway, true, ProtocolError),
        new("6.10", "CONTINUATION that continues nothing is a connection error PROTOCOL_ERROR", [RawFrame.Continuation(1, Ok)], Seen.BadGateway, true, ProtocolError),
    ];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Rules_hold_for_what_endpoints_send(string rule)
    {
        var one = Cases[rule];
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(16);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [(IPEndPoint)listener.LocalEndPoint!], Http2UpstreamTests.Http2Cluster()).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("GET /fine HTTP/1.1\r\nHost: weft.test\r\n\r\n");
        using var endpoint = await Http2Peer.AcceptAsync(await listener.AcceptAsync(), one.Settings);
        await endpoint.UntilAsync(p => p.Stream(1).Ended);
        await endpoint.SendAsync(one.Answer);

        (await WhatTheClientSeesAsync(client, one.Client)).ShouldBeNull();
        if (one.IsConnectionError)
        {
            // Where being silent is allowed, too, the connection may live on.
            if (!one.Codes.Contains(NoError) || !await endpoint.BarrierAsync())
            {
                await endpoint.UntilAsync(p => p.IsClosed);
                endpoint.GoAway.ShouldNotBeNull().Code.ShouldBeOneOf(one.Codes);
            }
        }
        else
        {
            if (!one.Answer.Any(f => f.Type == RawType.GoAway)) (await endpoint.BarrierAsync()).ShouldBeTrue($"the connection ended: {endpoint.GoAway}");
            if (one.Codes.Length == 0) endpoint.Stream(1).Reset.ShouldBeNull();
            else endpoint.Stream(1).Reset.ShouldNotBeNull().ShouldBeOneOf(one.Codes);
        }
        endpoint.Violations.ShouldBeEmpty();
        proxy.Faults.ShouldBeEmpty();
    }

    private static async Task<string?> WhatTheClientSeesAsync(RawClient client, Seen wanted)
    {
        try
        {
            var response = await client.ReadResponseAsync();
            while (response.Status is >= 100 and < 200) response = await client.ReadResponseAsync();
            var seen = response switch
            {
                { Status: 502 } => wanted != Seen.Whole,
                { Status: 200 } => wanted == Seen.Whole && response.Body.StartsWith("ok", StringComparison.Ordinal),
                _ => false,
            };
            return seen ? null : $"{response.StatusLine} {response.Body}";
        }
        catch (Exception e) when (e is EndOfStreamException or SocketException)
        {
            return wanted == Seen.CutOrBadGateway ? null : e.Message;
        }
    }
}
