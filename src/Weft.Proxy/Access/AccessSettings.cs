namespace Weft.Proxy.Access;

/// <summary>How access rules are enforced on connections.</summary>
internal sealed record AccessSettings
{
    /// <summary>How long an HTTP connection that the rules would no longer let in may complete what it has begun. Default 1 s. A connection of bytes ends at once.</summary>
    public TimeSpan WithdrawGrace { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Denials by one policy are said at most once in this time, with the number of those in between. Default 10 s.</summary>
    public TimeSpan SayAgain { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Policies that have series of their own in <c>weft_network_access_total</c>; those beyond share <c>policy="other"</c>. Default 256.</summary>
    public int MaxPolicies { get; init; } = 256;
}
