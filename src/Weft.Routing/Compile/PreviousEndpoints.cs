using System.Net;
using Weft.Routing.Clusters;

namespace Weft.Routing.Compile;

/// <summary>
/// Finds the endpoints of the last version again. Assignments mostly keep their order, so it looks at the place after the last find first;
/// when that fails it builds an index of places, once.
/// </summary>
internal struct PreviousEndpoints(EndpointSet? previous)
{
    private int _next;
    private Dictionary<IPEndPoint, int>? _places;

    /// <summary>The endpoint that says exactly this, or null.</summary>
    public Endpoint? Find(in FlatEndpoint flat)
    {
        if (previous is null) return null;
        // One was removed: the one after it stands one further on. One was added: the same place again.
        for (var i = _next; i < Math.Min(_next + 2, previous.Endpoints.Length); i++)
        {
            if (!flat.Is(previous.Endpoints[i])) continue;
            _next = i + 1;
            return previous.Endpoints[i];
        }
        return null;
    }

    /// <summary>The old object where a new one says the same; otherwise the new one.</summary>
    public Endpoint Keep(Endpoint created)
    {
        if (previous is null) return created;
        if (_next < previous.Endpoints.Length && ReferenceEquals(previous.Endpoints[_next].State, created.State))
        {
            // The address kept its place and something about it changed.
            var same = previous.Endpoints[_next++];
            return same.SameAs(created) ? same : created;
        }
        _places ??= Index(previous);
        if (!_places.TryGetValue(created.Address, out var place)) return created;
        _next = place + 1;
        return previous.Endpoints[place].SameAs(created) ? previous.Endpoints[place] : created;
    }

    private static Dictionary<IPEndPoint, int> Index(EndpointSet previous)
    {
        var places = new Dictionary<IPEndPoint, int>(previous.Endpoints.Length);
        for (var i = 0; i < previous.Endpoints.Length; i++) places.TryAdd(previous.Endpoints[i].Address, i);
        return places;
    }
}
