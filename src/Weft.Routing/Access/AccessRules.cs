using System.Collections.Immutable;

namespace Weft.Routing.Access;

/// <summary>What a matching policy does (envoy.config.rbac.v3.RBAC.Action).</summary>
public enum AccessAction : byte
{
    /// <summary>Permits; what no policy matches is denied.</summary>
    Allow,

    /// <summary>Denies; what no policy matches is permitted.</summary>
    Deny,

    /// <summary>Marks; everything is permitted.</summary>
    Log,
}

/// <summary>A named rule: matches when one of its permissions and one of its principals match.</summary>
public sealed record AccessPolicy(string Name, AccessMatcher Permissions, AccessMatcher Principals)
{
    public bool Matches(AccessFacts connection) => Permissions.Matches(connection) && Principals.Matches(connection);
}

/// <summary>What rules say of one connection.</summary>
/// <param name="IsPermitted">False: it must not be served.</param>
/// <param name="Policy">The policy that matched; null when none did.</param>
public readonly record struct AccessDecision(bool IsPermitted, string? Policy);

/// <summary>A set of policies under one action (envoy.config.rbac.v3.RBAC). Immutable and pure.</summary>
/// <param name="Action">What the first matching policy does.</param>
/// <param name="Policies">In the order of their names (bytes), in which they are tried.</param>
public sealed record AccessRules(AccessAction Action, ImmutableArray<AccessPolicy> Policies)
{
    public AccessDecision Decide(AccessFacts connection)
    {
        foreach (var policy in Policies)
        {
            if (policy.Matches(connection)) return new AccessDecision(Action != AccessAction.Deny, policy.Name);
        }
        return new AccessDecision(Action != AccessAction.Allow, null);
    }
}
