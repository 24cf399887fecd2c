namespace Weft.Identity;

/// <summary>A join token as it rests in a store: nothing in it lets anyone join.</summary>
/// <param name="Id">The token's public id.</param>
/// <param name="SecretSha256">SHA-256 of the secret, 32 bytes.</param>
/// <param name="Namespace">Namespace of the identity it buys.</param>
/// <param name="ServiceAccount">Service account of the identity it buys.</param>
/// <param name="ExpiresAt">From this moment on it buys nothing.</param>
public sealed record StoredJoinToken(string Id, ReadOnlyMemory<byte> SecretSha256, string Namespace, string ServiceAccount, DateTimeOffset ExpiresAt);

/// <summary>Where join tokens rest between issue and use. The control plane puts its durable store behind this.</summary>
public interface IJoinTokenStore
{
    /// <summary>Keeps a token; returns when it is as durable as the store makes it.</summary>
    ValueTask AddAsync(StoredJoinToken token, CancellationToken cancel);

    /// <summary>The token with this id; null when it never was, was used, or was removed.</summary>
    ValueTask<StoredJoinToken?> FindAsync(string id, CancellationToken cancel);

    /// <summary>Takes the token out. True for exactly one of all callers, across processes and restarts: this is what makes "one use" true.</summary>
    ValueTask<bool> TryTakeAsync(string id, CancellationToken cancel);

    /// <summary>Drops tokens that ended before <paramref name="now"/>.</summary>
    ValueTask RemoveExpiredAsync(DateTimeOffset now, CancellationToken cancel);
}
