using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Control.Model;

/// <summary>A condition as Kubernetes writes it, without the time of its last change: the model knows no clock.
/// <see cref="StatusWriter"/> adds it.</summary>
public sealed record Condition(string Type, bool Status, string Reason, string Message);

/// <summary>The conditions that one object is told: by parent for a route, else of the object itself.</summary>
/// <param name="Source">The object.</param>
/// <param name="Conditions">Of the object itself; empty for a route.</param>
/// <param name="Parents">Per parentRef of a route.</param>
public sealed record ResourceStatus(ResourceObject Source, ImmutableArray<Condition> Conditions, ImmutableArray<ParentStatus> Parents)
{
    /// <summary>The same with one more condition, on every parent of a route and else on the object: what only the serving side knows, such as
    /// <see cref="Stages.ConditionTypes.Programmed"/>.</summary>
    public ResourceStatus With(Condition condition) => Source is RouteObject
        ? this with { Parents = [.. Parents.Select(p => p with { Conditions = p.Conditions.Add(condition) })] }
        : this with { Conditions = Conditions.Add(condition) };

    /// <summary>True when both say the same in every word.</summary>
    public bool Says(ResourceStatus other) =>
        Source.Metadata.Generation == other.Source.Metadata.Generation
        && Conditions.AsSpan().SequenceEqual(other.Conditions.AsSpan())
        && Parents.Length == other.Parents.Length
        && Parents.Zip(other.Parents).All(p => JsonNode.DeepEquals(p.First.Reference, p.Second.Reference) && p.First.Conditions.AsSpan().SequenceEqual(p.Second.Conditions.AsSpan()));
}

/// <summary>What a route is told about one of its parents.</summary>
public sealed record ParentStatus(JsonObject Reference, ImmutableArray<Condition> Conditions);
