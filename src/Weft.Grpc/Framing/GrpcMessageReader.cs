using System.Buffers;
using System.IO.Pipelines;
using Google.Protobuf;

namespace Weft.Grpc;

/// <summary>Reads the messages of one stream in order. One reader at a time.</summary>
/// <param name="input">The body of the request or response.</param>
/// <param name="encoding">Its <c>grpc-encoding</c>.</param>
/// <param name="maxMessageBytes">The largest message, in bytes, before and after decompression.</param>
public sealed class GrpcMessageReader(PipeReader input, GrpcEncoding encoding, int maxMessageBytes)
{
    /// <summary>The next message as bytes that the caller owns; null when the stream has ended.</summary>
    /// <exception cref="GrpcException">ResourceExhausted: the message is over the limit. Internal: the framing is wrong, or the stream ended
    /// inside a message.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> ReadRawAsync(CancellationToken cancellation = default)
    {
        var (found, bytes) = await ReadAsync(static message => new ReadOnlyMemory<byte>(message.ToArray()), cancellation);
        // A bare null would become an empty message: ReadOnlyMemory converts from a null array.
        return found ? bytes : (ReadOnlyMemory<byte>?)null;
    }

    /// <summary>The next message; null when the stream has ended.</summary>
    /// <inheritdoc cref="ReadRawAsync"/>
    public async ValueTask<T?> ReadAsync<T>(MessageParser<T> parser, CancellationToken cancellation = default)
        where T : class, IMessage<T>
    {
        var (_, message) = await ReadAsync(bytes => Parse(parser, bytes), cancellation);
        return message;
    }

    private async ValueTask<(bool Found, T? Value)> ReadAsync<T>(Func<ReadOnlySequence<byte>, T> decode, CancellationToken cancellation)
    {
        while (true)
        {
            var read = await input.ReadAsync(cancellation);
            if (read.IsCanceled) throw new OperationCanceledException("the read was cancelled");
            var rest = read.Buffer;
            if (GrpcFraming.TryRead(ref rest, encoding, maxMessageBytes, out var message))
            {
                var value = decode(message);
                input.AdvanceTo(rest.Start);
                return (true, value);
            }
            if (read.IsCompleted)
            {
                if (!rest.IsEmpty) throw new GrpcException(GrpcStatusCode.Internal, "the stream ended inside a message");
                input.AdvanceTo(rest.End);
                return (false, default);
            }
            // The pipe keeps what has come so far and grows with what arrives. Allocating what the prefix announces would let five bytes
            // of an attacker take MaxMessageBytes of memory.
            input.AdvanceTo(rest.Start, rest.End);
        }
    }

    private static T Parse<T>(MessageParser<T> parser, ReadOnlySequence<byte> bytes)
        where T : class, IMessage<T>
    {
        try
        {
            return parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new GrpcException(GrpcStatusCode.Internal, $"a message is not a {typeof(T).Name}: {e.Message}", e);
        }
    }
}
