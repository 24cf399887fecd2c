namespace Weft.Identity;

/// <summary>Settings of <see cref="CertificateService"/>.</summary>
public sealed record CertificateServiceOptions
{
    /// <summary>How long after its end a certificate may still renew itself: the laptop that slept. Default 30 days.</summary>
    public TimeSpan ExpiredGrace { get; init; } = TimeSpan.FromDays(30);
}
