namespace Weft.Grpc;

/// <summary>Settings of a <see cref="GrpcClient"/>.</summary>
public sealed record GrpcClientOptions
{
    /// <summary>Largest message that is read, in bytes after decompression. Default 4 MiB.</summary>
    public int MaxMessageBytes { get; init; } = GrpcFraming.DefaultMaxMessageBytes;

    /// <summary>Encoding of the messages that are sent. Default identity: what Weft sends is small or already compact.</summary>
    public GrpcEncoding SendEncoding { get; init; } = GrpcEncoding.Identity;

    /// <summary>The <c>user-agent</c> of every call.</summary>
    public string UserAgent { get; init; } = "weft-grpc";

    /// <summary>The clock of deadlines. Default the system's.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}

/// <summary>Settings of one call.</summary>
public sealed record GrpcCallOptions
{
    public static readonly GrpcCallOptions Default = new();

    /// <summary>How long the whole call may take; sent as <c>grpc-timeout</c> and enforced here too. Null, the default: no limit.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Fields to send with the call, such as <c>authorization</c>. Names in lower case; values printable ASCII.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Metadata { get; init; } = [];

    /// <summary>These options with one field more.</summary>
    public GrpcCallOptions With(string name, string value) => this with { Metadata = [.. Metadata, new(name, value)] };
}
