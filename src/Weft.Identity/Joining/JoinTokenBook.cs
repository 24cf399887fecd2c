using System.Security.Cryptography;

namespace Weft.Identity;

/// <summary>Why a join token bought nothing.</summary>
public enum JoinRefusal
{
    /// <summary>It was good.</summary>
    None,

    /// <summary>Not found: it never was, was used already, or ended long ago. The three look alike on purpose: a guesser learns nothing.</summary>
    UnknownOrUsed,

    /// <summary>The id is known, the secret is another.</summary>
    WrongSecret,

    /// <summary>Past its end.</summary>
    Expired,
}

/// <summary>Issues join tokens and redeems each at most once.</summary>
/// <param name="store">Where they rest.</param>
/// <param name="lifetime">How long a token can be used; the design's value is <see cref="DefaultLifetime"/>.</param>
/// <param name="time">The clock.</param>
public sealed class JoinTokenBook(IJoinTokenStore store, TimeSpan lifetime, TimeProvider time)
{
    /// <summary>Ten minutes.</summary>
    public static readonly TimeSpan DefaultLifetime = TimeSpan.FromMinutes(10);

    /// <summary>Issues a token for one service account. The text leaves here once; the store never has it.</summary>
    /// <param name="trustDomain">The authority's domain: a name that could not become a SPIFFE ID is refused now and not at the first use.</param>
    /// <param name="rootPin">SHA-256 of the authority's root.</param>
    /// <param name="namespace">Namespace of the identity.</param>
    /// <param name="serviceAccount">Service account of the identity.</param>
    /// <param name="cancel">Cancels the write.</param>
    /// <exception cref="FormatException">Namespace or service account cannot stand in a SPIFFE ID.</exception>
    public async ValueTask<(JoinToken Token, DateTimeOffset ExpiresAt)> IssueAsync(
        TrustDomain trustDomain, ReadOnlyMemory<byte> rootPin, string @namespace, string serviceAccount, CancellationToken cancel)
    {
        _ = SpiffeId.ForServiceAccount(trustDomain, @namespace, serviceAccount);
        var now = time.GetUtcNow();
        await store.RemoveExpiredAsync(now, cancel);
        var token = JoinToken.Create(rootPin.Span);
        var expiresAt = now + lifetime;
        await store.AddAsync(new StoredJoinToken(token.Id, token.SecretSha256, @namespace, serviceAccount, expiresAt), cancel);
        return (token, expiresAt);
    }

    /// <summary>Looks at a token without using it up.</summary>
    public async ValueTask<(StoredJoinToken? Token, JoinRefusal Refusal)> InspectAsync(JoinToken shown, CancellationToken cancel)
    {
        var stored = await store.FindAsync(shown.Id, cancel);
        if (stored is null) return (null, JoinRefusal.UnknownOrUsed);
        // Hashes are compared, and in constant time: neither value tells a caller how much of the secret was right.
        if (!CryptographicOperations.FixedTimeEquals(stored.SecretSha256.Span, shown.SecretSha256)) return (null, JoinRefusal.WrongSecret);
        return time.GetUtcNow() >= stored.ExpiresAt ? (null, JoinRefusal.Expired) : (stored, JoinRefusal.None);
    }

    /// <summary>Uses the token up. Of several callers with the same good token exactly one gets it.</summary>
    public async ValueTask<(StoredJoinToken? Token, JoinRefusal Refusal)> RedeemAsync(JoinToken shown, CancellationToken cancel)
    {
        var (stored, refusal) = await InspectAsync(shown, cancel);
        if (stored is null) return (null, refusal);
        return await store.TryTakeAsync(stored.Id, cancel) ? (stored, JoinRefusal.None) : (null, JoinRefusal.UnknownOrUsed);
    }
}
