using System.Collections.Immutable;

namespace Weft.Routing.Access;

/// <summary>
/// Access control of a filter chain's connections (envoy.extensions.filters.network.rbac.v3.RBAC). A chain may have several: they are asked in their order, and the first that
/// denies ends it. Immutable and pure.
/// </summary>
/// <param name="StatPrefix">Names the filter in what is said of a denial.</param>
/// <param name="Rules">Null: nothing is enforced.</param>
/// <param name="ShadowRules">Counted and told, never enforced: what would happen if. Null: none.</param>
/// <remarks>What a rule can ask does not change while a connection lives, so one answer at its beginning is as good as one per message (enforcement_type CONTINUOUS); what does
/// change is the rules, and then the connection is judged again.</remarks>
public sealed record NetworkRbac(string StatPrefix, AccessRules? Rules, AccessRules? ShadowRules)
{
    /// <summary>The denial by the first filter that denies; null when all permit.</summary>
    public static (NetworkRbac Filter, AccessDecision Decision)? FirstDenial(ImmutableArray<NetworkRbac> filters, AccessFacts connection)
    {
        foreach (var filter in filters)
        {
            if (filter.Rules?.Decide(connection) is { IsPermitted: false } denied) return (filter, denied);
        }
        return null;
    }
}
