using System.Collections.Frozen;
using Google.Protobuf;

namespace Weft.Grpc;

/// <summary>Serves one call: reads requests off <paramref name="call"/> and writes answers to it. Returning ends the call with OK; a
/// <see cref="GrpcException"/> chooses another status.</summary>
public delegate Task GrpcHandler<in TExchange>(GrpcServerCall call, TExchange exchange);

/// <summary>
/// The rules of gRPC's serving side over any web server: which requests are gRPC, what an unknown method answers, encodings, deadlines, and
/// where the status goes. Immutable once built; safe for concurrent use.
/// </summary>
/// <typeparam name="TExchange">The web server's side of a request. Handlers get it too, for what gRPC does not say (the peer's certificate).</typeparam>
public sealed class GrpcServer<TExchange>
    where TExchange : IGrpcExchange
{
    private readonly FrozenDictionary<string, GrpcHandler<TExchange>> _handlers;
    private readonly GrpcServerOptions _options;

    private GrpcServer(FrozenDictionary<string, GrpcHandler<TExchange>> handlers, GrpcServerOptions options) =>
        (_handlers, _options) = (handlers, options);

    /// <summary>Answers one request. Never throws: every outcome is an HTTP status or a gRPC status, or the client is gone.</summary>
    public async Task HandleAsync(TExchange exchange)
    {
        if (!string.Equals(exchange.Method, "POST", StringComparison.Ordinal))
        {
            exchange.SetResponseHeader("allow", "POST");
            exchange.SetHttpStatus(405);
            return;
        }
        if (!GrpcHeader.IsGrpcContentType(exchange.RequestHeader(GrpcHeader.ContentType)))
        {
            exchange.SetHttpStatus(415);
            return;
        }
        exchange.SetResponseHeader(GrpcHeader.ContentType, GrpcHeader.Grpc);
        exchange.SetResponseHeader(GrpcHeader.AcceptEncoding, GrpcEncodings.Accepted);

        // From here on every refusal is HTTP 200 with a gRPC status. A 404 for an unknown method would be read as UNIMPLEMENTED by some
        // clients and as a broken proxy by others.
        if (!_handlers.TryGetValue(exchange.Path, out var handler))
            SendStatus(exchange, false, new GrpcStatus(GrpcStatusCode.Unimplemented, $"unknown method {exchange.Path}"));
        else if (!GrpcEncodings.TryParse(exchange.RequestHeader(GrpcHeader.Encoding), out var encoding))
            SendStatus(exchange, false, new GrpcStatus(GrpcStatusCode.Unimplemented, $"grpc-encoding '{exchange.RequestHeader(GrpcHeader.Encoding)}' is not supported"));
        else if (!TryReadTimeout(exchange, out var timeout))
            SendStatus(exchange, false, new GrpcStatus(GrpcStatusCode.Internal, $"malformed grpc-timeout '{exchange.RequestHeader(GrpcHeader.Timeout)}'"));
        else
            await RunAsync(exchange, handler, encoding, timeout);
    }

    private async Task RunAsync(TExchange exchange, GrpcHandler<TExchange> handler, GrpcEncoding encoding, TimeSpan? timeout)
    {
        using var deadline = timeout is { } limit ? new CancellationTokenSource(limit, _options.Time) : null;
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(exchange.Aborted, deadline?.Token ?? CancellationToken.None);
        var sendEncoding = GrpcEncodings.Accepts(exchange.RequestHeader(GrpcHeader.AcceptEncoding), _options.SendEncoding) ? _options.SendEncoding : GrpcEncoding.Identity;
        if (sendEncoding != GrpcEncoding.Identity) exchange.SetResponseHeader(GrpcHeader.Encoding, sendEncoding.Name());
        var call = new GrpcServerCall(
            exchange, new GrpcMessageReader(exchange.RequestBody, encoding, _options.MaxMessageBytes), sendEncoding, timeout, ends.Token);

        GrpcStatus status;
        try
        {
            await handler(call, exchange);
            status = GrpcStatus.Ok;
        }
        catch (GrpcException e)
        {
            status = e.Status;
        }
        catch (Exception) when (exchange.Aborted.IsCancellationRequested)
        {
            return; // Nobody is left to tell. Kestrel surfaces a reset as IOException, a lost connection as a cancelled read.
        }
        catch (OperationCanceledException) when (deadline is { IsCancellationRequested: true })
        {
            status = new GrpcStatus(GrpcStatusCode.DeadlineExceeded, "the client's deadline has passed");
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            status = new GrpcStatus(GrpcStatusCode.Cancelled, "the stream was cut");
        }
#pragma warning disable CA1031 // One broken handler must not take the connection's other streams with it; the exception is reported, not lost.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _options.HandlerFailed(exchange.Path, e);
            status = new GrpcStatus(GrpcStatusCode.Unknown, "the handler failed");
        }
        SendStatus(exchange, call.Started, status);
    }

    private static bool TryReadTimeout(TExchange exchange, out TimeSpan? timeout)
    {
        timeout = null;
        if (exchange.RequestHeader(GrpcHeader.Timeout) is not { } text) return true;
        if (!GrpcTimeout.TryParse(text, out var value)) return false;
        // CancellationTokenSource takes at most about 49 days; a deadline beyond that is no deadline.
        if (value < TimeSpan.FromDays(49)) timeout = value;
        return true;
    }

    private static void SendStatus(TExchange exchange, bool started, GrpcStatus status)
    {
        // Without a message the status goes into the head ("Trailers-Only"): some clients cannot tell a head without messages and with
        // trailers from a broken stream.
        Action<string, string> set = started ? exchange.SetTrailer : exchange.SetResponseHeader;
        set(GrpcHeader.Status, status.CodeText);
        if (status.Message.Length > 0) set(GrpcHeader.Message, status.EncodedMessage);
    }

    /// <summary>Collects the methods of a server.</summary>
    public sealed class Builder
    {
        private readonly Dictionary<string, GrpcHandler<TExchange>> _handlers = new(StringComparer.Ordinal);

        /// <summary>Adds a method whose handler reads and writes the stream itself.</summary>
        public Builder Stream<TRequest, TResponse>(GrpcMethod<TRequest, TResponse> method, GrpcHandler<TExchange> handler)
            where TRequest : class, IMessage<TRequest>
            where TResponse : class, IMessage<TResponse>
        {
            _handlers.Add(method.Path, handler);
            return this;
        }

        /// <summary>Adds a method of one request and one answer.</summary>
        public Builder Unary<TRequest, TResponse>(GrpcMethod<TRequest, TResponse> method, Func<TRequest, GrpcServerCall, TExchange, Task<TResponse>> handler)
            where TRequest : class, IMessage<TRequest>
            where TResponse : class, IMessage<TResponse> =>
            Stream(method, async (call, exchange) =>
            {
                var request = await call.ReadAsync(method.RequestParser)
                    ?? throw new GrpcException(GrpcStatusCode.Internal, $"{method.Path} takes one message; none came");
                await call.WriteAsync(await handler(request, call, exchange));
            });

        public GrpcServer<TExchange> Build(GrpcServerOptions? options = null) =>
            new(_handlers.ToFrozenDictionary(StringComparer.Ordinal), options ?? new GrpcServerOptions());
    }
}
