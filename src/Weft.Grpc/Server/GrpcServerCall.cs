using Google.Protobuf;

namespace Weft.Grpc;

/// <summary>One call on the serving side: reads the client's messages, writes ours. One reader and one writer at a time.</summary>
public sealed class GrpcServerCall
{
    private readonly IGrpcExchange _exchange;
    private readonly GrpcMessageReader _reader;
    private readonly GrpcEncoding _sendEncoding;

    internal GrpcServerCall(IGrpcExchange exchange, GrpcMessageReader reader, GrpcEncoding sendEncoding, TimeSpan? timeout, CancellationToken cancellation)
    {
        (_exchange, _reader, _sendEncoding) = (exchange, reader, sendEncoding);
        (Timeout, Cancellation) = (timeout, cancellation);
    }

    /// <summary>The client's <c>grpc-timeout</c>; null when it set none.</summary>
    public TimeSpan? Timeout { get; }

    /// <summary>Fires when the client went away or its deadline passed.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>Whether the head is out: from then on the status can travel in trailers only.</summary>
    internal bool Started { get; private set; }

    /// <summary>A field of the request, such as <c>authorization</c>; null when it is absent.</summary>
    public string? Metadata(string name) => _exchange.RequestHeader(name);

    /// <summary>The client's next message; null when it has sent its last.</summary>
    public ValueTask<T?> ReadAsync<T>(MessageParser<T> parser)
        where T : class, IMessage<T> => _reader.ReadAsync(parser, Cancellation);

    /// <summary>Sends one message and flushes it. Completes when the transport took it, which is the backpressure of the stream.</summary>
    public async ValueTask WriteAsync(IMessage message)
    {
        GrpcFraming.Write(_exchange.ResponseBody, message, _sendEncoding);
        await FlushAsync();
    }

    /// <summary>Sends the head now, for clients that wait for it before they believe in the stream.</summary>
    public ValueTask SendHeadAsync() => FlushAsync();

    private async ValueTask FlushAsync()
    {
        Started = true;
        var flushed = await _exchange.ResponseBody.FlushAsync(Cancellation);
        // Kestrel reports a client that has gone by completing the flush, not by failing it.
        if (flushed.IsCompleted || flushed.IsCanceled) throw new OperationCanceledException("the client has gone", Cancellation);
    }
}
