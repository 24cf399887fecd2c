using Shouldly;
using Weft.Fuzz;
using Weft.Proxy.Http1;
using Xunit;

namespace Weft.Proxy.Tests.Http1;

/// <summary>RFC 9112 section 7.1.</summary>
public sealed class ChunkedReaderTests
{
    private const string Head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

    [Theory]
    [InlineData("0\r\n\r\n", "")]
    [InlineData("3\r\nabc\r\n0\r\n\r\n", "abc")]
    [InlineData("A\r\n0123456789\r\na\r\n0123456789\r\n000\r\n\r\n", "01234567890123456789")]
    [InlineData("1;a\r\nx\r\n0;b=c\r\n\r\n", "x")]
    [InlineData("1 ;\ta = \"q;\\\"\r \" ; b\r\nx\r\n0\r\n\r\n", null)]
    [InlineData("1 ;\ta = \"q;\\\" \" ; b=c;d\r\nx\r\n0\r\n\r\n", "x")]
    [InlineData("1;\r\nx\r\n0\r\n\r\n", null)]
    [InlineData("1;a=\r\nx\r\n0\r\n\r\n", null)]
    [InlineData("1;a=\"b\r\nx\r\n0\r\n\r\n", null)]
    [InlineData("1;a=\"b\\\"\r\nx\r\n0\r\n\r\n", null)]
    [InlineData("1 \r\nx\r\n0\r\n\r\n", null)]
    [InlineData("1 x\r\nx\r\n0\r\n\r\n", null)]
    [InlineData("\r\n", null)]
    [InlineData("g\r\n", null)]
    [InlineData("0x1\r\nx\r\n0\r\n\r\n", null)]
    [InlineData(" 1\r\nx\r\n0\r\n\r\n", null)]
    [InlineData("+1\r\nx\r\n0\r\n\r\n", null)]
    [InlineData("-1\r\nx\r\n0\r\n\r\n", null)]
    [InlineData("1\nx\r\n0\r\n\r\n", null)]
    [InlineData("1\r\nx\n0\r\n\r\n", null)]
    [InlineData("1\r\nxy\r\n0\r\n\r\n", null)]
    [InlineData("2\r\nx\r\n0\r\n\r\n", null)]
    [InlineData("8000000000000000\r\n", null)]
    [InlineData("10000000000000001\r\nx\r\n0\r\n\r\n", null)]
    [InlineData("0\r\n\n", null)]
    [InlineData("0\r\nX : 1\r\n\r\n", null)]
    [InlineData("0\r\nX: 1\r\n 2\r\n\r\n", null)]
    [InlineData("0\r\nX: 1\n\r\n", null)]
    public void Chunks_are_read_strictly(string body, string? expected)
    {
        var stream = MessageStream.Requests(MessageStream.Bytes(Head + body));
        if (expected is null) stream.Refused.ShouldBeTrue(stream.ToString());
        else stream.Messages.ShouldHaveSingleItem().ShouldSatisfyAllConditions(
            message => message.Complete.ShouldBeTrue(), message => message.Body.ShouldBe(expected));
    }

    [Fact]
    public void Trailers_are_kept_but_for_those_that_would_decide_something()
    {
        var stream = MessageStream.Requests(MessageStream.Bytes(
            Head + "0\r\ngrpc-status: 0\r\nHost: b\r\nContent-Length: 9\r\nAuthorization: x\r\nSet-Cookie: y\r\nX-Weft-Source: z\r\nTransfer-Encoding: chunked\r\nX-T: 1\r\n\r\n"));
        stream.Messages[0].Trailers.ShouldBe("grpc-status: 0; X-T: 1; ");
        MessageStream.Latin(stream.Forwarded[0]).ShouldEndWith("\r\n\r\n0\r\ngrpc-status: 0\r\nX-T: 1\r\n\r\n");
    }

    [Theory]
    [InlineData("MaxTrailerBytes")]
    [InlineData("MaxFields")]
    [InlineData("MaxChunkLineBytes")]
    [InlineData("MaxChunkOverheadBytes")]
    public void Limits_are_named_when_passed(string limit)
    {
        var body = limit switch
        {
            "MaxTrailerBytes" => "0\r\nX: " + new string('x', 9000),
            "MaxFields" => "0\r\n" + string.Concat(Enumerable.Repeat("X: 1\r\n", 101)),
            "MaxChunkLineBytes" => "1;" + new string('x', 5000),
            _ => string.Concat(Enumerable.Repeat("1;" + new string('x', 100) + "\r\nx\r\n", 500)),
        };
        MessageStream.Requests(MessageStream.Bytes(Head + body)).Error.Reason.ShouldContain(limit);
    }

    [Fact]
    public void Small_chunks_without_extensions_are_not_overhead()
    {
        var body = string.Concat(Enumerable.Repeat("1\r\nx\r\n", 100_000)) + "0\r\n\r\n";
        MessageStream.Requests(MessageStream.Bytes(Head + body)).Messages[0].Body.Length.ShouldBe(100_000);
    }

    [Fact]
    public void Bytes_behind_the_body_are_left()
    {
        var stream = MessageStream.Requests(MessageStream.Bytes(Head + "1\r\nx\r\n0\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n"));
        stream.Messages.Select(message => message.Target).ShouldBe(["/", "/next"]);
    }
}
