using System.Text;
using Weft.Fuzz.Http2;
using Weft.Proxy.Tests.Http2.Conformance;

namespace Weft.Proxy.Tests.Attacks;

/// <summary>What is slow, what is large, and what comes before HTTP.</summary>
internal static class OtherAttacks
{
    private static readonly byte[] Preface = [.. RawFrame.Preface, .. RawFrame.Settings().ToBytes()];

    private static readonly byte[] NoWindows = [.. RawFrame.Preface, .. RawFrame.Settings((4, 0)).ToBytes()];

    private static readonly byte[] LargeWindows = [.. RawFrame.Preface, .. RawFrame.Settings((4, int.MaxValue)).ToBytes(), .. RawFrame.WindowUpdate(0, int.MaxValue - 65535).ToBytes()];

    public static IEnumerable<Attack> All => [.. Slow, .. SlowHttp2, .. Large, .. Handshakes];

    private static IEnumerable<Attack> Slow =>
    [
        new SlowAttack("slowloris, HTTP/1.1", "a head, one field every 200 ms", Text("GET / HTTP/1.1\r\nHost: a\r\n"), i => Text($"X-{i}: a\r\n")),
        new SlowAttack("slowloris, octets", "a request line, one octet every 200 ms", Text("GET /"), _ => Text("a")),
        new SlowAttack("slow body, HTTP/1.1", "a body, one octet every 200 ms", Text("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"), _ => Text("a")),
        new SlowAttack("slow chunks", "a chunked body, one octet every 200 ms", Text("POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), _ => Text("1\r\na\r\n")),
        new SlowAttack("slow read, HTTP/1.1", "a request for 8 MB, of which nothing is read", Text("GET /large HTTP/1.1\r\nHost: a\r\n\r\n"), SlowAttack.Silence),
        new SlowAttack("silent connections", "nothing", [], SlowAttack.Silence),
    ];

    private static IEnumerable<Attack> SlowHttp2 =>
    [
        new SlowAttack("slow preface", "half of the connection preface", Text("PRI * HTTP/2.0\r\n"), SlowAttack.Silence),
        new SlowAttack("slow head, HTTP/2", "a field block, one octet every 200 ms in a CONTINUATION frame",
            [.. Preface, .. RawFrame.Headers(1, [.. RawHpack.Block(Requests.Fields("/")), 0, 1, (byte)'x', .. RawHpack.Integer(10000, 7, 0)], endHeaders: false).ToBytes()], _ => RawFrame.Continuation(1, [(byte)'a'], endHeaders: false).ToBytes()),
        new SlowAttack("slow frame", "half of a HEADERS frame", [.. Preface, .. Requests.Get(1).ToBytes()[..20]], SlowAttack.Silence),
        new SlowAttack("slow body, HTTP/2", "a body, one octet every 200 ms in a DATA frame", [.. Preface, .. Requests.Post(1, "/upload").ToBytes()], _ => RawFrame.Data(1, "a").ToBytes()),
        new SlowAttack("zero windows", "40 requests for 8 MB on each connection, with no window", [.. NoWindows, .. Many(40)], SlowAttack.Silence) { Connections = 5 },
        new SlowAttack("a connection without a window", "40 requests for 8 MB on each connection, with windows for streams alone",
            [.. RawFrame.Preface, .. RawFrame.Settings((4, int.MaxValue)).ToBytes(), .. Many(40)], SlowAttack.Silence) { Connections = 5 },
        new SlowAttack("slow read, HTTP/2", "40 requests for 8 MB on each connection, of which nothing is read", [.. LargeWindows, .. Many(40)], SlowAttack.Silence) { Connections = 5 },
        new SlowAttack("idle but for PING", "PING every 200 ms on connections without a stream", Preface, i => RawFrame.Ping((ulong)i).ToBytes()),
        new FloodAttack("data dribble (CVE-2019-9511)", "20 requests for 8 MB, read one octet at a time by WINDOW_UPDATE", "WINDOW_UPDATE frames", i => [RawFrame.WindowUpdate(1 + (2 * (i % 20)), 1)])
            { Opening = [RawFrame.Settings((4, 0)), .. Enumerable.Range(0, 20).Select(i => Requests.Get(1 + (2 * i), "/large"))] },
    ];

    private static IEnumerable<Attack> Large =>
    [
        new Http1Flood("header count", "a head of ever more fields", "fields", "GET / HTTP/1.1\r\nHost: a\r\n", i => $"X-{i}: a\r\n"),
        new Http1Flood("header size", "a field value without end", "KB", "GET / HTTP/1.1\r\nHost: a\r\nX: ", _ => new string('v', 1024)),
        new Http1Flood("request line", "a request target without end", "KB", "GET /", _ => new string('v', 1024)),
        new Http1Flood("empty lines", "empty lines in front of a request", "lines", "", _ => "\r\n"),
        new Http1Flood("chunk extensions (CVE-2023-39326)", "chunks of one octet with 1 KB of extensions", "chunks", "POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", _ => $"1;a={new string('v', 1024)}\r\nx\r\n"),
        new Http1Flood("chunk extension without end", "one chunk line", "KB", "POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a=", _ => new string('v', 1024)),
        new Http1Flood("trailers without end", "a trailer section of ever more fields", "fields", "POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", i => $"X-{i}: a\r\n"),
        new Http1Flood("pipelining, answers unread", "requests, of whose answers nothing is read", "requests", "", _ => "GET /large HTTP/1.1\r\nHost: a\r\n\r\n") { Reads = false },
    ];

    private static IEnumerable<Attack> Handshakes =>
    [
        new SlowAttack("TLS: silent connections", "nothing", [], SlowAttack.Silence) { ToTls = true },
        new SlowAttack("TLS: stalled handshakes", "half of a ClientHello", [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3], SlowAttack.Silence) { ToTls = true },
        new SlowAttack("TLS: records without end", "a ClientHello, one octet in a record every 200 ms", [22, 3, 1, 0, 1, 1], _ => [22, 3, 1, 0, 1, 0]) { ToTls = true },
        new SlowAttack("TLS: garbage", "what is no TLS", Text("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), SlowAttack.Silence) { ToTls = true },
        new HandshakeFlood(),
    ];

    private static byte[] Many(int requests) => [.. Enumerable.Range(0, requests).SelectMany(i => Requests.Get(1 + (2 * i), "/large").ToBytes())];

    private static byte[] Text(string text) => Encoding.Latin1.GetBytes(text);
}
