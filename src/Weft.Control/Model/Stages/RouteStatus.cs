using System.Collections.Immutable;

namespace Weft.Control.Model.Stages;

/// <summary>What a route is told about each of its parents, in the words of Gateway API.</summary>
internal static class RouteStatus
{
    public static ImmutableArray<ParentStatus> Of(MeshRoute route)
    {
        var resolved = ResolvedRefs(route);
        var partial = PartiallyInvalid(route);
        return [.. route.Parents.Select(p => new ParentStatus(p.Reference.Json, partial is null ? [Accepted(route, p), resolved] : [Accepted(route, p), resolved, partial]))];
    }

    private static Condition Accepted(MeshRoute route, MeshParent parent)
    {
        var ns = parent.Reference.Namespace.Length > 0 ? parent.Reference.Namespace : route.Source.Metadata.Namespace;
        var name = $"Service {ns}/{parent.Reference.Name}";
        if (parent.Service is null) return new Condition(ConditionTypes.Accepted, false, "NoMatchingParent", $"{name} does not exist");
        if (parent.Ports.IsEmpty)
            return new Condition(ConditionTypes.Accepted, false, "NoMatchingParent", $"{name} has no TCP port {PortOf(parent)}");
        if (!route.IsAccepted)
            return new Condition(ConditionTypes.Accepted, false, "UnsupportedValue", $"this version of Weft cannot do: {string.Join("; ", route.Rules.Select(r => $"rules[{r.Index}]: {r.Unsupported}"))}");
        return new Condition(ConditionTypes.Accepted, true, "Accepted", "the route is in force");
    }

    private static string PortOf(MeshParent parent) =>
        string.Join(" called ", new[] { parent.Reference.Port?.ToString(), parent.Reference.SectionName }.Where(t => !string.IsNullOrEmpty(t)));

    private static Condition ResolvedRefs(MeshRoute route)
    {
        var problems = route.Rules.SelectMany(rule => rule.Backends.Select((backend, i) => (rule, i, backend))).Where(p => p.backend.Problem != BackendProblem.None).ToList();
        if (problems.Count == 0) return new Condition(ConditionTypes.ResolvedRefs, true, "ResolvedRefs", "every backend was found");
        // One condition has one reason: the first problem's; the message tells them all.
        var told = problems.Select(p => $"rules[{p.rule.Index}].backendRefs[{p.i}]: {Describe(p.backend, route)}");
        return new Condition(ConditionTypes.ResolvedRefs, false, problems[0].backend.Problem.ToString(), string.Join("; ", told));
    }

    private static string Describe(MeshBackend backend, MeshRoute route)
    {
        var ns = backend.Source.Namespace.Length > 0 ? backend.Source.Namespace : route.Source.Metadata.Namespace;
        var service = $"Service {ns}/{backend.Source.Name}";
        return backend.Problem switch
        {
            BackendProblem.InvalidKind => $"a backend is a Service, not {backend.Source.Kind}{(backend.Source.Group.Length == 0 ? "" : "." + backend.Source.Group)}",
            BackendProblem.RefNotPermitted => $"{service} is in another namespace and no ReferenceGrant permits it",
            _ => $"{service} with TCP port {backend.Source.Port} does not exist",
        };
    }

    /// <summary>Some rules cannot be carried out: their requests are answered 500, because to skip a filter would be to do something else than what was written.</summary>
    private static Condition? PartiallyInvalid(MeshRoute route)
    {
        var rules = route.Rules.Where(r => r.Unsupported.Length > 0).ToList();
        if (rules.Count == 0 || !route.IsAccepted) return null;
        return new Condition(ConditionTypes.PartiallyInvalid, true, "UnsupportedValue", $"these rules answer 500 (or take nothing, where an expression cannot be read), because this version of Weft cannot do: {string.Join("; ", rules.Select(r => $"rules[{r.Index}]: {r.Unsupported}"))}");
    }
}
