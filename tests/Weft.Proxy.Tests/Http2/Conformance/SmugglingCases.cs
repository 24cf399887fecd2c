using Weft.Fuzz.Http2;
using Weft.Proxy.Tests.Http2.Wire;

namespace Weft.Proxy.Tests.Http2.Conformance;

/// <summary>What HTTP/2 can carry and HTTP/1.1 would read as something else (RFC 9113 section 10.3): none of it may reach a backend that speaks HTTP/1.1.</summary>
internal static class SmugglingCases
{
    private const string Second = "GET /evil2 HTTP/1.1\r\nHost: a\r\n\r\n";

    public static IEnumerable<ConformanceCase> All => [.. Paths, .. Methods, .. Authorities, .. Schemes, .. Fields];

    private static IEnumerable<ConformanceCase> Paths =>
    [
        .. new[]
        {
            "/evil x", "/evil HTTP/1.1", "/evil\r\nX: y", "/evil\n", "/evil\0", "/evil\t", "/evil HTTP/1.1\r\nHost: b\r\n\r\n" + Second, " /evil", "/evil ", "/evil#fragment", "evil", "evil/x", "?evil",
            "http://other.test/evil", "https://other.test/evil", "//", "@evil", "/evil\u007f", "/evil\u0080", "/ev\u00fcl", "/evil%00", "\\evil", "*/evil", "**",
        }.Where(p => p != "//").Select(p => new ConformanceCase("10.3", $":path '{MessageCases.Visible(p)}' is refused", [Requests.Of(1, Requests.Fields(p))], Expect.Malformed())),
        new("10.3", ":path with dot segments cannot leave its prefix", [Requests.Get(1, "/evil/../fine")], Expect.Served(1, 200, (_, r) => r[0].Target == "/fine" ? null : r[0].Target)),
        new("10.3", ":path with a query keeps it", [Requests.Get(1, "/fine?a=b/../c&d=%20")], Expect.Served(1, 200, (_, r) => r[0].Target == "/fine?a=b/../c&d=%20" ? null : r[0].Target)),
    ];

    private static IEnumerable<ConformanceCase> Methods =>
    [
        .. new[] { "GET /evil2 HTTP/1.1\r\nX:", "GE T", "GET\r\n", "GET\0", "GET\t", "G\u00e9T", "GET/", "GET:", "(GET)", " GET", "GET ", "\"GET\"", "G{T" }
            .Select(m => new ConformanceCase("10.3", $":method '{MessageCases.Visible(m)}' is refused", [Requests.Of(1, Requests.Fields("/evil", m))], Expect.Malformed())),
        new("10.3", "an unknown method that is a token passes", [Requests.Of(1, Requests.Fields("/fine", "M-SEARCH"))], Expect.Served(1, 200, (_, r) => r[0].Method == "M-SEARCH" ? null : r[0].Method)),
    ];

    private static IEnumerable<ConformanceCase> Authorities =>
    [
        .. new[] { "user@weft.test", "user:secret@weft.test", "a b", "weft.test\r\nX: y", "weft.test\n", "weft.test\0", "weft.test/evil", "weft.test?x", "weft.test#x", "weft.test:port", "weft.test:80:80", "weft.test:99999",
                "weft.test, other.test", "http://weft.test", "", " ", "[::1", "::1", "weft.test\\evil", "w\u00e9ft.test", "<weft>", "weft.test " }
            .Select(a => new ConformanceCase("10.3", $":authority '{MessageCases.Visible(a)}' is refused", [Requests.Of(1, Requests.Fields("/evil", authority: a))], Expect.Malformed())),
        .. new[] { "weft.test", "weft.test:8080", "127.0.0.1", "[::1]:80", "a-b.c_d" }
            .Select(a => new ConformanceCase("10.3", $":authority '{a}' passes as Host", [Requests.Of(1, Requests.Fields("/fine", authority: a))], Expect.Served(1, 200, (_, r) => r[0]["host"] == a ? null : r[0]["host"]))),
        new("10.3", "Host with another port than :authority is refused", [Requests.Get(1, "/evil", ("host", "weft.test:81"))], Expect.Malformed()),
        new("10.3", "two Host fields are refused", [Requests.Of(1, [.. Requests.Without(":authority"), ("host", "a"), ("host", "b")])], Expect.Malformed()),
        new("10.3", "two equal Host fields are refused", [Requests.Of(1, [.. Requests.Without(":authority"), ("host", "a"), ("host", "a")])], Expect.Malformed()),
        new("10.3", "an empty Host without :authority is refused", [Requests.Of(1, [.. Requests.Without(":authority"), ("host", "")])], Expect.Malformed()),
        new("10.3", "Host with a path is refused", [Requests.Of(1, [.. Requests.Without(":authority"), ("host", "weft.test/evil")])], Expect.Malformed()),
    ];

    private static IEnumerable<ConformanceCase> Schemes =>
    [
        .. new[] { "http://weft.test/?", "ht tp", "http\r\nX: y", "http\0", "1http", "http:", "://" }
            .Select(s => new ConformanceCase("10.3", $":scheme '{MessageCases.Visible(s)}' is refused", [Requests.Of(1, Requests.Fields("/evil", scheme: s))], Expect.Malformed())),
        new("10.3", ":scheme https over a connection without TLS is refused or served as plain", [Requests.Of(1, Requests.Fields("/fine", scheme: "https"))], Expect.RefusedOrServed()),
    ];

    private static IEnumerable<ConformanceCase> Fields =>
    [
        new("10.3", "a request in a value stays in it", [Requests.Get(1, "/evil", ("x-a", "b\r\n\r\n" + Second))], Expect.Malformed()),
        new("10.3", "a request in a name stays in it", [Requests.Get(1, "/evil", ("x-a: b\r\n\r\n" + Second, "v"))], Expect.Malformed()),
        new("10.3", "a request in a body is content", [Requests.Post(1, "/fine/echo"), RawFrame.Data(1, "0\r\n\r\n" + Second, end: true)], Expect.Served(1, 200, (s, r) =>
            s.Text == "0\r\n\r\n" + Second && r.Count == 1 ? null : $"{r.Count} requests")),
        new("10.3", "a request behind a content-length is content or refused",
            [Requests.Post(1, "/evil", ("content-length", "0")), RawFrame.Data(1, Second, end: true)], Expect.Malformed()) { HeadMayPass = true },
        new("10.3", "transfer-encoding in upper case is malformed", [Requests.Post(1, "/evil", ("Transfer-Encoding", "chunked")), RawFrame.Data(1, "0\r\n\r\n" + Second, end: true)], Expect.Malformed()),
        new("10.3", "transfer-encoding behind a CR in a value is malformed", [Requests.Post(1, "/evil", ("x-a", "b\rtransfer-encoding: chunked")), RawFrame.Data(1, Second, end: true)], Expect.Malformed()),
        new("10.3", "content-length in trailers stays behind", [Requests.Post(1, "/fine/echo"), RawFrame.Data(1, "abc"), Requests.Trailers(1, ("content-length", "0"), ("host", "evil.test"), ("x-sum", "3"))], Expect.RefusedOrServed()),
        new("10.3", "expect: 100-continue is no obstacle", [Requests.Post(1, "/fine/echo", ("expect", "100-continue")), RawFrame.Data(1, "abc", end: true)], Expect.Served(1, 200, (s, _) => s.Text == "abc" ? null : s.Text)),
        new("10.3", "a bare x-weft field of a stranger stays behind", [Requests.Get(1, "/fine", ("x-weft-source", "default/admin"), ("x-weft-form", "1"), ("x-weft-deadline", "1"))],
            Expect.Served(1, 200, (_, r) => r[0].Fields.Any(f => f.Name.StartsWith("x-weft-source", StringComparison.OrdinalIgnoreCase) && f.Value.Contains("admin", StringComparison.Ordinal)) ? "it was believed" : null)),
        new("10.3", "GET with content passes with its framing", [RawFrame.Headers(1, RawHpack.Block(Requests.Fields("/fine/echo")), end: false), RawFrame.Data(1, Second, end: true)],
            Expect.Served(1, 200, (s, r) => s.Text == Second && r.Count == 1 ? null : $"{r.Count} requests")),
    ];
}
