using Shouldly;
using Weft.Fuzz;
using Weft.Proxy.Http1;
using Xunit;

namespace Weft.Proxy.Tests.Http1;

public sealed class HeadWriterTests
{
    [Fact]
    public void Head_is_written_as_told()
    {
        var buffer = new byte[512];
        var writer = new HeadWriter(buffer);
        writer.RequestLine("GET"u8, "/a?b"u8);
        writer.Host("shop.test"u8);
        writer.Field("X-Case"u8, "v \u00ff"u8);
        writer.TeTrailers();
        writer.ContentLength(long.MaxValue);
        writer.End();

        writer.Status.ShouldBe(WriteStatus.Ok);
        System.Text.Encoding.UTF8.GetString(buffer, 0, writer.Written).ShouldBe(
            "GET /a?b HTTP/1.1\r\nHost: shop.test\r\nX-Case: v \u00ff\r\nTE: trailers\r\nConnection: TE\r\nContent-Length: 9223372036854775807\r\n\r\n");
    }

    [Fact]
    public void Every_size_that_is_too_small_overflows_and_the_exact_one_does_not()
    {
        var whole = Write(new byte[200], out var length);
        whole.ShouldBe(WriteStatus.Ok);
        for (var size = 0; size < length; size++) Write(new byte[size], out _).ShouldBe(WriteStatus.Overflow);
        Write(new byte[length], out _).ShouldBe(WriteStatus.Ok);

        static WriteStatus Write(byte[] buffer, out int written)
        {
            var writer = new HeadWriter(buffer);
            writer.StatusLine(200, "OK"u8);
            writer.Field("X"u8, "y"u8);
            writer.Chunked();
            writer.Upgrade("websocket"u8);
            writer.ConnectionClose();
            writer.End();
            written = writer.Written;
            return writer.Status;
        }
    }

    [Theory]
    [InlineData("X", "a\r\nY: b")]
    [InlineData("X", "a\nb")]
    [InlineData("X", "a\rb")]
    [InlineData("X", "a\0b")]
    [InlineData("X\r\nY", "b")]
    [InlineData("X: Y", "b")]
    [InlineData("", "b")]
    public void Injected_line_ends_are_refused(string name, string value)
    {
        var writer = new HeadWriter(new byte[100]);
        writer.Field(MessageStream.Bytes(name), MessageStream.Bytes(value));
        writer.Status.ShouldBe(WriteStatus.Refused);
        writer.Written.ShouldBe(0);
    }

    [Fact]
    public void Bad_start_lines_are_refused()
    {
        Request("GET /x"u8, "/"u8).ShouldBe(WriteStatus.Refused);
        Request("GET"u8, "/ HTTP/1.1\r\nX: y"u8).ShouldBe(WriteStatus.Refused);
        Request("GET"u8, ""u8).ShouldBe(WriteStatus.Refused);
        var writer = new HeadWriter(new byte[100]);
        writer.StatusLine(200, "OK\r\nX: y"u8);
        writer.Status.ShouldBe(WriteStatus.Refused);

        static WriteStatus Request(ReadOnlySpan<byte> method, ReadOnlySpan<byte> target)
        {
            var writer = new HeadWriter(new byte[100]);
            writer.RequestLine(method, target);
            return writer.Status;
        }
    }

    [Theory]
    [InlineData(1, "1\r\n")]
    [InlineData(255, "ff\r\n")]
    [InlineData(int.MaxValue, "7fffffff\r\n")]
    public void Chunk_prefix_is_the_size_in_hexadecimal(int size, string expected)
    {
        var buffer = new byte[ChunkedWriter.MaxPrefixLength];
        MessageStream.Latin(buffer.AsSpan(0, ChunkedWriter.WritePrefix(buffer, size))).ShouldBe(expected);
        Should.Throw<ArgumentOutOfRangeException>(() => ChunkedWriter.WritePrefix(buffer, 0));
    }
}
