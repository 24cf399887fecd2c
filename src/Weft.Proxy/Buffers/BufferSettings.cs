namespace Weft.Proxy.Buffers;

/// <summary>What a worker's <see cref="BufferPool"/> keeps.</summary>
internal sealed record BufferSettings
{
    /// <summary>Bytes that lie ready on the shelves; what is returned beyond goes to the garbage collector. Default 16 MiB, at least 0.</summary>
    public long MaxIdleBytes { get; init; } = 16 << 20;
}
