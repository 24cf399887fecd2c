using System.Collections.Immutable;

namespace Weft.Identity;

/// <summary>Who may not have a certificate any more. Asked at every issue; certificates live hours, so this is where revocation bites.</summary>
public interface IRevocations
{
    /// <summary>Whether an identity, or the certificate with which it asks, was revoked.</summary>
    /// <param name="id">The identity that asks.</param>
    /// <param name="serialNumber">Serial of the certificate it shows, hexadecimal upper case; null when it shows a join token.</param>
    bool IsRevoked(SpiffeId id, string? serialNumber);
}

/// <summary>A fixed set of revoked serial numbers and identities.</summary>
/// <param name="SerialNumbers">Hexadecimal, upper case.</param>
/// <param name="Identities">SPIFFE IDs.</param>
public sealed record RevocationSet(ImmutableHashSet<string> SerialNumbers, ImmutableHashSet<SpiffeId> Identities) : IRevocations
{
    /// <summary>Nobody is revoked.</summary>
    public static RevocationSet Empty { get; } = new([], []);

    /// <inheritdoc/>
    public bool IsRevoked(SpiffeId id, string? serialNumber) =>
        Identities.Contains(id) || (serialNumber is not null && SerialNumbers.Contains(serialNumber));
}
