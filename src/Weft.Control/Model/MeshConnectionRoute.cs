using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Control.Model;

/// <summary>A TCPRoute or TLSRoute with its references looked up.</summary>
/// <param name="Source">The object.</param>
/// <param name="Parents">One per parentRef of kind Service, in the order written.</param>
/// <param name="Backends">Its backends, in the order written.</param>
/// <param name="Lookups">What each reference was found to be, in a fixed order; a change of one makes the route anew.</param>
public sealed record MeshConnectionRoute(ConnectionRoute Source, ImmutableArray<MeshParent> Parents, ImmutableArray<MeshBackend> Backends, ImmutableArray<object> Lookups)
{
    /// <summary><c>default/ledger</c>: what connections that it took are known by.</summary>
    public string Name => $"{Source.Metadata.Namespace}/{Source.Metadata.Name}";
}

/// <summary>The routes of connections of one port, for each caller.</summary>
/// <param name="Port">The port that is called.</param>
/// <param name="Routes">Every route that attaches to it, the oldest first: of two that want the same connections it has them.</param>
public sealed record MeshConnectionTable(MeshServicePort Port, ImmutableArray<MeshConnectionRoute> Routes)
{
    /// <summary>The namespace whose routes a caller from <paramref name="callerNamespace"/> follows: its own where that has some, else the Service's.</summary>
    public string RulesOf(string callerNamespace) => Routes.Any(r => r.Source.Metadata.Namespace == callerNamespace) ? callerNamespace : Port.Key.Namespace;

    /// <summary>The TCPRoute in force for callers under the rules of a namespace; null when it has none.</summary>
    public MeshConnectionRoute? Tcp(string rulesNamespace) => Of(rulesNamespace).FirstOrDefault(r => r.Source is TcpRoute);

    /// <summary>The route for connections that no server name decides about: the TCPRoute, else the TLSRoute that has every name; null for none.</summary>
    public MeshConnectionRoute? Any(string rulesNamespace) => Tcp(rulesNamespace) ?? Tls(rulesNamespace).FirstOrDefault(t => t.Names.Contains("*")).Route;

    /// <summary>The TLSRoutes of a namespace with the server names that each of them has to itself; a route that names none has every name.</summary>
    public IEnumerable<(MeshConnectionRoute Route, ImmutableArray<string> Names)> Tls(string rulesNamespace)
    {
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach (var route in Of(rulesNamespace))
        {
            if (route.Source is not TlsRoute tls) continue;
            ImmutableArray<string> names = [.. (tls.Hostnames.IsEmpty ? ["*"] : tls.Hostnames).Where(taken.Add)];
            if (!names.IsEmpty) yield return (route, names);
        }
    }

    /// <summary>The server names that have a route to themselves, in the order in which they are compared: exact names, then wildcards, the longest first.</summary>
    public IEnumerable<(string Name, MeshConnectionRoute Route)> ServerNames(string rulesNamespace) => Tls(rulesNamespace)
        .SelectMany(t => t.Names.Where(n => n != "*").Select(n => (Name: n, t.Route)))
        .OrderBy(t => t.Name.StartsWith('*')).ThenByDescending(t => t.Name.Length).ThenBy(t => t.Name, StringComparer.Ordinal);

    /// <summary>Some route has a word in it: a connection that none of them takes goes nowhere, instead of to the Service.</summary>
    public bool HasRoutes(string rulesNamespace) => Of(rulesNamespace).Any();

    private IEnumerable<MeshConnectionRoute> Of(string rulesNamespace) => Routes.Where(r => r.Source.Metadata.Namespace == rulesNamespace);
}
