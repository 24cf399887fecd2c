using Weft.Fuzz.Http2;
using Weft.Proxy.Tests.Cases;
using Weft.Proxy.Tests.Http2.Wire;
using static Weft.Fuzz.Http2.RawCode;

namespace Weft.Proxy.Tests.Http2.Conformance;

/// <summary>RFC 9113 section 8: how HTTP messages are expressed, and what makes one malformed.</summary>
internal static class MessageCases
{
    public static IEnumerable<ConformanceCase> All => [.. Framing, .. ContentLength, .. FieldNamesAndValues, .. ConnectionFields, .. Pseudo, .. Answers, .. Connect];

    private static IEnumerable<ConformanceCase> Framing =>
    [
        new("8.1", "GET is served", [Requests.Get(1)], Expect.Served(1, 200, (s, r) => s.Text == "ok" && r[0] is { Method: "GET", Target: "/fine", Framing: "none" } ? null : $"{s.Text} {r[0]}")),
        new("8.1", "HEAD is served without content", [Requests.Of(1, Requests.Fields("/fine", "HEAD"))], Expect.Served(1, 200, (s, _) => s.Body.Count == 0 && s["content-length"] == "2" ? null : $"{s.Body.Count} octets")),
        new("8.1", "POST with DATA is served", [Requests.Post(1, "/fine/echo"), RawFrame.Data(1, "one "), RawFrame.Data(1, "two", end: true)],
            Expect.Served(1, 200, (s, r) => s.Text == "one two" && r[0].Framing == "chunked" ? null : $"{s.Text} {r[0].Framing}")),
        new("8.1", "POST with content-length keeps it", [Requests.Post(1, "/fine/echo", ("content-length", "3")), RawFrame.Data(1, "abc", end: true)],
            Expect.Served(1, 200, (s, r) => s.Text == "abc" && r[0]["content-length"] == "3" ? null : $"{s.Text} {r[0]["content-length"]}")),
        new("8.1", "a request's trailers are accepted", [Requests.Post(1, "/fine/echo"), RawFrame.Data(1, "abc"), Requests.Trailers(1, ("x-sum", "3"))], Expect.Served(1, 200, (s, _) => s.Text == "abc" ? null : s.Text)),
        new("8.1", "trailers without content are accepted", [Requests.Post(1, "/fine/echo"), Requests.Trailers(1, ("x-sum", "3"))], Expect.Served()),
        new("8.1", "a second HEADERS without END_STREAM makes it malformed", 
            [Requests.Post(1, "/evil"), RawFrame.Data(1, "x"), RawFrame.Headers(1, RawHpack.Block([("x-t", "1")]), end: false), RawFrame.Data(1, "", end: true)], Expect.Malformed()) { HeadMayPass = true },
        new("8.1", "a whole request is served though its stream has an answer already", async peer =>
        {
            await peer.SendAsync(Requests.Post(1, "/fine/echo"));
            await peer.SendAsync(RawFrame.Data(1, "late", end: true));
        }, Expect.Served(1, 200, (s, _) => s.Text == "late" ? null : s.Text)),
        new("8.1", "interim responses come before the final one", [Requests.Get(1, "/fine/hints")], Expect.Served(1, 200, (s, _) => 
            s.Heads.Count == 2 && s.Heads[0].Contains((":status", "103")) && s.Heads[0].Contains(("link", "</a>")) ? null : $"{s.Heads.Count} heads")),
        new("8.1", "a response's trailers come last, and end the stream", [Requests.Of(1, Requests.Fields("/fine/trailers", more: ("te", "trailers")))], Expect.Served(1, 200, (s, _) =>
            s.Text == "hello" && s.Heads.Count == 2 && s.Heads[1].Contains(("x-sum", "5")) ? null : $"{s.Text}, {s.Heads.Count} heads")),
        new("8.1", "a response that is cut upstream is reset, not ended", [Requests.Get(1, "/fine/cut")], async (peer, _) =>
        {
            await peer.UntilAsync(p => p.Stream(1).IsOver);
            return peer.Stream(1) is { Ended: false, Reset: not null and not NoError } or { Status: 502 } ? null : $"ended {peer.Stream(1).Ended}, reset {peer.Stream(1).Reset}";
        }),
    ];

    private static IEnumerable<ConformanceCase> ContentLength =>
    [
        Length("content-length above the DATA", "5", "abc"), Length("content-length below the DATA", "2", "abc"), Length("content-length of 0 with DATA", "0", "a"),
        new("8.1.1", "content-length without DATA makes it malformed", [Requests.Get(1, "/evil", ("content-length", "5"))], Expect.Malformed()) { HeadMayPass = true },
        new("8.1.1", "content-length above the sum of several DATA makes it malformed",
            [Requests.Post(1, "/evil", ("content-length", "9")), RawFrame.Data(1, "abc"), RawFrame.Data(1, "def", end: true)], Expect.Malformed()) { HeadMayPass = true },
        new("8.1.1", "content-length below the sum of several DATA makes it malformed",
            [Requests.Post(1, "/evil", ("content-length", "4")), RawFrame.Data(1, "abc"), RawFrame.Data(1, "def", end: true)], Expect.Malformed()) { HeadMayPass = true },
        new("8.1.1", "content-length above the DATA in front of trailers makes it malformed",
            [Requests.Post(1, "/evil", ("content-length", "9")), RawFrame.Data(1, "abc"), Requests.Trailers(1, ("x-t", "1"))], Expect.Malformed()) { HeadMayPass = true },
        new("8.1.1", "content-length of 0 without DATA is sound", [Requests.Of(1, Requests.Fields("/fine", "POST", more: ("content-length", "0")))], Expect.Served()),
        new("8.1.1", "padding is not counted", [Requests.Post(1, "/fine/echo", ("content-length", "3")), RawFrame.Data(1, "abc", end: true).Pad(50)], Expect.Served(1, 200, (s, _) => s.Text == "abc" ? null : s.Text)),
        .. new[] { "abc", "+3", "-3", "3 ", " 3", "3,3", "0x3", "3.0", "", "99999999999999999999", "3;", "٣" }.Select(v =>
            new ConformanceCase("8.1.1", $"content-length '{v}' makes it malformed", [Requests.Post(1, "/evil", ("content-length", v)), RawFrame.Data(1, "abc", end: true)], Expect.Malformed())),
        new("8.1.1", "two content-lengths that differ make it malformed",
            [Requests.Post(1, "/evil", ("content-length", "3"), ("content-length", "4")), RawFrame.Data(1, "abc", end: true)], Expect.Malformed()),
        new("8.1.1", "two equal content-lengths do not reach the backend as two",
            [Requests.Post(1, "/fine/echo", ("content-length", "3"), ("content-length", "3")), RawFrame.Data(1, "abc", end: true)], Expect.RefusedOrServed()),
    ];

    private static IEnumerable<ConformanceCase> FieldNamesAndValues =>
    [
        .. new[] { "X-Upper", "x-Upper", "", " ", "x a", "x\ta", "x\0a", "x\ra", "x\na", "x\u007fa", "x\u0080a", "x\u00e9a", "x:a", "x(a)", "x/a", "x[a]", "x\"a", "x,a", "x;a", "x=a", "x@a", "x\\a", "x{a}", "x?a", "x<a>", "content-length ", " host" }
            .Select(n => new ConformanceCase("8.2.1", $"a field name '{Visible(n)}' makes it malformed", [Requests.Get(1, "/evil", (n, "v"))], Expect.Malformed())),
        .. new[] { "a\0b", "a\rb", "a\nb", "a\r\nx-evil: 1", "a\r\n\r\nGET /evil2 HTTP/1.1\r\nHost: a\r\n\r\n", "\n", "\0", " a", "a ", "\ta", "a\t", " ", "a\r" }
            .Select(v => new ConformanceCase("8.2.1", $"a field value '{Visible(v)}' makes it malformed", [Requests.Get(1, "/evil", ("x-a", v))], Expect.Malformed())),
        .. new[] { "a\u0001b", "a\u000bb", "a\u001fb", "a\u007fb" }
            .Select(v => new ConformanceCase("8.2.1", $"a field value '{Visible(v)}' never reaches the backend as it is", [Requests.Get(1, "/fine", ("x-a", v))], Expect.RefusedOrServed())),
        .. new[] { "", "a b", "a\tb", "\u00fc\u00ff", "a:b", "\"q\"", new string('v', 8000) }
            .Select(v => new ConformanceCase("8.2.1", $"a field value '{Visible(v)}' passes", [Requests.Get(1, "/fine", ("x-a", v))], Expect.Served(1, 200, (_, r) => r[0]["x-a"] == v ? null : $"it became '{r[0]["x-a"]}'"))),
        new("8.2.1", "a token of every kind is a field name", [Requests.Get(1, "/fine", ("a!#$%&'*+-.^_`|~09z", "v"))], Expect.Served(1, 200, (_, r) => r[0]["a!#$%&'*+-.^_`|~09z"] == "v" ? null : "it did not arrive")),
        .. new[] { ("x-a", "a\r\nb"), ("X-a", "v"), ("x a", "v"), ("x-a", "a\0"), ("", "v") }
            .Select(f => new ConformanceCase("8.2.1", $"a trailer '{Visible(f.Item1)}: {Visible(f.Item2)}' makes it malformed",
                [Requests.Post(1, "/evil"), RawFrame.Data(1, "x"), Requests.Trailers(1, f)], Expect.Malformed()) { HeadMayPass = true }),
        new("8.2.3", "several cookie fields become one for HTTP/1.1", [Requests.Get(1, "/fine", ("cookie", "a=b"), ("cookie", "c=d"), ("cookie", "e=f"))],
            Expect.Served(1, 200, (_, r) => r[0].Fields.Count(f => f.Name.Equals("cookie", StringComparison.OrdinalIgnoreCase)) == 1 && r[0]["cookie"] == "a=b; c=d; e=f" ? null : $"it became {r[0]["cookie"]}")),
    ];

    private static IEnumerable<ConformanceCase> ConnectionFields =>
    [
        .. new[] { ("connection", "close"), ("connection", "keep-alive, x-a"), ("keep-alive", "timeout=5"), ("proxy-connection", "keep-alive"), ("transfer-encoding", "chunked"), ("transfer-encoding", "identity"),
                ("transfer-encoding", "gzip, chunked"), ("upgrade", "h2c"), ("upgrade", "websocket"), ("te", "gzip"), ("te", "trailers, deflate"), ("te", "chunked"), ("te", "") }
            .Select(f => new ConformanceCase("8.2.2", $"{f.Item1}: {f.Item2} makes it malformed", [Requests.Get(1, "/evil", f)], Expect.Malformed())),
        new("8.2.2", "transfer-encoding with DATA makes it malformed",
            [Requests.Post(1, "/evil", ("transfer-encoding", "chunked")), RawFrame.Data(1, "0\r\n\r\nGET /evil2 HTTP/1.1\r\nHost: a\r\n\r\n", end: true)], Expect.Malformed()),
        new("8.2.2", "te: trailers is allowed", [Requests.Get(1, "/fine", ("te", "trailers"))], Expect.Served()),
        new("8.2.2", "connection-specific trailers make it malformed, or are dropped",
            [Requests.Post(1, "/fine"), RawFrame.Data(1, "x"), Requests.Trailers(1, ("transfer-encoding", "chunked"), ("x-t", "1"))], Expect.RefusedOrServed()),
    ];

    private static IEnumerable<ConformanceCase> Pseudo =>
    [
        .. new[] { ":method", ":scheme", ":path" }.Select(n => new ConformanceCase("8.3.1", $"a request without {n} is malformed", [Requests.Of(1, Requests.Without(n))], Expect.Malformed())),
        .. new[] { (":method", "GET"), (":scheme", "http"), (":path", "/evil"), (":path", "/fine2"), (":authority", "weft.test") }
            .Select(f => new ConformanceCase("8.3", $"a second {f.Item1} ({f.Item2}) makes it malformed", [Requests.Of(1, [f, .. Requests.Fields("/evil")])], Expect.Malformed())),
        .. new[] { ":method", ":scheme", ":path", ":authority" }.Select(n =>
            new ConformanceCase("8.3", $"{n} behind a field makes it malformed", [Requests.Of(1, [.. Requests.Without(n), ("x-a", "b"), .. Requests.Fields("/evil").Where(f => f.Name == n)])], Expect.Malformed())),
        .. new[] { (":status", "200"), (":unknown", "x"), (":", "x"), (":Method", "GET"), (":path ", "/"), (":protocol", "websocket") }
            .Select(f => new ConformanceCase("8.3", $"pseudo-header field '{f.Item1}' makes a GET malformed", [Requests.Of(1, [.. Requests.Fields("/evil"), f])], Expect.Malformed())),
        .. new[] { (":path", "/evil2"), (":status", "200"), (":method", "GET"), (":x", "y") }
            .Select(f => new ConformanceCase("8.1", $"{f.Item1} in trailers makes it malformed", [Requests.Post(1, "/evil"), RawFrame.Data(1, "x"), Requests.Trailers(1, f)], Expect.Malformed()) { HeadMayPass = true }),
        new("8.3.1", "an empty :path is malformed", [Requests.Of(1, Requests.Fields(""))], Expect.Malformed()),
        new("8.3.1", "an empty :method is malformed", [Requests.Of(1, Requests.Fields("/evil", method: ""))], Expect.Malformed()),
        new("8.3.1", "an empty :scheme is malformed", [Requests.Of(1, Requests.Fields("/evil", scheme: ""))], Expect.Malformed()),
        new("8.3.1", "OPTIONS * is served", [Requests.Of(1, Requests.Fields("*", "OPTIONS"))], Expect.Served(1, 200, (_, r) => r[0].Start == "OPTIONS * HTTP/1.1" ? null : r[0].Start)),
        new("8.3.1", "* belongs to OPTIONS alone", [Requests.Of(1, Requests.Fields("*evil"))], Expect.Malformed()),
        new("8.3.1", ":authority becomes Host", [Requests.Get(1)], Expect.Served(1, 200, (_, r) => r[0]["host"] == "weft.test" ? null : r[0]["host"])),
        new("8.3.1", "Host that equals :authority is one Host", [Requests.Get(1, "/fine", ("host", "weft.test"))],
            Expect.Served(1, 200, (_, r) => r[0].Fields.Count(f => f.Name.Equals("host", StringComparison.OrdinalIgnoreCase)) == 1 ? null : "it is not")),
        new("8.3.1", "Host without :authority is enough", [Requests.Of(1, [.. Requests.Without(":authority", "/fine"), ("host", "weft.test")])], Expect.Served(1, 200, (_, r) => r[0]["host"] == "weft.test" ? null : r[0]["host"])),
        new("8.3.1", "neither Host nor :authority is refused", [Requests.Of(1, Requests.Without(":authority"))], Expect.Malformed()),
        new("8.3.1", "Host that differs from :authority makes it malformed", [Requests.Get(1, "/evil", ("host", "other.test"))], Expect.Malformed()),
        new("8.3.1", "pseudo-header fields may come in any order", [Requests.Of(1, Enumerable.Reverse(Requests.Fields("/fine")))], Expect.Served()),
    ];

    private static IEnumerable<ConformanceCase> Answers =>
    [
        new("8.2.2", "connection-specific fields of the backend stay behind", [Requests.Get(1, "/fine/hop")], Expect.Served(1, 200, (s, _) =>
            s.Text == "ok" && s["x-end"] == "1" && s["x-hop"] is null && s["keep-alive"] is null ? null : string.Join("; ", s.Final!))),
        new("8.6", "101 of the backend is a bad gateway", [Requests.Get(1, "/fine/101")], Expect.Served(1, 502)),
        new("8.3.2", "a response without content has :status alone of the pseudo-header fields", [Requests.Get(1, "/fine/204")], Expect.Served(1, 204)),
        new("8.4", "the server pushes nothing", [RawFrame.Settings((2, 1)), Requests.Get(1)], async (peer, server) =>
            await Expect.Served()(peer, server) ?? (peer.Frames.Exists(f => f.Type == RawType.PushPromise) ? "it does" : null)),
    ];

    private static IEnumerable<ConformanceCase> Connect =>
    [
        new("8.5", "CONNECT with :path is malformed", [Requests.Of(1, [(":method", "CONNECT"), (":path", "/evil"), (":authority", "weft.test:80")], end: false)], Expect.Malformed()),
        new("8.5", "CONNECT with :scheme is malformed", [Requests.Of(1, [(":method", "CONNECT"), (":scheme", "http"), (":authority", "weft.test:80")], end: false)], Expect.Malformed()),
        new("8.5", "CONNECT without :authority is malformed", [Requests.Of(1, [(":method", "CONNECT")], end: false)], Expect.Malformed()),
        new("8.5", "CONNECT with an authority without a port is malformed", [Requests.Of(1, [(":method", "CONNECT"), (":authority", "weft.test")], end: false)], Expect.Malformed()),
        new("RFC 8441 4", ":protocol needs CONNECT", [Requests.Of(1, [.. Requests.Fields("/evil"), (":protocol", "websocket")], end: false)], Expect.Malformed()),
        new("RFC 8441 4", "extended CONNECT without :path is malformed",
            [Requests.Of(1, [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":authority", "weft.test")], end: false)], Expect.Malformed()),
        new("RFC 8441 4", "extended CONNECT without :scheme is malformed",
            [Requests.Of(1, [(":method", "CONNECT"), (":protocol", "websocket"), (":path", "/evil"), (":authority", "weft.test")], end: false)], Expect.Malformed()),
        new("RFC 8441 3", "extended CONNECT to a server that does not announce it is malformed",
            [Requests.Of(1, [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/evil"), (":authority", "weft.test")], end: false)],
            async (peer, server) => peer.PeerSettings.GetValueOrDefault((ushort)8) == 1 ? null : await Expect.Malformed()(peer, server)) { HeadMayPass = true },
    ];

    private static ConformanceCase Length(string gist, string length, string content) =>
        new("8.1.1", $"{gist} makes it malformed", [Requests.Post(1, "/evil", ("content-length", length)), RawFrame.Data(1, content, end: true)], Expect.Malformed()) { HeadMayPass = true };

    internal static string Visible(string text) => text.Length > 60 ? $"{text.Length} octets" : string.Concat(text.Select(c => c is >= ' ' and < (char)127 ? c.ToString() : $"\\x{(int)c:x2}"));
}
