namespace Weft.Grpc;

/// <summary>A call that did not end in <see cref="GrpcStatusCode.Ok"/>. A server's handler throws it to choose the status of its answer.</summary>
public sealed class GrpcException : Exception
{
    public GrpcException(GrpcStatus status, Exception? inner = null)
        : base(status.ToString(), inner) => Status = status;

    public GrpcException(GrpcStatusCode code, string message, Exception? inner = null)
        : this(new GrpcStatus(code, message), inner)
    {
    }

    public GrpcStatus Status { get; }
}
