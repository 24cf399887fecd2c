namespace Weft.Routing.Listeners;

/// <summary>What becomes of connections and requests to destinations outside of the mesh.</summary>
/// <param name="DeniedBy">Name of the policy that denies them, for people; null lets them pass.</param>
public sealed record Egress(string? DeniedBy)
{
    public static Egress Allowed { get; } = new((string?)null);

    /// <summary>They do not leave the proxy.</summary>
    public bool IsDenied => DeniedBy is not null;

    /// <summary>One clause for people.</summary>
    public string Denial(string destination) => $"{destination} is not in the mesh, and '{DeniedBy}' denies egress";
}
