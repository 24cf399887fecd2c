namespace Weft.Control.Store;

/// <summary>The store cannot take a write now: disk full, I/O error, too many writes waiting. Nothing of the transaction is visible.
/// The store stays readable and accepts writes again as soon as the cause is gone.</summary>
public sealed class StoreUnavailableException(string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>True when the disk is full or the store's own size limit is reached: HTTP 507.</summary>
    public bool OutOfSpace { get; init; }
}

/// <summary>A stored file is damaged where it was already acknowledged. The store refuses to start: it never skips what it cannot read.</summary>
public sealed class StoreCorruptException(string file, long offset, string reason)
    : Exception($"{file} is damaged at byte {offset}: {reason}")
{
    public string File { get; } = file;

    public long Offset { get; } = offset;
}

/// <summary>Another process has the folder open.</summary>
public sealed class StoreLockedException(string folder, string? holder, Exception cause)
    : Exception($"{folder} is in use by {(holder is null ? "another process" : $"process {holder}")}: stop that control plane, or choose another --data folder", cause);

/// <summary>A watch asked for events that are no longer kept.</summary>
public sealed class HistoryGoneException(long asked, long oldest)
    : Exception($"too old resource version: {asked} ({oldest} is the oldest kept): list again and watch from the list's resourceVersion")
{
    public long Asked { get; } = asked;

    public long Oldest { get; } = oldest;
}
