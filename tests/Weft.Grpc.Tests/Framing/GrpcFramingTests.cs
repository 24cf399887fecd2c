using System.Buffers;
using System.IO.Compression;
using System.IO.Pipelines;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Grpc.Tests.Hosting;
using Xunit;

namespace Weft.Grpc.Tests.Framing;

public sealed class GrpcFramingTests
{
    [Fact]
    public void Prefix_is_the_flag_and_the_length_in_network_order()
    {
        var output = new ArrayBufferWriter<byte>();
        GrpcFraming.WriteRaw(output, new byte[0x0102]);
        output.WrittenSpan[..5].ToArray().ShouldBe([0, 0, 0, 1, 2]);
        output.WrittenCount.ShouldBe(5 + 0x0102);
    }

    [Theory]
    [InlineData(GrpcEncoding.Identity)]
    [InlineData(GrpcEncoding.Gzip)]
    public async Task Messages_come_back_wherever_the_bytes_are_cut(GrpcEncoding encoding)
    {
        string[] texts = ["", "a", new('b', 300), "c"];
        var wire = new ArrayBufferWriter<byte>();
        foreach (var text in texts) GrpcFraming.Write(wire, Methods.Text(text), encoding);
        for (var piece = 1; piece <= wire.WrittenCount; piece++)
        {
            var pipe = new Pipe();
            var reader = new GrpcMessageReader(pipe.Reader, encoding, 1000);
            var feeding = Task.Run(async () =>
            {
                for (var at = 0; at < wire.WrittenCount; at += piece)
                    await pipe.Writer.WriteAsync(wire.WrittenMemory.Slice(at, Math.Min(piece, wire.WrittenCount - at)));
                await pipe.Writer.CompleteAsync();
            });
            foreach (var text in texts) (await reader.ReadAsync(StringValue.Parser)).ShouldNotBeNull().Value.ShouldBe(text);
            (await reader.ReadAsync(StringValue.Parser)).ShouldBeNull();
            await feeding;
        }
    }

    [Fact]
    public void Length_over_the_limit_is_refused_as_soon_as_the_prefix_is_there()
    {
        var error = Should.Throw<GrpcException>(() => Read([0, 0xFF, 0xFF, 0xFF, 0xFF], GrpcEncoding.Identity, 100));
        error.Status.Code.ShouldBe(GrpcStatusCode.ResourceExhausted);
        error.Message.ShouldContain("MaxMessageBytes (100 bytes)");
    }

    [Fact]
    public void Message_of_exactly_the_limit_passes_and_one_byte_more_does_not()
    {
        Read([0, 0, 0, 0, 3, 1, 2, 3], GrpcEncoding.Identity, 3).ShouldBe([1, 2, 3]);
        Should.Throw<GrpcException>(() => Read([0, 0, 0, 0, 4, 1, 2, 3, 4], GrpcEncoding.Identity, 3));
    }

    [Fact]
    public void Compressed_message_is_measured_unpacked()
    {
        var bomb = new ArrayBufferWriter<byte>();
        GrpcFraming.WriteRaw(bomb, new byte[50_000_000], GrpcEncoding.Gzip);
        bomb.WrittenCount.ShouldBeLessThan(1_000_000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Should.Throw<GrpcException>(() => Read(bomb.WrittenSpan.ToArray(), GrpcEncoding.Gzip, 1_000_000)).Status.Code.ShouldBe(GrpcStatusCode.ResourceExhausted);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(10_000_000);
    }

    [Theory]
    [InlineData(new byte[] { 2, 0, 0, 0, 0 }, GrpcEncoding.Identity, "compressed flag is 2")]
    [InlineData(new byte[] { 1, 0, 0, 0, 1, 0 }, GrpcEncoding.Identity, "grpc-encoding is identity")]
    [InlineData(new byte[] { 1, 0, 0, 0, 3, 9, 9, 9 }, GrpcEncoding.Gzip, "not valid gzip")]
    public void Wrong_framing_is_an_internal_error(byte[] wire, GrpcEncoding encoding, string message)
    {
        var error = Should.Throw<GrpcException>(() => Read(wire, encoding, 100));
        error.Status.Code.ShouldBe(GrpcStatusCode.Internal);
        error.Message.ShouldContain(message);
    }

    [Fact]
    public void Uncompressed_message_is_read_on_a_gzip_stream() => Read([0, 0, 0, 0, 1, 7], GrpcEncoding.Gzip, 10).ShouldBe([7]);

    [Theory]
    [InlineData(new byte[] { 0, 0 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 2, 1 })]
    public async Task Stream_that_ends_inside_a_message_is_an_error(byte[] wire)
    {
        var reader = new GrpcMessageReader(PipeReader.Create(new MemoryStream(wire)), GrpcEncoding.Identity, 100);
        (await Should.ThrowAsync<GrpcException>(async () => await reader.ReadRawAsync())).Message.ShouldContain("ended inside a message");
    }

    [Fact]
    public async Task Bytes_that_are_not_the_message_are_an_internal_error()
    {
        var reader = new GrpcMessageReader(PipeReader.Create(new MemoryStream([0, 0, 0, 0, 2, 0x0A, 9])), GrpcEncoding.Identity, 100);
        (await Should.ThrowAsync<GrpcException>(async () => await reader.ReadAsync(StringValue.Parser))).Status.Code.ShouldBe(GrpcStatusCode.Internal);
    }

    [Fact]
    public void Empty_message_is_not_compressed()
    {
        var output = new ArrayBufferWriter<byte>();
        GrpcFraming.Write(output, Methods.Text(""), GrpcEncoding.Gzip);
        output.WrittenSpan.ToArray().ShouldBe([0, 0, 0, 0, 0]);
    }

    [Fact]
    public void Gzip_of_another_writer_is_read()
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.SmallestSize)) gzip.Write("hello"u8);
        var body = packed.ToArray();
        Read([1, 0, 0, 0, (byte)body.Length, .. body], GrpcEncoding.Gzip, 100).ShouldBe("hello"u8.ToArray());
    }

    private static byte[] Read(byte[] wire, GrpcEncoding encoding, int limit)
    {
        var buffer = new ReadOnlySequence<byte>(wire);
        GrpcFraming.TryRead(ref buffer, encoding, limit, out var message).ShouldBeTrue();
        return message.ToArray();
    }
}
