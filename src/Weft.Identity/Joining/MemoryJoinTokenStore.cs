using System.Collections.Concurrent;

namespace Weft.Identity;

/// <summary>Join tokens that end with the process: for tests and for a control plane without a disk.</summary>
public sealed class MemoryJoinTokenStore : IJoinTokenStore
{
    private readonly ConcurrentDictionary<string, StoredJoinToken> _tokens = new();

    /// <inheritdoc/>
    public ValueTask AddAsync(StoredJoinToken token, CancellationToken cancel)
    {
        _tokens[token.Id] = token;
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask<StoredJoinToken?> FindAsync(string id, CancellationToken cancel) => ValueTask.FromResult(_tokens.GetValueOrDefault(id));

    /// <inheritdoc/>
    public ValueTask<bool> TryTakeAsync(string id, CancellationToken cancel) => ValueTask.FromResult(_tokens.TryRemove(id, out _));

    /// <inheritdoc/>
    public ValueTask RemoveExpiredAsync(DateTimeOffset now, CancellationToken cancel)
    {
        foreach (var (id, token) in _tokens)
            if (token.ExpiresAt <= now) _tokens.TryRemove(id, out _);
        return ValueTask.CompletedTask;
    }
}
