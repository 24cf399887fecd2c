namespace Weft.Identity;

/// <summary>What the authority may be told. All durations are wall-clock time.</summary>
public sealed record CertificateAuthorityOptions
{
    /// <summary>Life of the root. Default ten years.</summary>
    public TimeSpan RootLifetime { get; init; } = TimeSpan.FromDays(3650);

    /// <summary>Life of the issuing certificate, renewed at half of it. Default 365 days.</summary>
    public TimeSpan IssuerLifetime { get; init; } = TimeSpan.FromDays(365);

    /// <summary>Life of a leaf whose request asks for none. Default 24 hours.</summary>
    public TimeSpan DefaultLeafLifetime { get; init; } = TimeSpan.FromHours(24);

    /// <summary>The longest life a leaf gets, whatever it asks for. Default 24 hours; 20 seconds is a fair value for a test.</summary>
    public TimeSpan MaximumLeafLifetime { get; init; } = TimeSpan.FromHours(24);

    /// <summary>The shortest life a leaf gets: less would only make its holder ask again and again. Default 10 seconds.</summary>
    public TimeSpan MinimumLeafLifetime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How far in the past validity starts, so that a peer whose clock is behind accepts a fresh certificate. 0 to 5 minutes
    /// (the CA/Browser baseline's bound). Default 5 minutes.</summary>
    public TimeSpan Backdate { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Told what an operator should know and nobody else would say, such as a failed renewal of the issuing certificate.</summary>
    public Action<string> Warn { get; init; } = static _ => { };

    /// <exception cref="ArgumentException">A setting is out of range; the message names it.</exception>
    internal void Check()
    {
        Require(MinimumLeafLifetime >= TimeSpan.FromSeconds(1), $"MinimumLeafLifetime is {MinimumLeafLifetime}: at least 1 second");
        Require(MaximumLeafLifetime >= MinimumLeafLifetime, $"MaximumLeafLifetime is {MaximumLeafLifetime}: at least MinimumLeafLifetime ({MinimumLeafLifetime})");
        Require(DefaultLeafLifetime > TimeSpan.Zero, $"DefaultLeafLifetime is {DefaultLeafLifetime}: more than zero");
        Require(IssuerLifetime > MaximumLeafLifetime, $"IssuerLifetime is {IssuerLifetime}: more than MaximumLeafLifetime ({MaximumLeafLifetime})");
        Require(RootLifetime >= IssuerLifetime, $"RootLifetime is {RootLifetime}: at least IssuerLifetime ({IssuerLifetime})");
        Require(Backdate >= TimeSpan.Zero && Backdate <= TimeSpan.FromMinutes(5), $"Backdate is {Backdate}: 0 to 5 minutes");

        static void Require(bool condition, string message)
        {
            if (!condition) throw new ArgumentException(message);
        }
    }
}
