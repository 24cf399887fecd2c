namespace Weft.Grpc;

/// <summary>Settings of a <see cref="GrpcServer{TExchange}"/>.</summary>
public sealed record GrpcServerOptions
{
    /// <summary>Largest message that is read, in bytes after decompression. Default 4 MiB.</summary>
    public int MaxMessageBytes { get; init; } = GrpcFraming.DefaultMaxMessageBytes;

    /// <summary>Encoding of the answers for clients that accept it. Default identity.</summary>
    public GrpcEncoding SendEncoding { get; init; } = GrpcEncoding.Identity;

    /// <summary>The clock of deadlines. Default the system's.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Told of every exception that a handler did not mean: path and exception. The client gets Unknown without its text, which may
    /// hold what is not the client's to know.</summary>
    public Action<string, Exception> HandlerFailed { get; init; } = static (_, _) => { };
}
