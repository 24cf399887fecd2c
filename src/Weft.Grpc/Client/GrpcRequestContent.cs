using System.Net;

namespace Weft.Grpc;

/// <summary>A request body that stays open: it hands its stream to the call and ends when the call says so.</summary>
internal sealed class GrpcRequestContent : HttpContent
{
    private readonly TaskCompletionSource<Stream> _stream = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The stream to write to; completes when the connection is up.</summary>
    public Task<Stream> Opened => _stream.Task;

    /// <summary>Ends the body in good order.</summary>
    public void Complete() => _end.TrySetResult();

    /// <summary>Ends the body by resetting the stream.</summary>
    public void Abort() => _end.TrySetCanceled();

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        // The head waits in the connection's buffer until something is flushed; a server that speaks first would never see the request.
        await stream.FlushAsync(cancellationToken);
        _stream.TrySetResult(stream);
        await _end.Task.WaitAsync(cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
