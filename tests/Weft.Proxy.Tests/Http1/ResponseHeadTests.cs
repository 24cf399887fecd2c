using Shouldly;
using Weft.Fuzz;
using Weft.Proxy.Http1;
using Xunit;

namespace Weft.Proxy.Tests.Http1;

/// <summary>Response heads: RFC 9112 sections 4 and 6.3.</summary>
public sealed class ResponseHeadTests
{
    [Theory]
    [InlineData("HTTP/1.1 200 OK", 200, "OK")]
    [InlineData("HTTP/1.1 200 ", 200, "")]
    [InlineData("HTTP/1.1 200", 200, "")]
    [InlineData("HTTP/1.0 404 Not\tFound \u00eb", 404, "Not\tFound \u00eb")]
    public void Status_line_is_read(string line, int status, string reason)
    {
        var buffer = MessageStream.Bytes(line + "\r\n\r\n");
        var head = Parse(buffer, RequestKind.Other);
        head.Status.ShouldBe(status);
        MessageStream.Latin(head.Reason(buffer)).ShouldBe(reason);
    }

    [Theory]
    [InlineData("HTTP/1.1 20 OK")]
    [InlineData("HTTP/1.1 2000 OK")]
    [InlineData("HTTP/1.1 099 OK")]
    [InlineData("HTTP/1.1  200 OK")]
    [InlineData("HTTP/1.1 2x0 OK")]
    [InlineData("HTTP/1.1\t200 OK")]
    [InlineData("HTTP/2.0 200 OK")]
    [InlineData("http/1.1 200 OK")]
    [InlineData("\r\nHTTP/1.1 200 OK")]
    [InlineData("HTTP/1.1 200 OK\r\nX : a")]
    [InlineData("HTTP/1.1 200 OK\r\nX: a\r\n b")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked")]
    [InlineData("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked")]
    public void Broken_response_is_a_protocol_error(string head)
    {
        var stream = MessageStream.Responses(MessageStream.Bytes(head + "\r\n\r\n"), RequestKind.Other, closes: false);
        stream.Messages.ShouldBeEmpty();
        stream.Error.Kind.ShouldBe(Http1ErrorKind.ResponseProtocol);
    }

    [Theory]
    [InlineData("200", "Content-Length: 5", RequestKind.Other, BodyKind.Length, true)]
    [InlineData("200", "Content-Length: 0", RequestKind.Other, BodyKind.None, true)]
    [InlineData("200", "Transfer-Encoding: chunked", RequestKind.Other, BodyKind.Chunked, true)]
    [InlineData("200", "X: y", RequestKind.Other, BodyKind.UntilClose, false)]
    [InlineData("200", "Content-Length: 5", RequestKind.Head, BodyKind.None, true)]
    [InlineData("200", "X: y", RequestKind.Head, BodyKind.None, true)]
    [InlineData("200", "Content-Length: 5", RequestKind.Connect, BodyKind.None, false)]
    [InlineData("403", "Content-Length: 5", RequestKind.Connect, BodyKind.Length, true)]
    [InlineData("204", "X: y", RequestKind.Other, BodyKind.None, true)]
    [InlineData("204", "Content-Length: 5", RequestKind.Other, BodyKind.None, false)]
    [InlineData("204", "Transfer-Encoding: chunked", RequestKind.Other, BodyKind.None, false)]
    [InlineData("304", "Content-Length: 5", RequestKind.Other, BodyKind.None, true)]
    [InlineData("100", "X: y", RequestKind.Other, BodyKind.None, true)]
    [InlineData("101", "Upgrade: websocket", RequestKind.Other, BodyKind.None, true)]
    public void Body_follows_status_and_request(string status, string field, RequestKind kind, BodyKind body, bool keepAlive)
    {
        var head = Parse(MessageStream.Bytes($"HTTP/1.1 {status} X\r\n{field}\r\n\r\n"), kind);
        head.Body.ShouldBe(body);
        head.KeepAlive.ShouldBe(keepAlive);
    }

    [Fact]
    public void Interim_answers_precede_the_final_one()
    {
        var stream = MessageStream.Responses(
            MessageStream.Bytes("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
            RequestKind.Other, closes: false);
        stream.Messages.Select(message => message.Start).ShouldBe(["100 Continue", "103 Early", "200 OK"]);
        stream.Messages[2].Body.ShouldBe("ok");
    }

    [Fact]
    public void A_cut_body_is_never_complete()
    {
        foreach (var text in new[] { "Content-Length: 3\r\n\r\nab", "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n" })
        {
            var stream = MessageStream.Responses(MessageStream.Bytes("HTTP/1.1 200 OK\r\n" + text), RequestKind.Other, closes: true);
            stream.CompleteMessages.ShouldBe(0);
            stream.Error.Kind.ShouldBe(Http1ErrorKind.ResponseProtocol);
        }
        MessageStream.Responses("HTTP/1.1 200 OK\r\n\r\nab"u8.ToArray(), RequestKind.Other, closes: true).Messages[0].Complete.ShouldBeTrue();
        MessageStream.Responses("HTTP/1.1 200 OK\r\n\r\nab"u8.ToArray(), RequestKind.Other, closes: false).Messages[0].Complete.ShouldBeFalse();
    }

    private static Http1Head Parse(byte[] buffer, RequestKind kind)
    {
        var head = new Http1Head();
        Http1Parser.ParseResponse(buffer, kind, Http1Limits.Default, head, out var error).ShouldBe(ParseStatus.Done, error.ToString());
        return head;
    }
}
