namespace Weft.Identity;

/// <summary>An identity that a client proved in a TLS handshake: its chain was verified and it holds the key. Only
/// <see cref="ControlPlaneTls"/> makes one, so having one is the proof.</summary>
public sealed class ClientIdentity
{
    internal ClientIdentity(SpiffeId id, string serialNumber, DateTimeOffset notAfter) => (Id, SerialNumber, NotAfter) = (id, serialNumber, notAfter);

    /// <summary>Who it is.</summary>
    public SpiffeId Id { get; }

    /// <summary>Serial number of its certificate, hexadecimal, upper case.</summary>
    public string SerialNumber { get; }

    /// <summary>End of its certificate. It may be past already at the handshake, within <see cref="CertificateServiceOptions.ExpiredGrace"/>:
    /// such a client may renew and nothing else.</summary>
    public DateTimeOffset NotAfter { get; }

    /// <summary>Whether the certificate has not ended: what every call but the renewal requires when its connection is made.</summary>
    public bool IsCurrent(DateTimeOffset now) => now < NotAfter;

    /// <inheritdoc/>
    public override string ToString() => Id.Text;
}
