namespace Weft.Grpc;

/// <summary>What can end a call from this side, and the translation of what then surfaces into one status: the caller's token, the deadline,
/// and disposal all appear as the same <see cref="OperationCanceledException"/> out of the HTTP stack.</summary>
internal sealed class GrpcCallScope : IDisposable
{
    private readonly CancellationTokenSource? _deadline;
    private readonly CancellationTokenSource _all;
    private readonly CancellationToken _caller;
    private readonly TimeSpan? _timeout;

    public GrpcCallScope(TimeProvider time, TimeSpan? timeout, CancellationToken caller)
    {
        _caller = caller;
        _timeout = timeout;
        if (timeout is { } limit) _deadline = new CancellationTokenSource(limit > TimeSpan.Zero ? limit : TimeSpan.Zero, time);
        _all = CancellationTokenSource.CreateLinkedTokenSource(caller, _deadline?.Token ?? CancellationToken.None);
    }

    public CancellationToken Token => _all.Token;

    public void Cancel() => _all.Cancel();

    /// <summary>Whether <paramref name="e"/> stands for a status. False when it should pass as it is: the caller's own cancellation, a status
    /// already, or a bug.</summary>
    public bool Explains(Exception e) =>
        !_caller.IsCancellationRequested && e is (HttpRequestException or IOException or OperationCanceledException);

    /// <summary>The status that an exception of the HTTP stack stands for.</summary>
    public GrpcException Explain(Exception e, Uri address)
    {
        if (_deadline is { IsCancellationRequested: true })
            return new GrpcException(GrpcStatusCode.DeadlineExceeded, $"no answer from {address.Authority} within {_timeout!.Value.TotalSeconds} s", e);
        if (Http2ErrorOf(e) is { } code)
            return new GrpcException(GrpcStatus.FromHttp2Error(code), $"{address.Authority} reset the stream (HTTP/2 error {code})", e);
        return e is OperationCanceledException
            ? new GrpcException(GrpcStatusCode.Cancelled, "the call was cancelled", e)
            : new GrpcException(GrpcStatusCode.Unavailable, $"{address.Authority} cannot be reached: {Innermost(e).Message}", e);
    }

    public void Dispose()
    {
        _all.Dispose();
        _deadline?.Dispose();
    }

    private static long? Http2ErrorOf(Exception? e)
    {
        for (; e is not null; e = e.InnerException)
            if (e is HttpProtocolException protocol) return protocol.ErrorCode;
        return null;
    }

    private static Exception Innermost(Exception e)
    {
        while (e.InnerException is { } inner) e = inner;
        return e;
    }
}
