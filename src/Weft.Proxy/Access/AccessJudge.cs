using Weft.Proxy.Configuration;
using Weft.Routing.Access;

namespace Weft.Proxy.Access;

/// <summary>Holds connections against the access rules of their filter chains. Decisions are <see cref="NetworkRbac"/>'s; here they are counted and said. Any worker.</summary>
internal sealed class AccessJudge(AccessReport report)
{
    /// <summary>Before anything of the connection is served.</summary>
    /// <param name="listener">Name of its listener, for people.</param>
    /// <returns>False: it must be closed.</returns>
    public bool Permits(BoundChain chain, AccessFacts facts, string listener)
    {
        foreach (var filter in chain.Access)
        {
            if (filter.ShadowRules?.Decide(facts) is { } shadow)
            {
                report.Count(shadow.Policy, shadow.IsPermitted ? AccessOutcome.ShadowAllowed : AccessOutcome.ShadowDenied);
                if (!shadow.IsPermitted) Say("would be denied, were the shadow rules enforced", filter, shadow, facts, listener);
            }
            if (filter.Rules is not { } rules) continue;
            var decision = rules.Decide(facts);
            if (!decision.IsPermitted)
            {
                report.Count(decision.Policy, AccessOutcome.Denied);
                Say("denied", filter, decision, facts, listener);
                return false;
            }
            report.Count(decision.Policy, rules.Action == AccessAction.Log && decision.Policy is not null ? AccessOutcome.Logged : AccessOutcome.Allowed);
        }
        return true;
    }

    /// <summary>Once more, under rules that have changed since. Only a denial is counted: the connection was counted when it came.</summary>
    /// <returns>Null, or why it must end.</returns>
    public string? Withdraws(BoundChain chain, AccessFacts facts, string listener)
    {
        if (NetworkRbac.FirstDenial(chain.Access, facts) is not { } denial) return null;
        report.Count(denial.Decision.Policy, AccessOutcome.Withdrawn);
        Say("no longer permitted", denial.Filter, denial.Decision, facts, listener);
        return Describe(denial.Filter, denial.Decision, facts, listener);
    }

    /// <summary>A flood of denials costs a count each, and now and then a line.</summary>
    private void Say(string what, NetworkRbac filter, in AccessDecision decision, AccessFacts facts, string listener)
    {
        if (report.MaySay(decision.Policy, out var unsaid)) report.Say($"access {what}: {Describe(filter, decision, facts, listener)}", unsaid);
    }

    private static string Describe(NetworkRbac filter, in AccessDecision decision, AccessFacts facts, string listener)
    {
        var client = facts.Peer?.First is { Length: > 0 } name ? $"{name} ({facts.Remote})" : facts.Remote.ToString();
        var why = decision.Policy is { } policy ? $"by policy '{policy}'" : "because no policy allows it";
        return $"a connection from {client} to {facts.Destination} on listener '{listener}', {why} (rbac '{filter.StatPrefix}')";
    }
}
