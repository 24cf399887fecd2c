using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;

namespace Weft.Grpc;

/// <summary>Calls one gRPC server. Safe for concurrent use. The invoker stays its creator's to dispose.</summary>
/// <param name="invoker">What sends: an invoker over a handler from <see cref="GrpcTransport"/>.</param>
/// <param name="address">Scheme (<c>http</c> is HTTP/2 with prior knowledge), host and port of the server.</param>
/// <param name="options">Settings; default <see cref="GrpcClientOptions"/>.</param>
public sealed class GrpcClient(HttpMessageInvoker invoker, Uri address, GrpcClientOptions? options = null)
{
    private readonly GrpcClientOptions _options = options ?? new GrpcClientOptions();

    /// <summary>Sends one message and waits for the one that answers it.</summary>
    /// <exception cref="GrpcException">The call ended in another status than OK, for whatever reason: the server's word, a failed connection
    /// (Unavailable), the deadline (DeadlineExceeded).</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was cancelled.</exception>
    public async Task<TResponse> UnaryAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, GrpcCallOptions? call = null, CancellationToken cancellation = default)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        var framed = new ArrayBufferWriter<byte>(request.CalculateSize() + GrpcFraming.PrefixLength);
        GrpcFraming.Write(framed, request, _options.SendEncoding);
        using var scope = new GrpcCallScope(_options.Time, call?.Timeout, cancellation);
        using var message = CreateRequest(method.Path, call ?? GrpcCallOptions.Default, new ReadOnlyMemoryContent(framed.WrittenMemory));
        try
        {
            using var response = await invoker.SendAsync(message, scope.Token);
            var reading = await GrpcResponse.OpenAsync(response, _options.MaxMessageBytes, scope.Token);
            var first = await reading.Messages.ReadAsync(method.ResponseParser, scope.Token);
            var extra = first is null ? null : await reading.Messages.ReadRawAsync(scope.Token);
            reading.Status.ThrowUnlessOk();
            return extra is null && first is not null
                ? first
                : throw new GrpcException(GrpcStatusCode.Internal, $"{method.Path} answered {(first is null ? "no message" : "more than one message")} with status OK");
        }
        catch (Exception e) when (scope.Explains(e))
        {
            throw scope.Explain(e, address);
        }
    }

    /// <summary>Opens a stream in both directions. Completes when the connection is up and the request's head is on its way; the server's
    /// head is not waited for, because a server may send it with its first message only.</summary>
    /// <exception cref="GrpcException">Unavailable: the server could not be reached.</exception>
    public async Task<GrpcDuplexCall<TRequest, TResponse>> DuplexAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, GrpcCallOptions? call = null, CancellationToken cancellation = default)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        var scope = new GrpcCallScope(_options.Time, call?.Timeout, cancellation);
        var body = new GrpcRequestContent();
        var message = CreateRequest(method.Path, call ?? GrpcCallOptions.Default, body);
        var duplex = new GrpcDuplexCall<TRequest, TResponse>(method, message, body, invoker.SendAsync(message, scope.Token), scope, address, _options);
        try
        {
            await duplex.OpenedAsync();
            return duplex;
        }
        catch
        {
            await duplex.DisposeAsync();
            throw;
        }
    }

    private HttpRequestMessage CreateRequest(string path, GrpcCallOptions call, HttpContent body)
    {
        var message = new HttpRequestMessage(HttpMethod.Post, new Uri(address, path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = body,
        };
        body.Headers.ContentType = new MediaTypeHeaderValue(GrpcHeader.Grpc);
        var headers = message.Headers;
        headers.TryAddWithoutValidation(GrpcHeader.Te, "trailers");
        headers.TryAddWithoutValidation(GrpcHeader.UserAgent, _options.UserAgent);
        headers.TryAddWithoutValidation(GrpcHeader.AcceptEncoding, GrpcEncodings.Accepted);
        if (_options.SendEncoding != GrpcEncoding.Identity) headers.TryAddWithoutValidation(GrpcHeader.Encoding, _options.SendEncoding.Name());
        if (call.Timeout is { } timeout) headers.TryAddWithoutValidation(GrpcHeader.Timeout, GrpcTimeout.Format(timeout));
        foreach (var (name, value) in call.Metadata) headers.TryAddWithoutValidation(name, value);
        return message;
    }
}
