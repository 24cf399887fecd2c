using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Control.Model;

/// <summary>The rules in force for one port, for each caller.</summary>
/// <param name="Port">The port that is called.</param>
/// <param name="Producer">What the Service's own namespace says, for every caller without rules of its own; empty when it says nothing.</param>
/// <param name="Consumers">What another namespace says, for callers of that namespace only; it then replaces the producer's rules.</param>
/// <param name="Sources">The routes, by key.</param>
public sealed record MeshRouteTable(
    MeshServicePort Port, ImmutableArray<MeshRouteEntry> Producer, ImmutableSortedDictionary<string, ImmutableArray<MeshRouteEntry>> Consumers,
    ImmutableArray<MeshRoute> Sources)
{
    /// <summary>The namespace whose rules a caller from <paramref name="callerNamespace"/> follows: its own, or the Service's.</summary>
    public string RulesOf(string callerNamespace) => Consumers.ContainsKey(callerNamespace) ? callerNamespace : Port.Key.Namespace;

    /// <summary>The rules of <paramref name="rulesNamespace"/>, most precise first; empty when there are none.</summary>
    public ImmutableArray<MeshRouteEntry> Entries(string rulesNamespace) => Consumers.GetValueOrDefault(rulesNamespace, Producer);
}

/// <summary>One match of one rule: the unit that Gateway API orders.</summary>
public sealed record MeshRouteEntry(HttpRouteMatch Match, MeshRule Rule);
