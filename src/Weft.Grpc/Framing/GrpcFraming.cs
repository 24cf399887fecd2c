using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using Google.Protobuf;

namespace Weft.Grpc;

/// <summary>The length-prefixed message of gRPC: one byte that says whether the message is compressed, its length as four bytes in network
/// order, then the message (PROTOCOL-HTTP2.md, Requests).</summary>
public static class GrpcFraming
{
    /// <summary>Bytes before each message.</summary>
    public const int PrefixLength = 5;

    /// <summary>Default of the largest message that is read, in bytes after decompression: 4 MiB, as every gRPC library has it.</summary>
    public const int DefaultMaxMessageBytes = 4 * 1024 * 1024;

    /// <summary>Takes one message off the front of <paramref name="buffer"/>. False when not all of it has arrived.</summary>
    /// <param name="buffer">What was received; moved past the message when one is taken.</param>
    /// <param name="encoding">The <c>grpc-encoding</c> of the stream.</param>
    /// <param name="maxMessageBytes">The largest message, before and after decompression.</param>
    /// <param name="message">The message without its prefix: a slice of <paramref name="buffer"/>, or fresh memory when it was compressed.</param>
    /// <exception cref="GrpcException">ResourceExhausted: longer than <paramref name="maxMessageBytes"/>, known as soon as the prefix has arrived.
    /// Internal: the prefix or the compressed bytes are wrong.</exception>
    public static bool TryRead(ref ReadOnlySequence<byte> buffer, GrpcEncoding encoding, int maxMessageBytes, out ReadOnlySequence<byte> message)
    {
        message = default;
        if (buffer.Length < PrefixLength) return false;
        Span<byte> prefix = stackalloc byte[PrefixLength];
        buffer.Slice(0, PrefixLength).CopyTo(prefix);
        if (prefix[0] > 1) throw new GrpcException(GrpcStatusCode.Internal, $"a message's compressed flag is {prefix[0]}; it may be 0 or 1");
        var length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        if (length > maxMessageBytes) throw TooLarge($"of {length} bytes", maxMessageBytes);
        if (buffer.Length < PrefixLength + length) return false;

        message = buffer.Slice(PrefixLength, length);
        buffer = buffer.Slice(PrefixLength + length);
        if (prefix[0] == 1)
        {
            // A compressed flag without an encoding has no meaning; guessing gzip would accept what other implementations refuse.
            if (encoding != GrpcEncoding.Gzip) throw new GrpcException(GrpcStatusCode.Internal, "a message is compressed but grpc-encoding is identity");
            message = Inflate(message, maxMessageBytes);
        }
        return true;
    }

    /// <summary>Writes one message with its prefix.</summary>
    public static void Write(IBufferWriter<byte> output, IMessage message, GrpcEncoding encoding = GrpcEncoding.Identity)
    {
        if (encoding == GrpcEncoding.Gzip)
        {
            WriteRaw(output, message.ToByteArray(), encoding);
            return;
        }
        WritePrefix(output, message.CalculateSize(), compressed: false);
        message.WriteTo(output);
    }

    /// <summary>Writes one message that is serialized already.</summary>
    public static void WriteRaw(IBufferWriter<byte> output, ReadOnlySpan<byte> message, GrpcEncoding encoding = GrpcEncoding.Identity)
    {
        // GZipStream makes nothing at all of nothing, and no bytes are not gzip: other implementations refuse them.
        if (encoding == GrpcEncoding.Gzip && !message.IsEmpty) WritePrefixed(output, Deflate(message), compressed: true);
        else WritePrefixed(output, message, compressed: false);
    }

    private static void WritePrefixed(IBufferWriter<byte> output, ReadOnlySpan<byte> body, bool compressed)
    {
        WritePrefix(output, body.Length, compressed);
        output.Write(body);
    }

    private static void WritePrefix(IBufferWriter<byte> output, int length, bool compressed)
    {
        var prefix = output.GetSpan(PrefixLength);
        prefix[0] = compressed ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt32BigEndian(prefix[1..], (uint)length);
        output.Advance(PrefixLength);
    }

    private static byte[] Deflate(ReadOnlySpan<byte> message)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest))
            gzip.Write(message);
        return compressed.ToArray();
    }

    /// <summary>Stops one byte past the limit: a few kilobytes of gzip can stand for gigabytes.</summary>
    private static ReadOnlySequence<byte> Inflate(ReadOnlySequence<byte> compressed, int maxMessageBytes)
    {
        using var gzip = new GZipStream(new MemoryStream(compressed.ToArray()), CompressionMode.Decompress);
        var inflated = new ArrayBufferWriter<byte>();
        try
        {
            while (gzip.Read(inflated.GetSpan(4096)) is > 0 and var read)
            {
                inflated.Advance(read);
                if (inflated.WrittenCount > maxMessageBytes) throw TooLarge("that unpacks to more", maxMessageBytes);
            }
        }
        catch (InvalidDataException e)
        {
            throw new GrpcException(GrpcStatusCode.Internal, "a message is not valid gzip", e);
        }
        return new ReadOnlySequence<byte>(inflated.WrittenMemory);
    }

    private static GrpcException TooLarge(string what, int maxMessageBytes) =>
        new(GrpcStatusCode.ResourceExhausted, $"a message {what} is over MaxMessageBytes ({maxMessageBytes} bytes)");
}
