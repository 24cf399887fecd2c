using System.Buffers;
using System.Runtime.CompilerServices;
using Google.Protobuf;

namespace Weft.Grpc;

/// <summary>
/// A stream in both directions. One writer and one reader at a time; the two may be different tasks.
/// Disposal before the end cancels the stream: the server sees RST_STREAM with CANCEL.
/// </summary>
public sealed class GrpcDuplexCall<TRequest, TResponse> : IAsyncDisposable
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>
{
    private readonly GrpcMethod<TRequest, TResponse> _method;
    private readonly HttpRequestMessage _request;
    private readonly GrpcRequestContent _body;
    private readonly Task<HttpResponseMessage> _sending;
    private readonly GrpcCallScope _scope;
    private readonly Uri _address;
    private readonly GrpcClientOptions _options;
    private readonly ArrayBufferWriter<byte> _frame = new();
    private GrpcResponse? _response;
    private bool _disposed;

    internal GrpcDuplexCall(
        GrpcMethod<TRequest, TResponse> method, HttpRequestMessage request, GrpcRequestContent body, Task<HttpResponseMessage> sending,
        GrpcCallScope scope, Uri address, GrpcClientOptions options) =>
        (_method, _request, _body, _sending, _scope, _address, _options) = (method, request, body, sending, scope, address, options);

    /// <summary>How the call ended; null until the last message has been read.</summary>
    public GrpcStatus? Status { get; private set; }

    /// <summary>Sends one message and flushes it.</summary>
    /// <exception cref="GrpcException">The stream is gone. The server's reason, when it gave one, comes out of the reading side.</exception>
    public async Task WriteAsync(TRequest message, CancellationToken cancellation = default)
    {
        try
        {
            var stream = await _body.Opened;
            _frame.ResetWrittenCount();
            GrpcFraming.Write(_frame, message, _options.SendEncoding);
            await stream.WriteAsync(_frame.WrittenMemory, cancellation);
            await stream.FlushAsync(cancellation);
        }
        catch (ObjectDisposedException e)
        {
            // The HTTP stack closes the request's stream when the server has ended the response.
            throw new GrpcException(GrpcStatusCode.Unavailable, $"{_address.Authority} has ended the stream", e);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested && _scope.Explains(e))
        {
            throw _scope.Explain(e, _address);
        }
    }

    /// <summary>Says that no more will be sent (END_STREAM). The server's answers can still be read.</summary>
    public void Complete() => _body.Complete();

    /// <summary>All messages of the server in order. Ends when the server ended the call with OK.</summary>
    /// <exception cref="GrpcException">The call ended in another status.</exception>
    public async IAsyncEnumerable<TResponse> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        while (await ReadAsync(cancellation) is { } message) yield return message;
    }

    /// <summary>The next message of the server; null when it ended the call with OK.</summary>
    /// <exception cref="GrpcException">The call ended in another status.</exception>
    public async Task<TResponse?> ReadAsync(CancellationToken cancellation = default)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(_scope.Token, cancellation);
        try
        {
            _response ??= await GrpcResponse.OpenAsync(await _sending.WaitAsync(linked.Token), _options.MaxMessageBytes, linked.Token);
            var message = await _response.Messages.ReadAsync(_method.ResponseParser, linked.Token);
            if (message is not null) return message;
            Status = _response.Status;
            Status.Value.ThrowUnlessOk();
            return null;
        }
        catch (GrpcException e)
        {
            Status ??= e.Status;
            throw;
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested && _scope.Explains(e))
        {
            var failure = _scope.Explain(e, _address);
            Status = failure.Status;
            throw failure;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_disposed) return;
        _disposed = true;
        if (Status is null) _body.Abort();
        else _body.Complete();
        _scope.Cancel();
        try
        {
            (await _sending).Dispose();
        }
        catch (Exception e) when (e is OperationCanceledException or HttpRequestException or IOException)
        {
            // The call is being thrown away; why it could not be sent was for WriteAsync and ReadAsync to say.
        }
        _request.Dispose();
        _scope.Dispose();
    }

    /// <summary>Completes when the request's head is on its way, and throws when it cannot be.</summary>
    internal async Task OpenedAsync()
    {
        if (await Task.WhenAny(_body.Opened, _sending) == _body.Opened) return;
        try
        {
            await _sending;
        }
        catch (Exception e) when (_scope.Explains(e))
        {
            throw _scope.Explain(e, _address);
        }
    }
}
