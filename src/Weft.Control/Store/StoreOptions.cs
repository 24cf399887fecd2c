namespace Weft.Control.Store;

/// <summary>Bounds of the embedded store. Each refusal names the setting that caused it.</summary>
public sealed record StoreOptions
{
    /// <summary>Log bytes after which the log is rewritten with the live objects only. Bytes, default 16 MiB.</summary>
    public long CompactionBytes { get; init; } = 16 << 20;

    /// <summary>The log is rewritten only when it has also grown to this multiple of its live content, so that a large store
    /// is not rewritten at every write. Default 2.</summary>
    public int CompactionFactor { get; init; } = 2;

    /// <summary>Largest single object. Bytes, default 1 MiB.</summary>
    public int MaxObjectBytes { get; init; } = 1 << 20;

    /// <summary>Largest sum of all objects, which are held in memory. Bytes, default 512 MiB.</summary>
    public long MaxStoreBytes { get; init; } = 512L << 20;

    /// <summary>Writes that share one fsync at most. Bytes, default 4 MiB; a single transaction may be larger.</summary>
    public int MaxBatchBytes { get; init; } = 4 << 20;

    /// <summary>Transactions that may wait for the disk. Default 4,096; the next one is refused.</summary>
    public int MaxQueuedTransactions { get; init; } = 4096;

    /// <summary>Events kept for watches. Default 10,000; a watch that asks for older ones must list again (410 Gone).</summary>
    public int HistoryEvents { get; init; } = 10_000;
}
