using Weft.Grpc;
using Weft.Routing.Routes;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Pipelines;

/// <content>gRPC calls, and how long a request may take in all.</content>
internal sealed partial class Exchange
{
    /// <summary>No time: the request may take as long as it likes.</summary>
    private const long NoDeadline = long.MaxValue;

    private bool _isGrpc;
    private TimeSpan? _grpcTimeout;
    private long _deadlineMicros;

    /// <summary>The request is a gRPC call: what fails is told as a gRPC status.</summary>
    public bool IsGrpc => _isGrpc;

    /// <summary>What is left for the request, at least zero; null when nothing limits it.</summary>
    public TimeSpan? TimeLeft =>
        _deadlineMicros == NoDeadline ? null : TimeSpan.FromMicroseconds(Math.Max(0, _deadlineMicros - _context.Worker.NowMicros));

    /// <summary>The value of <c>grpc-timeout</c> for the next hop: what is left. Null when the call came without one that can be read.</summary>
    public TimeSpan? GrpcTimeoutLeft => _grpcTimeout is null ? null : TimeLeft;

    /// <summary>The next hop of the request shares this limit, whatever its route says.</summary>
    /// <param name="limit">From the head's arrival; zero or more.</param>
    private void EndWithin(TimeSpan limit) =>
        _deadlineMicros = Math.Min(_deadlineMicros, _startedMicros + Math.Min((long)Math.Ceiling(limit.TotalMicroseconds), NoDeadline / 2));

    private void BeginGrpc()
    {
        _isGrpc = false;
        _grpcTimeout = null;
        _deadlineMicros = NoDeadline;
    }

    private void ReadGrpc()
    {
        var head = _downstream.Head;
        _isGrpc = GrpcFields.IsCall(head);
        if (!_isGrpc) return;
        _grpcTimeout = GrpcFields.Timeout(head);
        if (_grpcTimeout is { } timeout) EndWithin(timeout);
    }

    private void LimitBy(ForwardAction action)
    {
        var limit = action.Duration.For(_grpcTimeout);
        if (limit != Timeout.InfiniteTimeSpan) EndWithin(limit);
    }

    private bool DeadlinePassed => _context.Worker.NowMicros >= _deadlineMicros;

    private string DeadlineText => $"the request's time of {(_deadlineMicros - _startedMicros) / 1000.0} ms is over, attempt {_record.Attempts}";

    /// <summary>The deadline in the worker's milliseconds, for its timers.</summary>
    private long DeadlineMs => _deadlineMicros == NoDeadline ? long.MaxValue : (_deadlineMicros + PatienceMicros + 999) / 1000;

    /// <summary>How the call ended for the caller: by what its workload said, or by what the mesh or HTTP says instead.</summary>
    private GrpcStatusCode? EndOfCall()
    {
        if (!_isGrpc) return null;
        if (_record.Fault != Fault.None && _record.Fault.Describe().GrpcStatus is not GrpcStatusCode.Ok and var status) return status;
        if (_record.GrpcStatus is { } said) return said;
        return _record.Status == 200 ? GrpcStatusCode.Unknown : GrpcStatus.FromHttpStatus(_record.Status).Code;
    }

    /// <summary>A response of ours to a gRPC call: all in the head (Trailers-Only).</summary>
    private void AnswerCall(GrpcStatusCode status, Fault fault, ReadOnlySpan<byte> text)
    {
        _record.Status = 200;
        _record.GrpcStatus = status;
        Span<byte> message = stackalloc byte[LocalReply.MaxGrpcMessageBytes];
        var length = PercentEncoding.Encode(text.TrimEnd((byte)'\n'), message);
        _downstream.WriteLocalReply(LocalReply.ToCall(status, message[..length], fault.CodeUtf8(), fault == Fault.None ? default : _record.RequestId.Span));
    }
}
