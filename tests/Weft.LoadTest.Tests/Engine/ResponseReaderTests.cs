using System.Text;
using Shouldly;
using Weft.LoadTest.Engine;
using Xunit;

namespace Weft.LoadTest.Tests.Engine;

public sealed class ResponseReaderTests
{
    public static TheoryData<string, int, bool> Complete => new()
    {
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, true },
        { "HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", 200, true },
        { "HTTP/1.1 204 No Content\r\n\r\n", 204, true },
        { "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", 304, true },
        { "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\nConnection: x, Close\r\n\r\nno", 503, false },
        { "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nno", 200, false },
        { "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nno", 200, true },
        { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, true },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;name=value\r\n0123456789\r\n0\r\n\r\n", 200, true },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\nChecksum: 1\r\nOther: 2\r\n\r\n", 200, true },
    };

    public static TheoryData<string> Malformed =>
    [
        "GET / HTTP/1.1\r\n\r\n",
        "HTTP/1.1 abc\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n;a\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: " + new string('a', ResponseReader.MaxHead) + "\r\n\r\n",
    ];

    [Theory]
    [MemberData(nameof(Complete))]
    public void Response_ends_where_its_framing_says_however_it_is_cut(string response, int status, bool keepAlive)
    {
        var bytes = Encoding.Latin1.GetBytes(response);
        for (var step = 1; step <= bytes.Length; step++)
        {
            var reader = new ResponseReader();
            reader.Begin(toHead: false);
            var result = ReadResult.NeedMore;
            for (var at = 0; at < bytes.Length; at += step)
            {
                result.ShouldBe(ReadResult.NeedMore, $"at byte {at} in steps of {step}");
                result = reader.Read(bytes.AsSpan(at, Math.Min(step, bytes.Length - at)));
            }
            result.ShouldBe(ReadResult.Complete, $"in steps of {step}");
            (reader.Status, reader.KeepAlive).ShouldBe((status, keepAlive));
        }
    }

    [Theory]
    [MemberData(nameof(Malformed))]
    public void Anything_else_is_malformed(string response)
    {
        var reader = new ResponseReader();
        reader.Begin(toHead: false);
        reader.Read(Encoding.Latin1.GetBytes(response)).ShouldBe(ReadResult.Malformed);
    }

    [Fact]
    public void Response_to_head_has_no_body()
    {
        var reader = new ResponseReader();
        reader.Begin(toHead: true);
        reader.Read("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"u8).ShouldBe(ReadResult.Complete);
    }

    [Fact]
    public void Response_without_framing_ends_with_the_connection()
    {
        var reader = new ResponseReader();
        reader.Begin(toHead: false);
        reader.Read("HTTP/1.1 200 OK\r\n\r\nsome"u8).ShouldBe(ReadResult.NeedMore);
        reader.Read(" more"u8).ShouldBe(ReadResult.NeedMore);
        reader.End().ShouldBe(ReadResult.Complete);
        reader.KeepAlive.ShouldBeFalse();
    }

    [Fact]
    public void Connection_that_ends_early_has_not_answered()
    {
        var reader = new ResponseReader();
        reader.Begin(toHead: false);
        reader.Read("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nsome"u8).ShouldBe(ReadResult.NeedMore);
        reader.End().ShouldBe(ReadResult.NeedMore);
    }

    [Fact]
    public void Reader_serves_one_response_after_another()
    {
        var reader = new ResponseReader();
        for (var status = 220; status < 230; status++)
        {
            reader.Begin(toHead: false);
            reader.Read(Encoding.Latin1.GetBytes($"HTTP/1.1 {status} X\r\nContent-Length: 3\r\n\r\nabc")).ShouldBe(ReadResult.Complete);
            reader.Status.ShouldBe(status);
        }
    }

    [Fact]
    public void Description_names_the_status_and_the_fault()
    {
        var reader = new ResponseReader();
        reader.Begin(toHead: false);
        reader.Read("HTTP/1.1 503 Service Unavailable\r\nX-Weft-Fault: no-endpoint\r\nContent-Length: 0\r\n\r\n"u8).ShouldBe(ReadResult.Complete);
        reader.Describe().ShouldBe("HTTP/1.1 503 Service Unavailable x-weft-fault: no-endpoint");
    }
}
