using System.Collections.Immutable;
using Weft.Routing.Matching;
using Weft.Routing.Requests;

namespace Weft.Routing.Routes;

/// <summary>The routes of a set of domains, tried in order; the first that matches wins. Immutable.</summary>
public sealed class VirtualHost
{
    private readonly PathIndex _index;

    internal VirtualHost(string name, ImmutableArray<string> domains, ImmutableArray<Route> routes)
    {
        Name = name;
        Domains = domains;
        Routes = routes;
        _index = new PathIndex([.. routes.Select(r => r.Match)]);
    }

    public string Name { get; }

    /// <summary>As configured: <c>a.example</c>, <c>*.example</c>, <c>a.*</c> or <c>*</c>.</summary>
    public ImmutableArray<string> Domains { get; }

    public ImmutableArray<Route> Routes { get; }

    /// <summary>The first route that matches, or null.</summary>
    public Route? Find(in RequestHead head)
    {
        var index = _index.Find(head);
        return index < 0 ? null : Routes[index];
    }
}
