using System.Collections.Frozen;

namespace Weft.Control.Model.Stages;

/// <summary>The conditions that Weft writes. Gateway API names its own; the others follow Kubernetes' habit.</summary>
public static class ConditionTypes
{
    /// <summary>Route: it is in force for the parent.</summary>
    public const string Accepted = "Accepted";

    /// <summary>Route: every backend that it names exists and may be named.</summary>
    public const string ResolvedRefs = "ResolvedRefs";

    /// <summary>Route: some rules cannot be carried out; written only when true.</summary>
    public const string PartiallyInvalid = "PartiallyInvalid";

    /// <summary>Any object: written only while false, when a proxy refuses what came of it; the message names the proxy and its words.</summary>
    public const string Programmed = "Programmed";

    /// <summary>Service: at least one endpoint takes requests on each port.</summary>
    public const string HasEndpoints = "HasEndpoints";

    /// <summary>Workload: it takes requests for at least one Service.</summary>
    public const string Ready = "Ready";

    internal static readonly FrozenSet<string> Ours = FrozenSet.ToFrozenSet([Accepted, ResolvedRefs, PartiallyInvalid, Programmed, HasEndpoints, Ready]);
}
