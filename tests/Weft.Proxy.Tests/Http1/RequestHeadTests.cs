using Shouldly;
using Weft.Fuzz;
using Weft.Proxy.Http1;
using Weft.Routing.Requests;
using Xunit;

namespace Weft.Proxy.Tests.Http1;

/// <summary>Request heads, by section of RFC 9112.</summary>
public sealed class RequestHeadTests
{
    // Section 2.2: message parsing
    [Fact]
    public void Head_is_read_into_offsets()
    {
        var buffer = MessageStream.Bytes("POST /a/b?c=d HTTP/1.1\r\nHost: shop.test:81\r\nX-One:  1 \t\r\nContent-Length: 4\r\n\r\nbody");
        var head = new Http1Head();

        Http1Parser.ParseRequest(buffer, Http1Limits.Default, head, out _).ShouldBe(ParseStatus.Done);

        head.Length.ShouldBe(buffer.Length - 4);
        MessageStream.Latin(head.Method(buffer)).ShouldBe("POST");
        MessageStream.Latin(head.Path(buffer)).ShouldBe("/a/b?c=d");
        MessageStream.Latin(head.Authority(buffer)).ShouldBe("shop.test:81");
        head.AuthorityParts.ShouldBe(new Authority(HostKind.Name, 9, 81));
        head.Body.ShouldBe(BodyKind.Length);
        head.ContentLength.ShouldBe(4);
        head.KeepAlive.ShouldBeTrue();
        var request = head.AsRequestHead(buffer, head.Path(buffer));
        request.TryGet("x-one"u8, out var value).ShouldBeTrue();
        MessageStream.Latin(value).ShouldBe("1");
        MessageStream.Latin(request.PathOnly).ShouldBe("/a/b");
        MessageStream.Latin(request.Scheme).ShouldBe("http");
    }

    [Theory]
    [InlineData("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", null)]
    [InlineData("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "method")]
    [InlineData("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "method")]
    [InlineData("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", "CR")]
    [InlineData("GET / HTTP/1.1\nHost: a\r\n\r\n", "LF alone")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\n\r\n", "LF alone")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n\n", "LF alone")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", "CR")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", "NUL")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nX: a\u007fb\r\n\r\n", "control")]
    [InlineData("GET / HTTP/1.1\r\n Host: a\r\n\r\n", "white space")]
    [InlineData("\u0016\u0003\u0001\u0002", "method")]
    public void Lines_end_with_crlf_and_hold_no_controls(string text, string? refusal) => Expect(text, refusal);

    // Section 3: request line
    [Theory]
    [InlineData("G(T / HTTP/1.1", "method")]
    [InlineData("GET  / HTTP/1.1", "target")]
    [InlineData("GET / / HTTP/1.1", "target")]
    [InlineData("GET\t/ HTTP/1.1", "method")]
    [InlineData("GET /", "version")]
    [InlineData("GET / HTTP/1.1 ", "version")]
    [InlineData("GET / http/1.1", "version")]
    [InlineData("GET / HTTP/1.10", "version")]
    [InlineData("GET / HTTP/2.0", "not 1.0")]
    [InlineData("GET / HTTP/1.2", null)]
    [InlineData("GET /#f HTTP/1.1", "fragment")]
    [InlineData("GET /\u00e9 HTTP/1.1", "octet above 127")]
    [InlineData("GET * HTTP/1.1", "OPTIONS only")]
    [InlineData("OPTIONS * HTTP/1.1", null)]
    [InlineData("GET a HTTP/1.1", "neither a path")]
    [InlineData("GET ftp://a/ HTTP/1.1", "neither a path")]
    [InlineData("GET http:///x HTTP/1.1", "host")]
    [InlineData("GET http://u:p@a/ HTTP/1.1", "user information")]
    [InlineData("GET http://a:70000/ HTTP/1.1", "host or port")]
    [InlineData("CONNECT a:443 HTTP/1.1", null)]
    [InlineData("CONNECT a HTTP/1.1", "host:port")]
    [InlineData("CONNECT a: HTTP/1.1", "host:port")]
    [InlineData("CONNECT /x HTTP/1.1", "host:port")]
    public void Request_line_has_one_reading(string line, string? refusal) => Expect(line + "\r\nHost: a\r\n\r\n", refusal);

    [Theory]
    [InlineData("GET / HTTP/2.0\r\n", Http1ErrorKind.VersionNotSupported)]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", Http1ErrorKind.NotImplemented)]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", Http1ErrorKind.BadRequest)]
    public void Refusals_have_their_kind(string text, Http1ErrorKind kind) => MessageStream.Requests(MessageStream.Bytes(text)).Error.Kind.ShouldBe(kind);

    // Section 3.2.2: the absolute form wins over Host
    [Theory]
    [InlineData("GET HTTP://Shop.Test:81/x?y HTTP/1.1", TargetForm.Absolute, "Shop.Test:81", "/x?y")]
    [InlineData("GET http://shop.test?y HTTP/1.1", TargetForm.Absolute, "shop.test", "/?y")]
    [InlineData("GET http://shop.test HTTP/1.1", TargetForm.Absolute, "shop.test", "/")]
    [InlineData("OPTIONS http://shop.test HTTP/1.1", TargetForm.Absolute, "shop.test", "*")]
    [InlineData("CONNECT [::1]:80 HTTP/1.1", TargetForm.Authority, "[::1]:80", "")]
    [InlineData("GET /x HTTP/1.1", TargetForm.Origin, "other.test", "/x")]
    public void Target_forms_give_authority_and_path(string line, TargetForm form, string authority, string path)
    {
        var stream = MessageStream.Requests(MessageStream.Bytes(line + "\r\nHost: other.test\r\n\r\n"));
        stream.Refused.ShouldBeFalse(stream.Error.ToString());
        stream.Messages[0].Authority.ShouldBe(authority);
        stream.Messages[0].Path.ShouldBe(path);
        Parse(line + "\r\nHost: other.test\r\n\r\n").TargetForm.ShouldBe(form);
    }

    // Section 3.2: Host
    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n", "no Host")]
    [InlineData("GET / HTTP/1.0\r\n\r\n", null)]
    [InlineData("GET / HTTP/1.1\r\nHost:\r\n\r\n", "Host is empty")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "repeated")]
    [InlineData("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "repeated")]
    [InlineData("GET http://a/ HTTP/1.1\r\nHost: b c\r\n\r\n", "no valid host")]
    [InlineData("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "no valid host")]
    public void Host_is_there_once_and_valid(string text, string? refusal) => Expect(text, refusal);

    // Section 5: fields
    [Theory]
    [InlineData("X : a", "white space")]
    [InlineData("X a: b", "white space")]
    [InlineData(": a", "empty")]
    [InlineData("X\u00e9: a", "not allowed")]
    [InlineData("X", "no colon")]
    [InlineData("X: a\r\n b", "folding")]
    [InlineData("X: a\r\n\tb", "folding")]
    [InlineData("X:", null)]
    [InlineData("X!#$%&'*+-.^_`|~: \u00ff\u0080", null)]
    public void Field_lines_follow_the_grammar(string line, string? refusal) => Expect($"GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n", refusal);

    // Section 6: framing
    [Theory]
    [InlineData("Content-Length: 5\r\nContent-Length: 5", "repeated")]
    [InlineData("Content-Length: 5, 5", "not one number")]
    [InlineData("Content-Length: +5", "not one number")]
    [InlineData("Content-Length: -1", "not one number")]
    [InlineData("Content-Length: 0x5", "not one number")]
    [InlineData("Content-Length: 5 5", "not one number")]
    [InlineData("Content-Length:", "not one number")]
    [InlineData("Content-Length: 9223372036854775808", "not one number")]
    [InlineData("Content-Length: 99999999999999999999999", "not one number")]
    [InlineData("Content-Length: 5\r\nTransfer-Encoding: chunked", "both")]
    [InlineData("Transfer-Encoding: chunked\r\nContent-Length: 0", "both")]
    [InlineData("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "repeated")]
    [InlineData("Transfer-Encoding: chunked, chunked", "repeats chunked")]
    [InlineData("Transfer-Encoding: chunked, identity", "last transfer coding")]
    [InlineData("Transfer-Encoding: ,chunked", "last transfer coding")]
    [InlineData("Transfer-Encoding: x chunked", "last transfer coding")]
    [InlineData("Transfer-Encoding: chunked;q=1", "last transfer coding")]
    [InlineData("Transfer-Encoding:", "last transfer coding")]
    [InlineData("Transfer-Encoding: \"chunked\"", "last transfer coding")]
    public void Ambiguous_framing_is_refused(string fields, string refusal) => Expect($"POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n", refusal);

    [Fact]
    public void Transfer_encoding_in_http_1_0_is_refused() =>
        Expect("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.0");

    [Theory]
    [InlineData("Content-Length: 0", BodyKind.None, 0)]
    [InlineData("Content-Length: 0005", BodyKind.Length, 5)]
    [InlineData("Content-Length: 00000000000000000000000000007", BodyKind.Length, 7)]
    [InlineData("Content-Length: 9223372036854775807", BodyKind.Length, long.MaxValue)]
    [InlineData("transfer-encoding: CHUNKED", BodyKind.Chunked, -1)]
    [InlineData("X: y", BodyKind.None, -1)]
    public void Framing_is_read(string field, BodyKind kind, long length)
    {
        var head = Parse($"POST / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n");
        head.Body.ShouldBe(kind);
        head.ContentLength.ShouldBe(length);
    }

    [Fact]
    public void Connect_with_a_body_is_refused() => Expect("CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", "CONNECT with a body");

    // Section 9: connection
    [Theory]
    [InlineData("HTTP/1.1", "", true)]
    [InlineData("HTTP/1.1", "Connection: Close\r\n", false)]
    [InlineData("HTTP/1.1", "Connection: x, close\r\nConnection: keep-alive\r\n", false)]
    [InlineData("HTTP/1.0", "", false)]
    [InlineData("HTTP/1.0", "Connection: keep-alive\r\n", true)]
    [InlineData("HTTP/1.0", "Proxy-Connection: keep-alive\r\n", false)]
    public void Persistence_follows_version_and_connection(string version, string fields, bool keepAlive) =>
        Parse($"GET / {version}\r\nHost: a\r\n{fields}\r\n").KeepAlive.ShouldBe(keepAlive);

    [Fact]
    public void Fields_that_connection_names_end_at_this_hop_but_host_does_not()
    {
        var stream = MessageStream.Requests(MessageStream.Bytes(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: x-hop, Host,, Upgrade\r\nX-Hop: 1\r\nX-Keep: 2\r\nUpgrade: websocket\r\nTE: gzip, trailers\r\nProxy-Authorization: y\r\n\r\n"));

        stream.Messages[0].EndToEnd.ShouldBe("X-Keep: 2; ");
        MessageStream.Latin(stream.Forwarded[0]).ShouldBe("GET / HTTP/1.1\r\nHost: a\r\nX-Keep: 2\r\nContent-Length: 0\r\n\r\n");
    }

    [Theory]
    [InlineData("Connection: x", true)]
    [InlineData("Keep-Alive: x", true)]
    [InlineData("Proxy-Connection: x", true)]
    [InlineData("Proxy-Authenticate: x", true)]
    [InlineData("Proxy-Authorization: x", true)]
    [InlineData("TE: x", true)]
    [InlineData("Upgrade: x", true)]
    [InlineData("Content-Length: 0", true)]
    [InlineData("Transfer-Encoding: chunked", true)]
    [InlineData("Trailer: x", false)]
    [InlineData("Expect: x", false)]
    [InlineData("Authorization: x", false)]
    [InlineData("X-Weft-Source: x", false)]
    public void Fields_of_one_hop_are_marked(string line, bool hopByHop) =>
        Parse($"GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n").Fields[1].HopByHop.ShouldBe(hopByHop);

    [Fact]
    public void Host_never_ends_at_this_hop() =>
        Parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: host\r\n\r\n").Fields[0].HopByHop.ShouldBeFalse();

    [Fact]
    public void Upgrade_te_and_expect_are_recognised()
    {
        var head = Parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nTE: trailers\r\nExpect: 100-Continue\r\n\r\n");
        head.UpgradeRequested.ShouldBeTrue();
        head.TeTrailers.ShouldBeTrue();
        head.ExpectContinue.ShouldBeTrue();
        Parse("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n").UpgradeRequested.ShouldBeFalse();
        Parse("GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nExpect: 100-continue\r\n\r\n").UpgradeRequested.ShouldBeFalse();
    }

    [Fact]
    public void Every_known_header_is_recognised_in_any_case()
    {
        foreach (var known in Enum.GetValues<KnownHeader>().Where(known => known is not (KnownHeader.Other or KnownHeader.XWeft)))
        {
            var name = string.Concat(known.ToString().Select((letter, i) => i > 0 && char.IsUpper(letter) ? $"-{letter}" : $"{letter}"));
            foreach (var spelling in new[] { name, name.ToLowerInvariant(), name.ToUpperInvariant() })
                KnownHeaders.Recognize(MessageStream.Bytes(spelling)).ShouldBe(known, spelling);
            KnownHeaders.Recognize(MessageStream.Bytes(name + "x")).ShouldBe(KnownHeader.Other);
            KnownHeaders.Recognize(MessageStream.Bytes(name[..^1] + "_")).ShouldBe(KnownHeader.Other);
        }
        KnownHeaders.Recognize("X-Weft-Source"u8).ShouldBe(KnownHeader.XWeft);
        KnownHeaders.Recognize("x-weft-"u8).ShouldBe(KnownHeader.Other);
        KnownHeaders.Recognize("x-wefts"u8).ShouldBe(KnownHeader.Other);
    }

    // Limits
    [Fact]
    public void Endless_head_is_refused_at_the_limit_and_not_before()
    {
        var limits = new Http1Limits { MaxHeadBytes = 100, MaxRequestLineBytes = 60 };
        var most = "GET / HTTP/1.1\r\nHost: a\r\nX: ".PadRight(96, 'x') + "\r\n\r\n";
        most.Length.ShouldBe(100);
        MessageStream.Requests(MessageStream.Bytes(most), limits: limits).CompleteMessages.ShouldBe(1);

        var longer = MessageStream.Requests(MessageStream.Bytes(most.Insert(96, "x")), limits: limits).Error;
        longer.Kind.ShouldBe(Http1ErrorKind.HeaderTooLarge);
        longer.Reason.ShouldContain("MaxHeadBytes");
        longer.Reason.ShouldContain("100");
        MessageStream.Requests(MessageStream.Bytes(most[..90].PadRight(100, 'x')), limits: limits).Error.ShouldBe(longer);
        MessageStream.Requests(MessageStream.Bytes(most[..90].PadRight(99, 'x')), limits: limits).Refused.ShouldBeFalse();

        var line = MessageStream.Requests(MessageStream.Bytes("GET /".PadRight(60, 'x')), limits: limits).Error;
        line.Kind.ShouldBe(Http1ErrorKind.UriTooLong);
        line.Reason.ShouldContain("MaxRequestLineBytes");
    }

    [Fact]
    public void Number_of_fields_is_limited()
    {
        string Head(int fields) => "GET / HTTP/1.1\r\nHost: a\r\n" + string.Concat(Enumerable.Range(1, fields - 1).Select(i => $"X{i}: 1\r\n")) + "\r\n";
        MessageStream.Requests(MessageStream.Bytes(Head(100))).CompleteMessages.ShouldBe(1);
        var error = MessageStream.Requests(MessageStream.Bytes(Head(101))).Error;
        error.Kind.ShouldBe(Http1ErrorKind.HeaderTooLarge);
        error.Reason.ShouldContain("MaxFields");
    }

    [Fact]
    public void A_head_that_arrives_byte_by_byte_is_scanned_once()
    {
        var limits = new Http1Limits { MaxHeadBytes = 4 << 20 };
        var buffer = MessageStream.Bytes("GET / HTTP/1.1\r\nHost: a\r\nX: " + new string('x', 2 << 20) + "\r\n\r\n");
        var head = new Http1Head();
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var status = ParseStatus.NeedMore;
        for (var length = 1; length <= buffer.Length; length++)
            status = Http1Parser.ParseRequest(buffer.AsSpan(0, length), limits, head, out _);

        status.ShouldBe(ParseStatus.Done);
        clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(5)); // a rescan per byte would read 2 TB
    }

    private static void Expect(string text, string? refusal)
    {
        var stream = MessageStream.Requests(MessageStream.Bytes(text));
        if (refusal is null) stream.CompleteMessages.ShouldBe(1, stream.Error.ToString());
        else
        {
            stream.CompleteMessages.ShouldBe(0);
            stream.Error.Reason.ShouldContain(refusal, Case.Sensitive);
        }
    }

    private static Http1Head Parse(string text)
    {
        var head = new Http1Head();
        Http1Parser.ParseRequest(MessageStream.Bytes(text), Http1Limits.Default, head, out var error).ShouldBe(ParseStatus.Done, error.ToString());
        return head;
    }
}
