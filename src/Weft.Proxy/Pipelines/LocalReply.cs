using Weft.Grpc;

namespace Weft.Proxy.Pipelines;

/// <summary>A response that this proxy makes itself.</summary>
/// <param name="status">200 to 599.</param>
/// <param name="fault">Code for <c>x-weft-fault</c>; empty when nothing went wrong (a redirect, a direct response).</param>
/// <param name="id">Value for <c>x-weft-id</c>: the request's id, by which people and logs find it.</param>
/// <param name="body">May be empty.</param>
/// <param name="location">Value for <c>Location</c>; empty writes none.</param>
internal readonly ref struct LocalReply(int status, ReadOnlySpan<byte> fault, ReadOnlySpan<byte> id, ReadOnlySpan<byte> body, ReadOnlySpan<byte> location)
{
    /// <summary>Longest <see cref="GrpcMessage"/>: it travels in a head, where a client may refuse what is long.</summary>
    public const int MaxGrpcMessageBytes = 1024;

    public int Status { get; } = status;

    public ReadOnlySpan<byte> Fault { get; } = fault;

    public ReadOnlySpan<byte> Id { get; } = id;

    public ReadOnlySpan<byte> Body { get; } = body;

    public ReadOnlySpan<byte> Location { get; } = location;

    /// <summary>Set in the reply to a gRPC call.</summary>
    public GrpcStatusCode? GrpcStatus { get; private init; }

    /// <summary>Value for <c>grpc-message</c>, percent-encoded; empty writes none.</summary>
    public ReadOnlySpan<byte> GrpcMessage { get; private init; }

    /// <summary>The reply to a gRPC call (PROTOCOL-HTTP2.md, Trailers-Only): 200, no body, the status in the head.</summary>
    public static LocalReply ToCall(GrpcStatusCode status, ReadOnlySpan<byte> message, ReadOnlySpan<byte> fault, ReadOnlySpan<byte> id) =>
        new(200, fault, id, default, default) { GrpcStatus = status, GrpcMessage = message };
}
