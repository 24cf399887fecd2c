using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Control.Model.Stages;

/// <summary>What a route is told about each of its parents, in the words of Gateway API.</summary>
internal static class RouteStatus
{
    public static ImmutableArray<ParentStatus> Of(MeshRoute route)
    {
        var resolved = ResolvedRefs(route.Source, route.Rules.SelectMany(r => r.Backends.Select((b, i) => ($"rules[{r.Index}].backendRefs[{i}]", b))));
        var partial = PartiallyInvalid(route);
        return
        [
            .. route.Parents.Select(p =>
            {
                var accepted = Attached(route.Source, p) ?? (route.IsAccepted ? new Condition(ConditionTypes.Accepted, true, "Accepted", "the route is in force") : Unsupported(route));
                return new ParentStatus(p.Reference.Json, partial is null ? [accepted, resolved] : [accepted, resolved, partial]);
            }),
        ];
    }

    /// <param name="route">The route.</param>
    /// <param name="tables">Which routes each port has.</param>
    public static ImmutableArray<ParentStatus> Of(MeshConnectionRoute route, ImmutableSortedDictionary<ServicePortKey, MeshConnectionTable> tables)
    {
        var resolved = ResolvedRefs(route.Source, route.Backends.Select((b, i) => ($"rules[0].backendRefs[{i}]", b)));
        return [.. route.Parents.Select(p => new ParentStatus(p.Reference.Json, [Attached(route.Source, p) ?? InForce(route, p, tables), resolved]))];
    }

    /// <summary>Why a route attaches to nothing of a parent; null when it does.</summary>
    private static Condition? Attached(RouteObject route, MeshParent parent)
    {
        var ns = parent.Reference.Namespace.Length > 0 ? parent.Reference.Namespace : route.Metadata.Namespace;
        var name = $"Service {ns}/{parent.Reference.Name}";
        if (parent.Service is null) return new Condition(ConditionTypes.Accepted, false, "NoMatchingParent", $"{name} does not exist");
        if (!parent.Ports.IsEmpty) return null;
        if (parent.Refusing.IsEmpty) return new Condition(ConditionTypes.Accepted, false, "NoMatchingParent", $"{name} has no TCP port {PortOf(parent)}");
        var (what, remedy) = route switch
        {
            HttpRoute => ("requests", "appProtocol: http"),
            TlsRoute => ("TLS", "appProtocol: tls"),
            _ => ("bytes", "appProtocol: tcp"),
        };
        var found = parent.Refusing.Select(p => $"port {p.Key.Port} carries {p.Protocol.Protocol} ({p.Protocol.Reason})");
        return new Condition(ConditionTypes.Accepted, false, "NotAllowedByListeners",
            $"{route.Kind.Kind}s are for ports that carry {what}, and of {name} {string.Join(", ", found)}; where that is wrong, give the port {remedy}");
    }

    private static Condition InForce(MeshConnectionRoute route, MeshParent parent, ImmutableSortedDictionary<ServicePortKey, MeshConnectionTable> tables)
    {
        // Both are accepted, as the standard has it; which of them connections follow stands in the message.
        var lost = parent.Ports.Select(p => (Port: p.Key.Port, Winner: Winner(route, tables[p.Key]))).Where(l => l.Winner is not null).ToList();
        return new Condition(ConditionTypes.Accepted, true, "Accepted", lost.Count == 0
            ? "the route is in force"
            : $"the route {(lost.Count == parent.Ports.Length ? "takes no connections" : "is in force, but not on every port")}: {string.Join(", ", lost.Select(l => $"port {l.Port} follows the older {l.Winner!.Source.Key}"))}");
    }

    /// <summary>The older route that has everything that this one asks for on a port; null when something is left to it.</summary>
    private static MeshConnectionRoute? Winner(MeshConnectionRoute route, MeshConnectionTable table)
    {
        var ns = route.Source.Metadata.Namespace;
        if (route.Source is TcpRoute) return table.Tcp(ns) is { } first && !ReferenceEquals(first, route) ? first : null;
        var rows = table.Tls(ns).ToList();
        return rows.Exists(r => ReferenceEquals(r.Route, route)) ? null : rows[0].Route;
    }

    private static Condition Unsupported(MeshRoute route) => new(ConditionTypes.Accepted, false, "UnsupportedValue",
        $"this version of Weft cannot do: {string.Join("; ", route.Rules.Select(r => $"rules[{r.Index}]: {r.Unsupported}"))}");

    private static string PortOf(MeshParent parent) =>
        string.Join(" called ", new[] { parent.Reference.Port?.ToString(), parent.Reference.SectionName }.Where(t => !string.IsNullOrEmpty(t)));

    private static Condition ResolvedRefs(RouteObject route, IEnumerable<(string Path, MeshBackend Backend)> backends)
    {
        var problems = backends.Where(b => b.Backend.Problem != BackendProblem.None).ToList();
        if (problems.Count == 0) return new Condition(ConditionTypes.ResolvedRefs, true, "ResolvedRefs", "every backend was found");
        // One condition has one reason: the first problem's; the message tells them all.
        var told = problems.Select(p => $"{p.Path}: {Describe(p.Backend, route)}");
        return new Condition(ConditionTypes.ResolvedRefs, false, problems[0].Backend.Problem.ToString(), string.Join("; ", told));
    }

    private static string Describe(MeshBackend backend, RouteObject route)
    {
        var ns = backend.Source.Namespace.Length > 0 ? backend.Source.Namespace : route.Metadata.Namespace;
        var service = $"Service {ns}/{backend.Source.Name}";
        return backend.Problem switch
        {
            BackendProblem.InvalidKind => $"a backend is a Service, not {backend.Source.Kind}{(backend.Source.Group.Length == 0 ? "" : "." + backend.Source.Group)}",
            BackendProblem.RefNotPermitted => $"{service} is in another namespace and no ReferenceGrant permits it",
            BackendProblem.UnsupportedProtocol => $"port {backend.Source.Port} of {service} does not carry what {route.Kind.Kind}s send; where that is wrong, say so with appProtocol",
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
